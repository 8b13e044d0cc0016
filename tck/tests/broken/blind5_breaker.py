"""Circuits that are wrong in the ways of a shared table of them."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit, CircuitSettings, CircuitState
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


@broken("B5-BR-01", "T0", "slow calls never open a circuit", BreakerContract)
class NeverSlow(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, took=0.0))


@broken("B5-BR-02", "T1", "during a trial others may try at once", BreakerContract)
class TryAtOnce(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        return Admission(answer.permit, _at_once(answer.reading))

    async def look(self, op: Look, /) -> Reading:
        return _at_once(await super().look(op))


def _at_once(reading: Reading) -> Reading:
    half = reading.state is CircuitState.HALF_OPEN
    return replace(reading, retry_after=0.0) if half else reading


@broken("B5-BR-03", "T1", "the settings of a circuit's first caller are for ever", BreakerContract)
class FirstSettings(MemoryBreaker):
    def _first(self, name: str, settings: CircuitSettings) -> CircuitSettings:
        rows = self._store.rows(("settings", self._table))
        first: CircuitSettings = rows.setdefault(name, settings)
        return first

    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(replace(op, settings=self._first(op.circuit, op.settings)))

    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, settings=self._first(op.circuit, op.settings)))

    async def look(self, op: Look, /) -> Reading:
        return await super().look(replace(op, settings=self._first(op.circuit, op.settings)))


@broken("B5-BR-04", "T2", "calls under way at a reset still count", BreakerContract)
class StillCounts(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        before = self._circuit(op.circuit)
        reading = await super().reset(op)
        self._keep(op.circuit, Circuit(before.generation))
        return replace(reading, generation=before.generation)


@broken("B5-BR-05", "T2", "a ticket that asks again is refused its own trial", BreakerContract)
class RefusesItsOwn(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        await self._store.reading()
        circuit, now = self._circuit(op.circuit), self._now()
        if circuit.trial == op.ticket and now < circuit.trial_until:
            reading = await self.look(Look(op.circuit, op.settings))
            return Admission(None, reading)
        return await super().admit(op)


@broken("B5-BR-06", "T3", "a call that is refused puts the trial off", BreakerContract)
class PutsOff(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        circuit = self._circuit(op.circuit)
        if answer.permit is None and answer.reading.state is CircuitState.OPEN:
            self._keep(op.circuit, replace(circuit, opened_at=self._now()))
        return answer


@broken("B5-BR-07", "T3", "a circuit that closes is forgotten with its generation", BreakerContract)
class Forgets(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        reading = await super().report(op)
        circuit = self._circuit(op.circuit)
        if circuit.opened_at is None and not circuit.failures and not circuit.window:
            self._rows().pop(op.circuit, None)
            return replace(reading, generation=CLOSED_CIRCUIT.generation)
        return reading


@broken("B5-BR-08", "T4", "circuits are named without regard to case", BreakerContract)
class AnyCase(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        return super()._circuit(name.lower())

    def _keep(self, name: str, circuit: Circuit) -> None:
        super()._keep(name.lower(), circuit)
