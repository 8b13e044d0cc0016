"""Recommended CPU put into running containers, watched, and taken back where it hurts.

Only CPU is changed: a program that outgrows its memory limit is killed, so that stays at the
request. A lower limit that holds a container back is taken back. How long the kernel held it back
says so; of an engine that does not tell, that it used all it was given, again and again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from omnicloud.contracts.containers import Containers, Stats
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import OmniCloudError, UnavailableError
from omnicloud.placement.forecast.counters import CounterRates
from omnicloud.placement.recommend.advise import Advice
from omnicloud.placement.recommend.journal import Change, LimitJournal

__all__ = ["AT_LIMIT", "HELD_BACK", "Applied", "apply", "undo"]

HELD_BACK = 0.05
"""A container may wait for its limit so much of the time that it is watched, no more."""
AT_LIMIT = 0.95
"""Where that is not told: what uses this share of its limit is held back by it."""
_IN_A_ROW = 3  # measurements at the limit, so that a short burst does not count
_RESTORE_SECONDS = 10.0
_FLOAT32 = 1e-6  # usage keeps requests in single precision
_AS_GIVEN = 1e-3  # the kernel counts in whole microseconds


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one recommendation.

    Attributes:
        before: The limit that it had, in cores.
        after: The limit that it has now.
        reason: Why, for a person.
    """

    workload: str
    before: float
    after: float
    reason: str


class _NotTakenBackError(UnavailableError):
    """The new limit may still be there."""


async def apply(
    containers: Containers,
    advice: Sequence[Advice],
    *,
    watch: Seconds = 60.0,
    interval: Seconds = 1.0,
    journal: LimitJournal | None = None,
) -> tuple[Applied, ...]:
    """Change the CPU limits of running containers in place, as advised for cores.

    Each is watched for ``watch`` seconds. When this is cancelled meanwhile, all get their old
    limits back; if the process is killed, ``undo`` does it from the journal. Containers that are
    gone, or that no longer have the limit that the advice was made for, are left as they are.
    """
    length, pause = positive(watch, "watch"), positive(interval, "interval")
    trial = _Trial(containers, journal, length, pause)
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
        limit = None if found is None or found.id != one.id else found.resources.cpu
        ours = limit is not None and any(_same(limit, it) for it in (one.after, *one.maybe))
        if limit is not None and ours and not _same(limit, one.before):
            await containers.update(one.container, cpu=one.before)
            words = "taken back: the run that changed it was killed"
        elif limit is not None and _same(limit, one.before):
            words = "it has the limit that it had"
        else:
            now = "it is gone" if limit is None else f"its limit was changed since, to {limit:.3g}"
            await journal.settle(one.container)
            return Applied(one.container, limit or one.after, limit or one.after, f"left: {now}")
        await journal.settle(one.container)
        return Applied(one.container, limit, one.before, words)
    except OmniCloudError as error:
        words = f"not taken back, try again: {error}"
        return Applied(one.container, one.after, one.after, words)


@dataclass(frozen=True)
class _Trial:
    """Containers that get new limits and are watched; times in seconds."""

    containers: Containers
    journal: LimitJournal | None
    watch: float
    interval: float

    async def tried(self, one: Advice) -> Applied:
        try:
            found = await self.containers.get(one.workload)
            limit = None if found is None else found.resources.cpu
            if (
                found is None
                or limit is None
                or not math.isclose(limit, one.request, rel_tol=_FLOAT32)
            ):
                now = "it is gone" if found is None else f"its limit is {limit}"
                return Applied(one.workload, one.request, one.request, f"left as it is: {now}")
            return await self._changed(one, Change(one.workload, found.id, limit, one.recommended))
        except _NotTakenBackError as error:
            return Applied(one.workload, one.request, one.recommended, str(error))
        except OmniCloudError as error:
            return Applied(one.workload, one.request, one.request, f"left as it is: {error}")

    async def _changed(self, one: Advice, change: Change) -> Applied:
        if self.journal is not None:
            await self.journal.note(change)
        kept = False
        try:
            found = await self.containers.update(one.workload, cpu=one.recommended)
            given = found.resources.cpu or one.recommended  # as the kernel took it
            hurt = await self._hurt(one.workload, given) if given < change.before else ""
            kept = not hurt
        finally:
            if not kept:
                await asyncio.shield(self._restored(change))
        if self.journal is not None:
            await self.journal.settle(one.workload)
        if kept:
            return Applied(one.workload, change.before, given, one.reason)
        return Applied(one.workload, change.before, change.before, f"taken back: {hurt}")

    async def _hurt(self, name: str, limit: float) -> str:
        """How the limit held it back; empty where it did not."""
        watched = _Watched(name, limit, self.watch)
        async for stats in self.containers.stats(name, interval=self.interval):
            if (hurt := watched.take(stats)) or stats.at - watched.since >= self.watch:
                return hurt
        return ""

    async def _restored(self, change: Change) -> None:
        try:
            async with asyncio.timeout(_RESTORE_SECONDS):
                await self.containers.update(change.container, cpu=change.before)
        except (OmniCloudError, TimeoutError) as error:
            limits = f"{change.after:.3g} cores instead of {change.before:.3g}"
            raise _NotTakenBackError(
                f"it may still have {limits}: {error}",
                hint="omnicloud recommend --undo takes it back",
            ) from error
        if self.journal is not None:
            await self.journal.settle(change.container)


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


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_AS_GIVEN, abs_tol=1e-5)
