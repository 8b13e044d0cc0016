"""Recommended CPU put into running containers, watched, and taken back where it hurts.

Only CPU is changed: a program that outgrows its memory limit is killed, so that stays at the
request. A container that uses all it was given, as far as can be seen, would use more: it is
being throttled, and gets its old limit back.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from omnicloud.contracts.containers import Containers
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import OmniCloudError
from omnicloud.placement.forecast.counters import CounterRates
from omnicloud.placement.recommend.advise import Advice

__all__ = ["AT_LIMIT", "Applied", "apply"]

AT_LIMIT = 0.95
"""A container that uses this share of its limit is held back by it."""
_IN_A_ROW = 3  # measurements at the limit, so that a short burst does not count
_RESTORE_SECONDS = 10.0
_FLOAT32 = 1e-6  # usage keeps requests in single precision


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


async def apply(
    containers: Containers,
    advice: Sequence[Advice],
    *,
    watch: Seconds = 60.0,
    interval: Seconds = 1.0,
) -> tuple[Applied, ...]:
    """Change the CPU limits of running containers in place, as advised for cores.

    Each is watched for ``watch`` seconds. When this is cancelled meanwhile, all get their old
    limits back. Containers that are gone, or that no longer have the limit that the advice was
    made for, are left as they are.
    """
    length, pause = positive(watch, "watch"), positive(interval, "interval")
    changed = [one for one in advice if one.recommended != one.request]
    tried = (_tried(containers, one, length, pause) for one in changed)
    return tuple(await asyncio.gather(*tried))


async def _tried(containers: Containers, one: Advice, watch: float, interval: float) -> Applied:
    try:
        found = await containers.get(one.workload)
        limit = None if found is None else found.resources.cpu
        if limit is None or not math.isclose(limit, one.request, rel_tol=_FLOAT32):
            now = "it is gone" if found is None else f"its limit is {limit}"
            return Applied(one.workload, one.request, one.request, f"left as it is: {now}")
        return await _changed(containers, one, limit, watch, interval)
    except OmniCloudError as error:
        return Applied(one.workload, one.request, one.request, f"left as it is: {error}")


async def _changed(
    containers: Containers, one: Advice, before: float, watch: float, interval: float
) -> Applied:
    kept = False
    try:
        found = await containers.update(one.workload, cpu=one.recommended)
        given = found.resources.cpu or one.recommended  # as the kernel took it
        held_back = await _held_back(containers, one.workload, given, watch, interval)
        kept = held_back is None
    finally:
        if not kept:
            await asyncio.shield(_restored(containers, one.workload, before))
    if held_back is None:
        return Applied(one.workload, before, given, one.reason)
    words = f"taken back: it used {held_back:.0%} of its new limit"
    return Applied(one.workload, before, before, words)


async def _held_back(
    containers: Containers, name: str, limit: float, watch: float, interval: float
) -> float | None:
    """The share of the limit that it used again and again; ``None`` where it did not."""
    rates, row = CounterRates(), 0
    first: float | None = None
    async for stats in containers.stats(name, interval=interval):
        first = stats.at if first is None else first
        used = rates.rate(name, stats.at, stats.cpu_seconds)
        row = row + 1 if used is not None and used >= AT_LIMIT * limit else 0
        if row == _IN_A_ROW and used is not None:
            return used / limit
        if stats.at - first >= watch:
            break
    return None


async def _restored(containers: Containers, name: str, before: float) -> None:
    async with asyncio.timeout(_RESTORE_SECONDS):
        await containers.update(name, cpu=before)
