"""breaker drivers, wrong in ways that no law was written for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import read, reported
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import Circuit, CircuitSettings, CircuitState, Verdict
from omnicloud.errors import UnavailableError
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def breaker(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, BreakerContract)


class _Sets(MemoryBreaker):
    """Reports with settings that are not those it was given."""

    def settings(self, given: CircuitSettings) -> CircuitSettings:
        return given

    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, settings=self.settings(op.settings)))


class _Judges(MemoryBreaker):
    """Reports another verdict than it was given."""

    def judged(self, verdict: Verdict) -> Verdict:
        return verdict

    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, verdict=self.judged(op.verdict)))


@breaker("U-CB-01", "T0", "looking answers closed, always")
class LooksClosed(MemoryBreaker):
    async def look(self, op: Look, /) -> Reading:
        await super().look(op)
        return Reading(CircuitState.CLOSED)


@breaker("U-CB-02", "T1", "it opens at the failure after the threshold")
class OneMore(_Sets):
    def settings(self, given: CircuitSettings) -> CircuitSettings:
        return replace(given, failure_threshold=given.failure_threshold + 1)


@breaker("U-CB-03", "T1", "an open circuit says to come back after the whole timeout, always")
class WholeTimeout(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        if answer.permit is None:
            whole = replace(answer.reading, retry_after=op.settings.reset_timeout)
            return replace(answer, reading=whole)
        return answer


@breaker("U-CB-04", "T1", "an answer that found the caller's mistake is a failure")
class AnsweredFails(_Judges):
    def judged(self, verdict: Verdict) -> Verdict:
        return Verdict.FAILURE if verdict is Verdict.ANSWERED else verdict


@breaker("U-CB-05", "T1", "an answer that found the caller's mistake does not end a trial")
class AnsweredNeutral(_Judges):
    def judged(self, verdict: Verdict) -> Verdict:
        return Verdict.NEUTRAL if verdict is Verdict.ANSWERED else verdict


@breaker("U-CB-06", "T1", "slow calls do not count")
class NeverSlow(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, took=0.0))


@breaker("U-CB-07", "T1", "ratios count from the first call")
class NoMinimum(_Sets):
    def settings(self, given: CircuitSettings) -> CircuitSettings:
        return replace(given, minimum_calls=2)


@breaker("U-CB-08", "T3", "the window never forgets")
class LongWindow(_Sets):
    def settings(self, given: CircuitSettings) -> CircuitSettings:
        return replace(given, window_seconds=1e9)


@breaker("U-CB-09", "T3", "the window begins anew when it is full, instead of rolling")
class Tumbles(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        part = op.settings.window_seconds / 10
        whole = int(self._now() / op.settings.window_seconds)
        kept = tuple(one for one in circuit.window if int(one.number * part / part) // 10 >= whole)
        self._keep(op.circuit, replace(circuit, window=kept))
        return await super().report(op)


@breaker("U-CB-10", "T1", "a ratio of exactly the bound does not open it")
class AboveOnly(_Sets):
    def settings(self, given: CircuitSettings) -> CircuitSettings:
        rate = given.failure_rate
        return replace(given, failure_rate=None if rate is None else rate + 1e-9)


@breaker("U-CB-11", "T2", "a trial that asks again for its leave is refused")
class TrialOnce(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        if circuit.trial == op.ticket and self._now() < circuit.trial_until:
            return Admission(None, read(circuit, op.settings, self._now()))
        return await super().admit(op)


@breaker("U-CB-12", "T2", "a late success of a call from before it opened closes it")
class LateSuccess(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        old = op.permit.generation < circuit.generation
        if op.verdict is Verdict.SUCCESS and old and circuit.opened_at is not None:
            self._keep(op.circuit, Circuit(circuit.generation + 1))
        return await super().report(op)


@breaker("U-CB-13", "T2", "a trial that was given up ends the one after it")
class OldTrialEnds(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        if op.permit.trial and op.permit.generation == circuit.generation:
            op = replace(op, permit=op.permit._replace(trial=circuit.trial))
        return await super().report(op)


@breaker("U-CB-14", "T3", "a trial whose caller died is never given up")
class TrialForEver(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(replace(op, settings=replace(op.settings, trial_seconds=1e9)))


@breaker("U-CB-15", "T2", "after a reset calls under way still count")
class ResetKeeps(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        after = Circuit(circuit.generation)
        self._keep(op.circuit, after)
        return read(after, op.settings, self._now())


@breaker("U-CB-16", "T3", "a reset closes but keeps the failures and the window")
class ResetHalf(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        await self._store.reading()
        before = self._circuit(op.circuit)
        after = replace(before, generation=before.generation + 1, opened_at=None, trial="")
        self._keep(op.circuit, after)
        return read(after, op.settings, self._now())


@breaker("U-CB-17", "T4", "what is in front of the last slash of a name does not count")
class LastPart(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        return super()._circuit(name.rpartition("/")[2] or name)

    def _keep(self, name: str, circuit: Circuit) -> None:
        super()._keep(name.rpartition("/")[2] or name, circuit)


@breaker("U-CB-18", "T2", "reports at the same time are written over each other")
class LostReports(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        circuit = self._circuit(op.circuit)
        await asyncio.sleep(0)
        after, answer = reported(circuit, op, self._now())
        self._keep(op.circuit, after)
        return answer


@breaker("U-CB-19", "T1", "a trial that was cancelled closes the circuit")
class CancelledCloses(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial and op.verdict is Verdict.NEUTRAL:
            op = replace(op, verdict=Verdict.SUCCESS)
        return await super().report(op)


@breaker("U-CB-20", "T3", "circuits are timed by the wall clock")
class WallClock(MemoryBreaker):
    def _now(self) -> float:
        return self._store.clock.wall()


@breaker("U-CB-21", "T3", "a circuit of which nothing was heard for a minute is forgotten")
class Forgets(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        touched = self._store.rows(("unseen", "touched"))
        if self._now() - touched.get(name, 0.0) > 60.0:
            self._rows().pop(name, None)
        return super()._circuit(name)

    def _keep(self, name: str, circuit: Circuit) -> None:
        self._store.rows(("unseen", "touched"))[name] = self._now()
        super()._keep(name, circuit)


@breaker("U-CB-22", "T2", "a trial that fails does not begin the timeout anew")
class NoNewTimeout(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        opened = self._circuit(op.circuit).opened_at
        answer = await super().report(op)
        after = self._circuit(op.circuit)
        if opened is not None and after.opened_at is not None and op.permit.trial:
            self._keep(op.circuit, replace(after, opened_at=opened))
        return answer


@breaker("U-CB-23", "T1", "the first success after a trial's asks for as many again")
class FailuresKept(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        answer = await super().report(op)
        after = self._circuit(op.circuit)
        if op.permit.trial and after.opened_at is None:
            kept = replace(after, failures=op.settings.failure_threshold - 1)
            self._keep(op.circuit, kept)
        return answer


@breaker("U-CB-24", "T1", "in the window a success takes the failures in a row away from the ratio")
class RatioInRow(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.verdict is Verdict.SUCCESS:
            await self._store.reading()
            circuit = self._circuit(op.circuit)
            clean = tuple(one._replace(failures=0) for one in circuit.window)
            self._keep(op.circuit, replace(circuit, window=clean))
        return await super().report(op)


@breaker("U-CB-25", "T3", "an outage is answered with leave to call")
class OutagePermits(MemoryBreaker):
    async def look(self, op: Look, /) -> Reading:
        try:
            return await super().look(op)
        except UnavailableError:
            return Reading(CircuitState.CLOSED)


@breaker("U-CB-26", "T1", "names that differ in case only are one circuit")
class Caseless(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        return super()._circuit(name.casefold())

    def _keep(self, name: str, circuit: Circuit) -> None:
        super()._keep(name.casefold(), circuit)


@breaker("U-CB-27", "T2", "an open circuit opens again with each refusal")
class RefusalRearms(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        if answer.permit is None and answer.reading.state is CircuitState.OPEN:
            circuit = self._circuit(op.circuit)
            self._keep(op.circuit, replace(circuit, opened_at=self._now()))
        return answer
