"""breaker drivers written against the contract alone, for a ninth count of what is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker import Reading
from omnicloud.contracts.breaker.driver import Admit, Look, Report
from omnicloud.contracts.breaker.models import Admission
from omnicloud.core.circuit import Permit, Verdict
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def breaker(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-BR-{number}", tier, summary, BreakerContract)


@breaker("01", "T2", "a trial that was given up frees the next one's place when it is cancelled")
class FreesAnothersTrial(MemoryBreaker):
    """ "One trial at a time when half open"."""

    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        if op.verdict is Verdict.NEUTRAL and op.permit.trial and circuit.trial:
            op = replace(op, permit=Permit(op.permit.generation, circuit.trial))
        return await super().report(op)


@breaker("02", "T3", "the settings of the first client stay for ever")
class FirstSettings(MemoryBreaker):
    """ "Each request carries its own"; after a deployment they are others."""

    def _own(self, op: Any) -> Any:
        kept = self._store.rows(("settings", *self._table)).setdefault(op.circuit, op.settings)
        return replace(op, settings=kept)

    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(self._own(op))

    async def report(self, op: Report, /) -> Reading:
        return await super().report(self._own(op))

    async def look(self, op: Look, /) -> Reading:
        return await super().look(self._own(op))
