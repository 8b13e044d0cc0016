"""Time, read in one place: monotonic for intervals, wall clock for stamps.

A driver that keeps deadlines between processes (a TTL in a shared file) has only the wall
clock; one that keeps them inside a process uses the monotonic clock, so that a step of the
wall clock neither frees nor keeps anything.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]


class Clock(Protocol):
    """Where the library reads the time and waits."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; may step."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long, at least one turn of the loop."""


class SystemClock:
    """The machine's clocks."""

    # Several layers read the time on each call: no call of ours between.
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


SYSTEM_CLOCK: Clock = SystemClock()
