"""breaker drivers, and breakers, that are wrong on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from memory_world import memory_world
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import admitted, read, reported
from omnicloud.contracts.breaker.models import Admission, BreakerFeature, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit, Permit, Verdict, state_at
from omnicloud.errors import CircuitOpenError, OmniCloudError
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.breaker import BreakerContract


def breaker(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, BreakerContract)


class Settled(MemoryBreaker):
    """A driver that reads the settings of a request as it likes."""

    def settle(self, op: Any) -> Any:
        return op

    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(self.settle(op))

    async def report(self, op: Report, /) -> Reading:
        return await super().report(self.settle(op))

    async def look(self, op: Look, /) -> Reading:
        return await super().look(self.settle(op))

    async def reset(self, op: Reset, /) -> Reading:
        return await super().reset(self.settle(op))


def _setting(name: str, how: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def settle(self: Any, op: Any) -> Any:
        changed = how(getattr(op.settings, name))
        return replace(op, settings=replace(op.settings, **{name: changed}))

    return settle


def settled(number: str, tier: str, summary: str, name: str, how: Callable[[Any], Any]) -> None:
    """Enter a driver that changes one setting."""
    kind = type(f"Settled{number}", (Settled,), {"settle": _setting(name, how)})
    breaker(number, tier, summary)(kind)


def renamed(number: str, tier: str, summary: str, how: Callable[[str], str]) -> None:
    """Enter a driver that changes the names of circuits."""

    def settle(self: Any, op: Any) -> Any:
        return replace(op, circuit=how(op.circuit))

    breaker(number, tier, summary)(type(f"Renamed{number}", (Settled,), {"settle": settle}))


settled("CB01", "T0", "it never opens", "failure_threshold", lambda _: 10**9)
settled("CB02", "T1", "it opens one failure too late", "failure_threshold", lambda n: n + 1)
settled(
    "CB03", "T1", "it opens one failure too early", "failure_threshold", lambda n: max(1, n - 1)
)
settled("CB04", "T1", "reset_timeout is always 1 s", "reset_timeout", lambda _: 1.0)
settled("CB05", "T1", "thresholds above 2 are 2", "failure_threshold", lambda n: min(n, 2))
settled("CB05b", "T1", "thresholds below 2 are 2", "failure_threshold", lambda n: max(n, 2))
settled("CB05c", "T1", "thresholds above 10 are 10", "failure_threshold", lambda n: min(n, 10))
settled("CB04b", "T1", "reset_timeout in whole seconds", "reset_timeout", lambda s: max(1, int(s)))
settled(
    "CB04c", "T1", "reset_timeout is rounded up", "reset_timeout", lambda s: float(-int(-s // 1))
)
settled("CB04d", "T1", "half open at once", "reset_timeout", lambda _: 0.0)
settled("CB04e", "T1", "it never turns half open", "reset_timeout", lambda _: 1e9)
settled("CB20", "T1", "the failure rate is ignored", "failure_rate", lambda _: None)
settled("CB21", "T1", "the slow rate is ignored", "slow_rate", lambda _: None)
settled("CB22", "T1", "minimum_calls is ignored", "minimum_calls", lambda _: 1)
settled("CB23", "T3", "a dead trial keeps its place", "trial_seconds", lambda _: 1e9)
settled("CB24", "T1", "a rate is held against half of it", "failure_rate", lambda r: r and r / 2)
renamed("XBR01", "T2", "all circuits are one", lambda _: "one")
renamed("XBR01b", "T2", "names of circuits are folded", str.lower)
renamed("XBR01c", "T2", "names of circuits are cut", lambda name: name[:255])
renamed("XBR01d", "T4", "the tenant is forgotten", lambda name: name.rpartition("/")[2])


@breaker("CB06", "T1", "a success does not begin the count anew")
class CountsTotal(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        before = self._circuit(op.circuit)
        if before.opened_at is None and op.verdict is Verdict.SUCCESS:
            return await super().look(Look(op.circuit, op.settings))
        return await super().report(op)


@breaker("CB06b", "T1", "a success takes one failure off the count")
class LeaksFailures(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        before = self._circuit(op.circuit)
        answer = await super().report(op)
        if before.opened_at is None and op.verdict is Verdict.SUCCESS and before.failures:
            after = replace(self._circuit(op.circuit), failures=before.failures - 1)
            self._keep(op.circuit, after)
            return read(after, op.settings, self._now())
        return answer


class AfterTrial(MemoryBreaker):
    """A driver that leaves a circuit as it likes after a trial."""

    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        return after

    async def report(self, op: Report, /) -> Reading:
        before = self._circuit(op.circuit)
        answer = await super().report(op)
        if before.opened_at is None or not op.permit.trial:
            return answer
        after = self.leave(before, self._circuit(op.circuit), op)
        self._keep(op.circuit, after)
        return read(after, op.settings, self._now())


@breaker("CB09", "T1", "after closing the count is kept: one new failure opens")
class KeepsCount(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        closed = after.opened_at is None
        return replace(after, failures=op.settings.failure_threshold - 1) if closed else after


@breaker("CB07", "T1", "a trial that fails must fail threshold times to open again")
class TrialsCount(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        if op.verdict is not Verdict.FAILURE:
            return after
        return Circuit(after.generation, failures=1)


@breaker("CB08", "T1", "a trial that fails does not begin the open time anew")
class KeepsOpenTime(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        failed = op.verdict is Verdict.FAILURE
        return replace(after, opened_at=before.opened_at) if failed else after


@breaker("CB08b", "T1", "a trial that succeeds leaves the circuit half open")
class NeverCloses(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        return replace(before, trial="") if op.verdict is Verdict.SUCCESS else after


@breaker("CB13", "T2", "a cancelled trial keeps its place")
class KeepsPlace(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        if op.verdict is not Verdict.NEUTRAL:
            return after
        return replace(before, trial_until=1e18)


@breaker("CB13b", "T2", "a cancelled trial closes the circuit")
class CancelCloses(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        return Circuit(after.generation + 1) if op.verdict is Verdict.NEUTRAL else after


@breaker("CB13c", "T2", "a cancelled trial begins the open time anew")
class CancelReopens(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        if op.verdict is not Verdict.NEUTRAL:
            return after
        return Circuit(after.generation + 1, opened_at=self._now())


@breaker("CB10", "T2", "half open, every caller is let through")
class LetsAllThrough(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        held = self._circuit(op.circuit)
        if held.trial:
            self._keep(op.circuit, replace(held, trial="", trial_until=0.0))
        return await super().admit(op)


@breaker("CB10b", "T2", "half open, each client lets one call through")
class OneTrialEach(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        await self._store.reading()
        held = self._circuit(op.circuit)
        mine = self.__dict__.setdefault("_mine", {})
        if held.trial and mine.get(op.circuit) != held.trial:
            held = replace(held, trial="", trial_until=0.0)
        after, answer = admitted(held, op, self._now())
        mine[op.circuit] = after.trial
        self._keep(op.circuit, after)
        return answer


@breaker("CB10c", "T2", "half open, the check and the taking of the place are apart")
class ChecksThenTakes(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        held = self._circuit(op.circuit)
        await self._store.reading()
        after, answer = admitted(held, op, self._now())
        self._keep(op.circuit, after)
        return answer


class Late(MemoryBreaker):
    """A driver that takes a report of an older generation for what it likes."""

    def take(self, held: Circuit, op: Report) -> Circuit:
        return held

    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        if op.permit.generation != held.generation:
            self._keep(op.circuit, self.take(held, op))
        return await super().report(op)


@breaker("CB12", "T2", "a late failure re-arms the open timer")
class LateReArms(Late):
    def take(self, held: Circuit, op: Report) -> Circuit:
        failed = held.opened_at is not None and op.verdict is Verdict.FAILURE
        return replace(held, opened_at=self._now()) if failed else held


@breaker("CB12b", "T2", "a late success closes the open circuit")
class LateCloses(Late):
    def take(self, held: Circuit, op: Report) -> Circuit:
        done = held.opened_at is not None and op.verdict is Verdict.SUCCESS
        return Circuit(held.generation + 1) if done else held


@breaker("CB12c", "T2", "a late failure counts once the circuit is closed again")
class LateCounts(Late):
    def take(self, held: Circuit, op: Report) -> Circuit:
        failed = held.opened_at is None and op.verdict is Verdict.FAILURE
        return replace(held, failures=held.failures + 1) if failed else held


@breaker("CB12d", "T2", "a late failure opens a half-open circuit")
class LateReopens(Late):
    def take(self, held: Circuit, op: Report) -> Circuit:
        half_open = state_at(held, op.settings, self._now()).value == "half_open"
        failed = half_open and op.verdict is Verdict.FAILURE
        return replace(held, opened_at=self._now()) if failed else held


@breaker("CB14", "T2", "cancellation counts as a failure")
class CancelFails(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        neutral = op.verdict is Verdict.NEUTRAL
        return await super().report(replace(op, verdict=Verdict.FAILURE) if neutral else op)


@breaker("CB14b", "T2", "cancellation counts as a success")
class CancelSucceeds(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        neutral = op.verdict is Verdict.NEUTRAL
        return await super().report(replace(op, verdict=Verdict.SUCCESS) if neutral else op)


@breaker("CB15", "T1", "a refused call begins the open time anew")
class RefusalsReArm(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        held = self._circuit(op.circuit)
        if answer.permit is None and not held.trial:
            self._keep(op.circuit, replace(held, opened_at=self._now()))
        return answer


@breaker("CB16", "T0", "calls are made while the circuit is open")
class AdmitsAlways(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        return answer if answer.permit else replace(answer, permit=Permit(-1))


@breaker("CB17", "T1", "reset does nothing")
class ResetsNothing(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        return await super().look(Look(op.circuit, op.settings))


@breaker("CB17b", "T2", "reset keeps the generation: calls under way count")
class ResetsInPlace(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        before = self._circuit(op.circuit)
        await super().reset(op)
        self._keep(op.circuit, Circuit(max(0, before.generation - 1)))
        return read(CLOSED_CIRCUIT, op.settings, self._now())


@breaker("CB18", "T2", "each client has circuits of its own, though shared is declared")
class NotShared(MemoryBreaker):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(MemoryStore(store.clock), namespace)


@breaker("CB19", "T2", "reports that come at once overwrite each other")
class LosesReports(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        await self._store.reading()
        after, answer = reported(held, op, self._now())
        self._keep(op.circuit, after)
        return answer


@breaker("CB25", "T3", "an outage of the store opens the circuit")
class OutageOpens(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        try:
            return await super().admit(op)
        except OmniCloudError:
            return Admission(None, read(CLOSED_CIRCUIT, op.settings, 0.0))


@breaker("CB26", "T3", "declares durable and is not")
class Volatile(MemoryBreaker):
    @property
    def features(self) -> Any:
        return frozenset(BreakerFeature)

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        opened = store.__dict__.setdefault("_wrong_opened", 0)
        store.__dict__["_wrong_opened"] = opened + 1
        if opened > 1:
            store._tables.clear()
        super().__init__(store, namespace)


@breaker("CB27", "T2", "a ticket asked for again is refused")
class ForgetsTickets(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        held = self._circuit(op.circuit)
        seen = self.__dict__.setdefault("_seen", set())
        if held.trial and op.ticket in seen:
            return Admission(None, read(held, op.settings, self._now()))
        seen.add(op.ticket)
        return await super().admit(op)


class Around:
    """A breaker of a provider's own, around a right one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def around(id_: str, tier: str, summary: str) -> Callable[[type[Around]], type[Around]]:
    """Enter a breaker that is wrong itself, over a right driver."""

    def enter(kind: type[Around]) -> type[Around]:
        async def portable(self: Any, world: Any, *args: Any, **more: Any) -> Any:
            return kind(await BreakerContract.portable(self, world, *args, **more))

        contract = type(f"{kind.__name__}Contract", (BreakerContract,), {"portable": portable})
        broken(id_, tier, summary, contract, lambda _: memory_world(MemoryBreaker))(MemoryBreaker)
        return kind

    return enter


