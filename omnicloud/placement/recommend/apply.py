"""Recommended limits put into running containers, watched, and taken back where they hurt.

Of CPU unless memory is asked for: a program that outgrows its memory limit is killed, so that
stays at the request. A lower limit that holds a container back is taken back. How long the kernel
held it back says so; of an engine that does not tell, that it used all it was given, again and
again. Of memory it is enough that it used nearly all of it once, or ended.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from omnicloud.contracts.containers import Container, Containers, Stats
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import ConflictError, OmniCloudError, UnavailableError
from omnicloud.placement.forecast.counters import CounterRates
from omnicloud.placement.recommend.advise import Advice
from omnicloud.placement.recommend.journal import Change, LimitJournal
from omnicloud.placement.recommend.limits import Limited, give, limit_of, told

__all__ = ["AT_LIMIT", "HELD_BACK", "Applied", "apply", "undo"]

HELD_BACK = 0.05
"""A container may wait for its limit so much of the time that it is watched, no more."""
AT_LIMIT = 0.95
"""Where that is not told: what uses this share of its limit is held back by it."""
_IN_A_ROW = 3  # measurements at the limit, so that a short burst does not count
_Run = tuple[str, float, int]
_RESTORE_SECONDS = 10.0
_AGAIN_SECONDS = 0.2
_FLOAT32 = 1e-6  # usage keeps requests in single precision
_AS_GIVEN = 1e-3  # the kernel counts in whole microseconds


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one recommendation.

    Attributes:
        before: The limit that it had, in cores or bytes.
        after: The limit that it has now.
        reason: Why, for a person.
        of: Whose limit it is.
    """

    workload: str
    before: float
    after: float
    reason: str
    of: Limited = "cpu"


class _NotTakenBackError(UnavailableError):
    """The new limit may still be there."""


async def apply(
    containers: Containers,
    advice: Sequence[Advice],
    *,
    watch: Seconds = 60.0,
    interval: Seconds = 1.0,
    journal: LimitJournal | None = None,
    of: Limited = "cpu",
) -> tuple[Applied, ...]:
    """Change limits of running containers in place, as advised for cores or, told so, for bytes.

    A memory limit below what is used is refused by the engine, and stays. Each change is watched
    for ``watch`` seconds. When this is cancelled meanwhile, all get their old limits back; if the
    process is killed, ``undo`` does it from the journal. Containers that are gone, or that no
    longer have the limit that the advice was made for, are left as they are.
    """
    length, pause = positive(watch, "watch"), positive(interval, "interval")
    trial = _Trial(containers, journal, length, pause, of)
    changed = [one for one in advice if one.recommended != one.request]
    return tuple(await asyncio.gather(*map(trial.tried, changed)))


async def undo(containers: Containers, journal: LimitJournal) -> tuple[Applied, ...]:
    """Take back what a run that was killed had changed and not settled.

    A container that was made anew, or whose limit somebody changed since, is left as it is. One
    that does not run or cannot be reached stays in the journal for the next time.
    """
    return tuple([await _undone(containers, journal, one) for one in journal.unsettled])


async def _undone(containers: Containers, journal: LimitJournal, one: Change) -> Applied:
    try:
        found = await containers.get(one.container)
        limit = None if found is None or found.id != one.id else limit_of(found, one.of)
        ours = limit is not None and any(_same(limit, it) for it in (one.after, *one.maybe))
        if limit is not None and ours and not _same(limit, one.before):
            await give(containers, one.container, one.of, one.before)
            words = "taken back: the run that changed it was killed"
        elif limit is not None and _same(limit, one.before):
            words = "it has the limit that it had"
        else:
            now = "it is gone"
            if limit is not None:
                now = f"its limit was changed since, to {told(limit, one.of)}"
            await journal.settle(one.container, one.of)
            left = limit or one.after
            return Applied(one.container, left, left, f"left: {now}", one.of)
        await journal.settle(one.container, one.of)
        return Applied(one.container, limit, one.before, words, one.of)
    except OmniCloudError as error:
        words = f"not taken back, try again: {error}"
        return Applied(one.container, one.after, one.after, words, one.of)


