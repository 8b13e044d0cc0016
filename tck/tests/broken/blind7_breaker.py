"""Breaker drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import read
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import CircuitState, Permit
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.breaker import BreakerContract


def breaker(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-BR-{number:02}", tier, summary, BreakerContract)


# clause: Reset "Close the circuit and forget what was reported"
# app: every reset by hand
@breaker(1, "T0", "reset answers a closed circuit and changes nothing")
class ResetsNothing(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        await self._store.reading()
        return Reading(CircuitState.CLOSED, 0, 0.0, self._circuit(op.circuit).generation + 1)


# clause: minimum_calls "The ratios mean nothing below so many calls in the window"
# app: failure_rate=0.5: the first call of the day fails
@breaker(2, "T1", "a rate counts from the first call on")
class NoMinimum(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, settings=replace(op.settings, minimum_calls=1)))


# clause: failure_rate "Ratio of failed calls in the window that opens it"
# app: failure_rate=0.5 and every second call fails; failure_rate=1.0 never opens
@breaker(3, "T1", "a rate that is just reached does not open the circuit")
class OpensAboveTheRate(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        rate = op.settings.failure_rate
        if rate is not None:
            op = replace(op, settings=replace(op.settings, failure_rate=rate + 1e-9))
        return await super().report(op)


# clause: shared "All clients that name a circuit see one and the same"
# app: two processes: the second goes on calling after the first tripped
@breaker(4, "T2", "a client that found the circuit closed asks again after a second only")
class RemembersClosed(MemoryBreaker):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._closed: dict[str, tuple[float, Reading]] = {}

    async def admit(self, op: Admit, /) -> Admission:
        at, reading = self._closed.get(op.circuit, (0.0, None))
        if reading is not None and self._now() < at + 1.0:
            await self._store.reading()
            return Admission(Permit(reading.generation), reading)
        answer = await super().admit(op)
        self._learn(op.circuit, answer.reading)
        return answer

    async def report(self, op: Report, /) -> Reading:
        reading = await super().report(op)
        self._learn(op.circuit, reading)
        return reading

    async def reset(self, op: Reset, /) -> Reading:
        self._closed.pop(op.circuit, None)
        return await super().reset(op)

    def _learn(self, name: str, reading: Reading) -> None:
        self._closed.pop(name, None)
        if reading.state is CircuitState.CLOSED:
            self._closed[name] = (self._now(), reading)


# clause: "one trial at a time"; a trial that was given up is not the trial under way
# app: a trial that hangs beyond trial_timeout and then succeeds, while another runs
@breaker(5, "T2", "the late report of a trial that was given up ends the trial under way")
class TakesAnyTrial(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        circuit = self._circuit(op.circuit)
        if op.permit.trial and circuit.trial:
            op = replace(op, permit=Permit(op.permit.generation, circuit.trial))
        return await super().report(op)


# clause: trial_seconds "A trial not reported after so long is given up (its process died)"
# app: a process that dies in its trial
@breaker(6, "T3", "a trial whose process died is never given up")
class WaitsForTheDead(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(replace(op, settings=replace(op.settings, trial_seconds=1e9)))


# clause: window_seconds "How far back the two ratios look"
# app: failure_rate over a minute: this morning's failures open the circuit in the afternoon
@breaker(7, "T3", "failures never leave the window")
class LooksFarBack(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, settings=replace(op.settings, window_seconds=1e9)))


# clause: names never collide; XBR01's relation in names
# app: circuits "payments:eu" and "payments:us"
@breaker(8, "T4", "a circuit is called by what stands before the colon")
class CutsAtColon(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(replace(op, circuit=self._cut(op.circuit)))

    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, circuit=self._cut(op.circuit)))

    async def look(self, op: Look, /) -> Reading:
        await self._store.reading()
        return read(self._circuit(self._cut(op.circuit)), op.settings, self._now())

    async def reset(self, op: Reset, /) -> Reading:
        return await super().reset(replace(op, circuit=self._cut(op.circuit)))

    def _cut(self, name: str) -> str:
        return name.partition(":")[0] or name
