"""The time of a service that compares no moment itself: its own, kept between its answers by ours.

Where lives and graces are kept as moments beside what they end, the processes that share a
service must agree on one time. Each counts from its opening by the monotonic clock, which no
step of the wall clock moves, and is put right by the ``Date`` of every answer, which bounds the
service's time to a second and to the length of the call: whoever is outside goes to the bound.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from omnicloud.core.clock import Clock

__all__ = ["ServiceTime"]


class ServiceTime:
    """Seconds since 1970-01-01 UTC as the service counts them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._offset = clock.wall() - clock.monotonic()
        self._last: tuple[str | None, float] = (None, 0.0)

    def now(self) -> float:
        """The moment."""
        return self.clock.monotonic() + self._offset

    def told(self, date: str | None, asked: float) -> None:
        """Take in the ``Date`` of an answer that arrived now.

        Args:
            asked: The monotonic clock before the request was sent.
        """
        if date is None:
            return
        if date != self._last[0]:
            try:
                self._last = date, parsedate_to_datetime(date).timestamp()
            except ValueError:
                return
        second = self._last[1]
        earliest = second - self.clock.monotonic()
        latest = second + 1.0 - asked
        self._offset = min(max(self._offset, earliest), latest)
