"""A clock that a test sets: nothing takes time but what the test lets pass."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

__all__ = ["FakeClock"]

_WALL_START = 1_700_000_000.0  # 2023-11-14, any fixed day will do


class FakeClock:
    """A :class:`~omnicloud.core.clock.Clock` whose two times move only when told.

    ::

        clock = FakeClock()
        cache = MemoryCache(clock=clock)      # whatever takes a clock
        clock.advance(60)                     # a minute later, on both clocks
        clock.step_wall(-3600)                # an operator sets the wall clock back

    Timeouts of the event loop are real; where a test needs those too, use
    :func:`~omnicloud.testing.run_virtual`.

    Args:
        autojump: Whether a sleep ends at once and moves the time by its length; else it ends
            when :meth:`advance` has passed its end.
        wall: Seconds since 1970 at the start.
    """

    def __init__(self, *, autojump: bool = True, wall: float = _WALL_START) -> None:
        self._autojump = autojump
        self._now = 0.0
        self._wall = wall
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall + self._now

    async def sleep(self, seconds: float) -> None:
        if self._autojump or seconds <= 0:
            self.advance(max(0.0, seconds))
            await asyncio.sleep(0)
            return
        wakened = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wakened))
        await wakened

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks and waken those whose sleep is over, in their order.

        Raises:
            ValueError: Less than zero; monotonic time never goes back.
        """
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s; use step_wall for the wall")
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, wakened = heapq.heappop(self._sleepers)
            if not wakened.done():
                wakened.set_result(None)

    def step_wall(self, seconds: float) -> None:
        """Move the wall clock alone, forward or, with a negative number, back."""
        self._wall += seconds
