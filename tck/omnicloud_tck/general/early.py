"""How laws see that nothing ends before its time, a part of a second included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from omnicloud_tck.check import that
from omnicloud_tck.world import World

__all__ = ["FRACTIONS", "Ending", "none_early"]

FRACTIONS = (0.9, 1.9)
"""Seconds of which whole ones, rounded down, would be none, and one."""

_SHORTLY = 0.2  # seconds before the end at which is looked


class Ending(NamedTuple):
    """What ends by itself.

    Attributes:
        until: When, at the earliest, by the world's clock.
        over: Looks whether it has ended.
    """

    until: float
    over: Callable[[], Awaitable[object]]
    about: str


async def none_early(world: World[Any], endings: Iterable[Ending]) -> None:
    """Look at each shortly before its end; an answer that comes late says nothing."""
    for ending in sorted(endings, key=lambda one: one.until):
        left = ending.until - _SHORTLY - world.clock.monotonic()
        if left > 0:
            await world.sleep(left)
        over = await ending.over()
        late = world.clock.monotonic() >= ending.until
        that(late or not over, f"{ending.about} is over before its time")
