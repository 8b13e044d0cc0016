"""breaker drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Report, Reset
from omnicloud.contracts.breaker.keeper import read
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import Verdict
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def breaker(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-CB-{number:02}", tier, summary, BreakerContract)


@breaker(1, "T0", "reset forgets the failures, and leaves an open circuit open")
class ResetsCounts(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        await self._store.reading()
        after = replace(self._circuit(op.circuit), failures=0, window=())
        self._keep(op.circuit, after)
        return read(after, op.settings, self._now())


@breaker(2, "T1", "a trial that the dependency answered with the caller's mistake ends badly")
class AnswerIsFailure(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial and op.verdict is Verdict.ANSWERED:
            op = replace(op, verdict=Verdict.FAILURE)
        return await super().report(op)


@breaker(3, "T2", "after a reset calls that were under way still count")
class CountsAfterReset(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        before = self._circuit(op.circuit)
        await super().reset(op)
        after = replace(self._circuit(op.circuit), generation=before.generation)
        self._store.rows(self._table)[op.circuit] = after
        return read(after, op.settings, self._now())


@breaker(4, "T2", "who asks for its trial again with its own ticket is refused")
class ForgetsTickets(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        if circuit.trial and circuit.trial == op.ticket and self._now() < circuit.trial_until:
            return Admission(None, read(circuit, op.settings, self._now()))
        return await super().admit(op)


@breaker(5, "T3", "a trial whose process died is never given up")
class KeepsDeadTrials(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        endless = replace(op.settings, trial_seconds=1e9)
        return await super().admit(replace(op, settings=endless))
