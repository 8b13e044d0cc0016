"""The time of a service that compares no moment itself: its own, kept between its answers by ours.

Where lives and graces are kept as moments beside what they end, the processes that share a
service must agree on one time. Each counts from its opening by the monotonic clock, which no
step of the wall clock moves, and is put right by the ``Date`` of every answer, which bounds the
service's time to a second and to the length of the call: whoever is outside goes to the bound.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from omnicloud.core.clock import Clock

__all__ = ["ServiceTime", "moment_of"]

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}


def moment_of(date: str) -> float:
    """Seconds since 1970-01-01 UTC of a date of HTTP, which nearly always has its one fixed form.

    https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7

    Raises:
        ValueError: It is none.
    """
    if len(date) == 29 and date[25:] == " GMT" and date[8:11] in _NUMBERS:
        day, year, hour, minute, second = (
            date[start:end] for start, end in ((5, 7), (12, 16), (17, 19), (20, 22), (23, 25))
        )
        if (day + year + hour + minute + second).isdecimal():
            month = _NUMBERS[date[8:11]]
            at = (int(year), month, int(day), int(hour), int(minute), int(second))
            return datetime(*at, tzinfo=UTC).timestamp()
    return parsedate_to_datetime(date).timestamp()


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
                self._last = date, moment_of(date)
            except ValueError:
                return
        second = self._last[1]
        earliest = second - self.clock.monotonic()
        latest = second + 1.0 - asked
        self._offset = min(max(self._offset, earliest), latest)
