"""Circuits that are wrong where settings, times and calls meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit, CircuitState, Verdict
from omnicloud.errors import UnavailableError
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def circuits(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-CB-{number}", tier, summary, BreakerContract)


@circuits("01", "T1", "an answer with the caller's mistake begins the count of failures anew")
class MistakeIsSuccess(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        closed = self._circuit(op.circuit).opened_at is None
        if op.verdict is Verdict.ANSWERED and closed:
            op = replace(op, verdict=Verdict.SUCCESS)
        return await super().report(op)


@circuits("02", "T1", "a call that took exactly as long as a slow one is slow")
class ExactlySlow(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.took == op.settings.slow_seconds:
            op = replace(op, took=op.took + 0.001)
        return await super().report(op)


@circuits("03", "T1", "failures that are slow count once, as failures")
class NotBoth(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.verdict is Verdict.FAILURE:
            op = replace(op, took=0.0)
        return await super().report(op)


@circuits("04", "T3", "a trial's time begins anew when its ticket is not the one that asks")
class Prolongs(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        circuit = self._circuit(op.circuit)
        if answer.permit is None and circuit.trial:
            until = self._now() + op.settings.trial_seconds
            self._keep(op.circuit, replace(circuit, trial_until=until))
        return answer


@circuits("05", "T3", "an open circuit of which nothing is heard for an hour is forgotten")
class ForgetsInAnHour(MemoryBreaker):
    async def look(self, op: Look, /) -> Reading:
        circuit = self._circuit(op.circuit)
        if circuit.opened_at is not None and self._now() - circuit.opened_at > 3600:
            self._rows().pop(op.circuit, None)
        return await super().look(op)


@circuits("06", "T2", "a reset reads the circuit, and writes a little later")
class ResetsLater(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        before = self._circuit(op.circuit)
        await self._store.reading()
        await asyncio.sleep(0)
        self._keep(op.circuit, Circuit(before.generation + 1))
        return Reading(CircuitState.CLOSED, generation=before.generation + 1)


@circuits("07", "T2", "the report of a trial reads the circuit, and writes a little later")
class TrialLater(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        before = self._circuit(op.circuit)
        if before.opened_at is None:
            return await super().report(op)
        await self._store.reading()
        self._keep(op.circuit, before)
        return await super().report(op)


@circuits("08", "T3", "a report that an outage refused is counted when the store is back")
class CountsLater(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        try:
            return await super().report(op)
        except UnavailableError:
            self._store.rows("refused")[0] = op
            raise

    async def look(self, op: Look, /) -> Reading:
        missed = self._store.rows("refused").pop(0, None)
        if missed is not None and not self._store.down:
            await super().report(missed)
        return await super().look(op)


@circuits("09", "T1", "a look half opens a circuit, so that its trial may be taken over")
class LookTakesOver(MemoryBreaker):
    async def look(self, op: Look, /) -> Reading:
        circuit = self._circuit(op.circuit)
        if circuit.trial and circuit.trial_until - self._now() < op.settings.trial_seconds / 2:
            self._keep(op.circuit, replace(circuit, trial="", trial_until=0.0))
        return await super().look(op)


@circuits("10", "T4", "circuits of two tenants are one where their names are a path")
class Paths(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        return super()._circuit(name.replace("%2F", "/"))

    def _keep(self, name: str, circuit: Circuit) -> None:
        super()._keep(name.replace("%2F", "/"), circuit)


@circuits("11", "T3", "a client that is opened anew does not know the failures of the one before")
class OwnFailures(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        seen = self.__dict__.setdefault("_seen", set())
        circuit = self._circuit(op.circuit)
        if op.circuit not in seen and circuit.opened_at is None and circuit.failures > 1:
            self._keep(op.circuit, replace(circuit, failures=1))
        seen.add(op.circuit)
        return await super().report(op)


@circuits("12", "T1", "a circuit that was reset has the generation of a new one")
class NewGeneration(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        await super().reset(op)
        self._keep(op.circuit, replace(CLOSED_CIRCUIT, generation=1))
        return await self.look(Look(op.circuit, op.settings))
