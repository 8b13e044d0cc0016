"""The server's clock, as this process knows it.

Messages are stamped by the server, and lives are counted from the stamp. Its time is asked for
now and then; between, our monotonic clock carries it on, so that a step of anyone's wall clock
here moves no end.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import datetime

from omnicloud.core.clock import Clock

__all__ = ["ServerTime", "seconds_of"]

_NANO = 1_000_000_000
_FRESH_SECONDS = 30.0
_GOOD_SECONDS = 0.02
_TRIES = 3


class ServerTime:
    """What time it is at the server.

    Args:
        asked: Asks the server for its time, in seconds since 1970-01-01 UTC.
    """

    def __init__(self, clock: Clock, asked: Callable[[], Awaitable[float]]) -> None:
        self._clock = clock
        self._asked = asked
        self._ahead = 0.0
        self._until: float | None = None

    async def now(self) -> float:
        """Seconds since 1970-01-01 UTC, at most half a round trip off."""
        if self._until is None or self._clock.monotonic() > self._until:
            await self._ask()
        return self._clock.monotonic() + self._ahead

    def forget(self) -> None:
        """Ask anew at the next time: another server may answer now."""
        self._until = None

    async def _ask(self) -> None:
        took, ahead = math.inf, 0.0
        for _ in range(_TRIES):
            before = self._clock.monotonic()
            said = await self._asked()
            after = self._clock.monotonic()
            if after - before < took:
                took, ahead = after - before, said - (before + after) / 2
            if took <= _GOOD_SECONDS:
                break
        self._ahead = ahead
        self._until = self._clock.monotonic() + _FRESH_SECONDS


def seconds_of(stamp: str) -> float:
    """Seconds since 1970-01-01 UTC of a stamp of the server: RFC 3339 with nanoseconds, in UTC."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return (seconds * _NANO + int(rest.ljust(9, "0"))) / _NANO