@around("CB30", "T0", "the result of the call is lost")
class LosesResult(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> None:
        await self.inner.execute(fn, *args, **kwargs)


@around("CB31", "T1", "errors of the call are wrapped")
class Wraps(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.inner.execute(fn, *args, **kwargs)
        except CircuitOpenError:
            raise
        except Exception as error:
            raise RuntimeError("the call failed") from error


@around("CB32", "T1", "a refused call gives None instead of an error")
class Hushes(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.inner.execute(fn, *args, **kwargs)
        except CircuitOpenError:
            return None


@around("CB33", "T1", "the call is made once more when it failed")
class Retries(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.inner.execute(fn, *args, **kwargs)
        except CircuitOpenError:
            return await fn(*args, **kwargs)


@around("CB34", "T2", "calls are made one after another")
class Serial(Around):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.lock = asyncio.Lock()

    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        async with self.lock:
            return await self.inner.execute(fn, *args, **kwargs)


@around("CB35", "T1", "the state does not turn half open by time alone")
class StateLags(Around):
    @property
    def state(self) -> Any:
        reading = self.inner._reading
        return reading.state


@around("CB36", "T1", "OSErrors alone count")
class CountsSome(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        self.inner._excluded = (KeyError,)
        return await self.inner.execute(fn, *args, **kwargs)


@around("CB37", "T1", "excluded errors count")
class ExcludesNothing(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        self.inner._excluded = ()
        return await self.inner.execute(fn, *args, **kwargs)


@around("CB38", "T2", "settings are those of the breaker that was made last")
class OneSetting(Around):
    settings: Any = None

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        OneSetting.settings = inner._settings

    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        self.inner._settings = OneSetting.settings
        return await self.inner.execute(fn, *args, **kwargs)


@around("CB39", "T2", "a cancelled call is answered with None")
class SwallowsCancel(Around):
    async def execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.inner.execute(fn, *args, **kwargs)
        except asyncio.CancelledError:
            return None


@around("CB40", "T3", "calls are made after the close")
class NeverClosed(Around):
    async def aclose(self) -> None:
        await asyncio.sleep(0)
