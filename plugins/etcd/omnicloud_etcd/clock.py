"""The members' time, as their answers tell it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar

from omnicloud.core.clock import Clock

__all__ = ["ServerTime"]

_STAMP = "%a, %d %b %Y %H:%M:%S GMT"


class ServerTime:
    """The wall clock of who answers, counted on by this process's monotonic clock.

    etcd has no request for the time, but its gateway dates each answer to the second (RFC 9110,
    6.6.1). An answer dated D that was asked for at ``a`` and came at ``b`` (both monotonic) bounds
    the difference between the server's wall clock and the monotonic one: it is in
    [D - b, D + 1 - a] (F. Cristian, Probabilistic clock synchronization, 1989). What all answers
    allow together narrows with each that is near the turn of a second. Within these bounds the
    difference is what this machine's wall clock said at the start, so that it is exact at once
    where both are set by NTP; a later step of the wall clock is not felt.
    """

    NEVER_MS: ClassVar[int] = (1 << 64) - 1
    """The end of a life that has none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._difference = clock.wall() - clock.monotonic()
        self._least, self._most = -math.inf, math.inf

    def monotonic(self) -> float:
        """The clock by which answers are timed."""
        return self._clock.monotonic()

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC, by the server's clock."""
        return self._clock.monotonic() + self._difference

    def now_ms(self) -> int:
        """The same in whole milliseconds."""
        return math.floor(self.now() * 1000)

    def end_ms(self, seconds: float | None) -> int:
        """The moment in so many seconds, in milliseconds; for ``None`` one that never comes."""
        return self.NEVER_MS if seconds is None else math.ceil((self.now() + seconds) * 1000)

    def seconds_to(self, end_ms: int) -> float | None:
        """Seconds until a moment, 0 after it; ``None`` where it never comes."""
        return None if end_ms == self.NEVER_MS else max(0.0, end_ms / 1000 - self.now())

    def learn(self, date: str, asked: float, came: float) -> None:
        """Take in the date of an answer; text that is none, as a proxy may send, is passed over."""
        stamp = _seconds(date)
        if stamp is None:
            return
        least, most = stamp - came, stamp + 1 - asked
        self._least, self._most = max(self._least, least), min(self._most, most)
        if self._least > self._most:
            # Clocks drift, and another member has another clock: the latest answer is right.
            self._least, self._most = least, most
        self._difference = min(max(self._difference, self._least), self._most)


@lru_cache(maxsize=8)
def _seconds(date: str) -> float | None:
    try:
        return datetime.strptime(date, _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
