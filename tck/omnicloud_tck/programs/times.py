"""The time of a list of operations: let pass where that costs nothing, never asked too exactly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from omnicloud_tck.programs.cast import Scene
from omnicloud_tck.programs.chances import Chance
from omnicloud_tck.programs.model import Unclear

__all__ = ["LATE", "Times", "passing"]

_EARLY = 0.25  # seconds before a moment in which nothing is asked: requests and answers take time
_NEAR = 0.4  # seconds before, or after it, that are far enough
LATE = 1.8
"""Seconds after it: what is due may come a second late, and a call may wait for half of one."""

_LONG, _LONGEST = 4000.0, 40_000.0
"""Seconds on a clock that cannot be moved: nothing ends by itself, no service refuses them."""
_PASSING = (0.3, 2.3, 7.3, 7.3, 61.7, 61.7, 907.1, 5000.3, 90_001.7, 90_001.7)


def passing(chance: Chance) -> float:
    """How long nothing happens, in seconds."""
    return chance.choice(_PASSING)


class Times:
    """The clock of a scene's world."""

    def __init__(self, scene: Scene) -> None:
        self._world = scene.world
        self.virtual = scene.world.virtual

    def now(self) -> float:
        """Monotonic seconds of the provider."""
        return self._world.clock.monotonic()

    def wall(self) -> float:
        """The provider's stamp of now."""
        return self._world.clock.wall()

    def span(self, seconds: float) -> float:
        """So long a life, or on a real clock one that outlives every list; 0 stays 0.

        There it is less than the twelve hours that a queue of Amazon's lends for at most.
        """
        return seconds if self.virtual or not seconds else min(max(seconds, _LONG), _LONGEST)

    async def let_pass(self, seconds: float) -> None:
        """Let time pass, where that costs nothing."""
        if self.virtual:
            await self._world.sleep(seconds)

    async def around(self, moment: float) -> AsyncIterator[None]:
        """Shortly before a moment, and again shortly after it: nothing where time does not pass."""
        if not self.virtual:
            return
        for near in (-_NEAR, LATE + _NEAR):
            await self._world.sleep(max(0.0, moment + near - self.now()))
            yield

    async def rest(self) -> None:
        """A moment, on every clock."""
        await self._world.sleep(0.05)

    async def clear_of(self, moments: Iterable[float]) -> None:
        """Wait until none of these moments is so near that either answer would be right."""
        since = self.now() - LATE
        known = [moment for moment in moments if moment > since]
        while self.virtual:
            near = [one for one in known if one - _EARLY < self.now() < one + LATE]
            if not near:
                return
            await self._world.sleep(max(near) + LATE + _EARLY - self.now())

    def still_clear(self, since: float, moments: Iterable[float]) -> None:
        """See that no call was held up, by a transaction say, until one of these moments was near.

        Raises:
            Unclear: One was, and either answer would be right.
        """
        now = self.now()
        if now - since > _EARLY and any(since < one < now + _EARLY for one in moments):
            raise Unclear