@dataclass(frozen=True)
class _Trial:
    """Containers that get new limits and are watched; times in seconds."""

    containers: Containers
    journal: LimitJournal | None
    watch: float
    interval: float
    of: Limited

    async def tried(self, one: Advice) -> Applied:
        try:
            found = await self.containers.get(one.workload)
            limit = None if found is None else limit_of(found, self.of)
            if (
                found is None
                or limit is None
                or not math.isclose(limit, one.request, rel_tol=_FLOAT32)
            ):
                now = "it is gone" if found is None else f"its limit is {limit}"
                return self._told(one, one.request, f"left as it is: {now}")
            change = Change(one.workload, found.id, limit, one.recommended, of=self.of)
            return await self._changed(one, change, _run_of(found))
        except _NotTakenBackError as error:
            return self._told(one, one.recommended, str(error))
        except OmniCloudError as error:
            return self._told(one, one.request, f"left as it is: {error}")

    def _told(self, one: Advice, after: float, reason: str) -> Applied:
        return Applied(one.workload, one.request, after, reason, self.of)

    async def _changed(self, one: Advice, change: Change, run: _Run | None) -> Applied:
        if self.journal is not None:
            await self.journal.note(change)
        kept = False
        try:
            given = await give(self.containers, one.workload, self.of, one.recommended)
            hurt = await self._hurt(one.workload, given, run) if given < change.before else ""
            kept = not hurt
        finally:
            if not kept:
                await asyncio.shield(self._restored(change))
        if self.journal is not None:
            await self.journal.settle(one.workload, self.of)
        after, why = (given, one.reason) if kept else (change.before, f"taken back: {hurt}")
        return Applied(one.workload, change.before, after, why, self.of)

    async def _hurt(self, name: str, limit: float, run: _Run | None) -> str:
        """How the limit held it back; empty where it did not.

        ``run`` is of before the change: a kernel may kill what uses too much at the change.
        """
        if self.of == "cpu":
            return await self._seen(name, _Watched(name, limit, self.watch))
        filled = await self._seen(name, _Filled(name, limit, self.watch))
        found = None if filled else await self.containers.get(name)
        ended = found is None or run is None or _run_of(found) != run
        return filled or ("it ended" if ended else "")

    async def _seen(self, name: str, watched: _Watched) -> str:
        async for stats in self.containers.stats(name, interval=self.interval):
            if (hurt := watched.take(stats)) or stats.at - watched.since >= self.watch:
                return hurt
        return ""

    async def _restored(self, change: Change) -> None:
        try:
            async with asyncio.timeout(_RESTORE_SECONDS):
                await self._given_back(change)
        except (OmniCloudError, TimeoutError) as error:
            limits = f"{told(change.after, change.of)} instead of {told(change.before, change.of)}"
            raise _NotTakenBackError(
                f"it may still have {limits}: {error}",
                hint="omnicloud recommend --undo takes it back",
            ) from error
        if self.journal is not None:
            await self.journal.settle(change.container, change.of)

    async def _given_back(self, change: Change) -> None:
        while True:
            try:
                await give(self.containers, change.container, change.of, change.before)
                return
            except ConflictError:  # one that outgrew its memory may be about to start again
                if change.of == "cpu":
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)


class _Watched:
    """What the measurements of a container say of its limit."""

    def __init__(self, name: str, limit: float, watch: float) -> None:
        self._name, self._limit, self._watch = name, limit, watch
        self._rates, self._row = CounterRates(), 0
        self._first: Stats | None = None

    @property
    def since(self) -> float:
        """When the first measurement was; endless before it."""
        return math.inf if self._first is None else self._first.at

    def take(self, stats: Stats) -> str:
        """Take one in; how the limit holds the container back, empty where it does not."""
        first = self._first = self._first or stats
        if stats.throttled_seconds is None or first.throttled_seconds is None:
            return self._at_limit(stats)
        waited = stats.throttled_seconds - first.throttled_seconds
        if waited <= HELD_BACK * self._watch:
            return ""
        return f"it waited {waited:.1f} s for its new limit within {stats.at - first.at:.1f} s"

    def _at_limit(self, stats: Stats) -> str:
        used = self._rates.rate(self._name, stats.at, stats.cpu_seconds)
        self._row = self._row + 1 if used is not None and used >= AT_LIMIT * self._limit else 0
        if self._row < _IN_A_ROW or used is None:
            return ""
        return f"it used {used / self._limit:.0%} of its new limit"


class _Filled(_Watched):
    """What they say of its limit of memory, of which nobody tells that it waited."""

    def take(self, stats: Stats) -> str:
        self._first = self._first or stats
        used = stats.memory_bytes / self._limit
        return f"it used {used:.0%} of its new limit" if used >= AT_LIMIT else ""


def _run_of(found: Container) -> _Run | None:
    """Which run of which container it is; none where it does not run."""
    if found.exit_code is not None:
        return None
    return found.id, found.started_at, found.restarts


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_AS_GIVEN, abs_tol=1e-5)
