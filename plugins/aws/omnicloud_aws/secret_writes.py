"""What a driver has lately written, since a read that follows may not show it yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud.core.moments import ServiceTime
from omnicloud_aws import versions

__all__ = ["Writes"]

_SECONDS = 15.0  # for which the service may be late
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class _Write:
    """A version, or ``None`` for a deletion.

    Attributes:
        at: Seconds since 1970-01-01 UTC.
        until: Monotonic seconds.
    """

    version: str | None
    at: float
    until: float


class Writes:
    """The last write of each name, for some seconds."""

    def __init__(self, time: ServiceTime) -> None:
        self._time = time
        self._last: dict[str, _Write] = {}

    def note(self, name: str, version: str | None) -> None:
        """A version was written; ``None``: the secret was deleted."""
        self._last.pop(name, None)
        if len(self._last) >= _MOST:
            del self._last[next(iter(self._last))]
        until = self._time.clock.monotonic() + _SECONDS
        self._last[name] = _Write(version, self._time.now(), until)

    def forget(self, name: str) -> None:
        """The service has had its time, or others have written."""
        self._last.pop(name, None)

    def version(self, name: str) -> str | None:
        """The version that was written last."""
        last = self._last.get(name)
        return None if last is None else last.version

    def is_late(self, name: str, asked: str | None, answer: Mapping[str, Any] | None) -> bool:
        """Whether an answer is from before the last write.

        Args:
            asked: The version asked for; the current one by default.
        """
        last = self._last.get(name)
        if last is None or last.until < self._time.clock.monotonic():
            return False
        if last.version is None:
            return answer is not None and versions.made_at(answer) <= last.at
        if asked is not None:
            return answer is None and asked == last.version
        if answer is None:
            return True
        return answer["VersionId"] != last.version and versions.made_at(answer) < last.at
