"""Breaker drivers that are wrong as those over keys with an expiry would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import rootless
from omnicloud.contracts.breaker.driver import Admit, Report, Reset
from omnicloud.contracts.breaker.keeper import read, reported
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import Circuit, Permit, Verdict
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract

_SLICES = 10


def breaker(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, BreakerContract)


@breaker("B6-BR-01", "T0", "a trial that went well does not close the circuit")
class NeverCloses(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial and op.verdict is Verdict.SUCCESS:
            op = replace(op, verdict=Verdict.NEUTRAL)
        return await super().report(op)


@breaker("B6-BR-02", "T1", "a trial that was answered with the caller's mistake says nothing")
class AnsweredIsNothing(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.verdict is Verdict.ANSWERED:
            op = replace(op, verdict=Verdict.NEUTRAL)
        return await super().report(op)


@breaker(
    "B6-BR-03", "T1", "the window does not roll: it begins anew at each multiple of its length"
)
class FixedWindows(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        circuit, now = self._circuit(op.circuit), self._now()
        this = int(now / op.settings.window_seconds)
        window = tuple(one for one in circuit.window if one.number // _SLICES == this)
        after, answer = reported(replace(circuit, window=window), op, now)
        self._keep(op.circuit, after)
        return answer


@breaker("B6-BR-04", "T2", "after a reset calls from before it count")
class ResetKeepsGeneration(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        await self._store.reading()
        after = Circuit(self._circuit(op.circuit).generation)
        self._keep(op.circuit, after)
        return read(after, op.settings, self._now())


@breaker("B6-BR-05", "T2", "asked again with the ticket of the trial, it refuses")
class RefusesItsTrial(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        await self._store.reading()
        circuit, now = self._circuit(op.circuit), self._now()
        if circuit.trial == op.ticket and now < circuit.trial_until:
            return Admission(None, read(circuit, op.settings, now))
        return await super().admit(op)


@breaker("B6-BR-06", "T3", "failures in a row are forgotten after five minutes without a report")
class CountExpires(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        circuit = super()._circuit(name)
        at = self._store.rows("reported at").get((self._table, name), self._now())
        if circuit.opened_at is None and self._now() - at > 300.0:
            return replace(circuit, failures=0)
        return circuit

    async def report(self, op: Report, /) -> Reading:
        answer = await super().report(op)
        self._store.rows("reported at")[self._table, op.circuit] = self._now()
        return answer


@breaker("B6-BR-07", "T3", "a trial that was given up decides in place of the one under way")
class LateTrialDecides(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        under_way = self._circuit(op.circuit).trial
        if op.permit.trial and under_way:
            op = replace(op, permit=Permit(op.permit.generation, under_way))
        return await super().report(op)


@breaker("B6-BR-08", "T4", "a reset in one tenant resets the circuits of that name in all")
class ResetsAllTenants(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        for name in list(self._rows()):
            if name != op.circuit and rootless(name) == rootless(op.circuit):
                await super().reset(replace(op, circuit=name))
        return await super().reset(op)
