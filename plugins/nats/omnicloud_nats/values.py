"""What the last message of a key's subject means: a value, until when, or that it is gone."""

from __future__ import annotations

import math
from typing import NamedTuple

from omnicloud.contracts.kv.models import Record
from omnicloud_nats.stored import Stored

__all__ = [
    "Live",
    "end_of",
    "ending_at",
    "is_mark",
    "lasting",
    "live_of",
    "mark",
    "record_of",
    "version_of",
]

_LIFE = "Omni-Life"  # seconds from the message's stamp
_ENDS = "Omni-Ends"  # seconds since 1970: a life that an increment went on with
_GONE = "Omni-Gone"
_SERVER_LIFE = "Nats-TTL"
_SERVER_MARK = "Nats-Marker-Reason"


class Live(NamedTuple):
    """A live key. ``version`` says whether its life ends: then it may be stale by itself."""

    data: bytes
    seq: int
    ends: float | None

    @property
    def version(self) -> str:
        return version_of(self.seq, self.ends)


def live_of(found: Stored | None, now: float) -> Live | None:
    """What a key's last message means at a moment."""
    if found is None or is_mark(found):
        return None
    ends = end_of(found)
    return None if ends is not None and ends <= now else Live(found.data, found.seq, ends)


def is_mark(found: Stored) -> bool:
    """Whether it says that the key is gone."""
    return _SERVER_MARK in found.headers


def end_of(found: Stored) -> float | None:
    """When the life ends by the server's clock; ``None`` is never."""
    if _LIFE in found.headers:
        return found.at + float(found.headers[_LIFE])
    ends = found.headers.get(_ENDS)
    return None if ends is None else float(ends)


def _cleared(seconds: float) -> dict[str, str]:
    """When the server may take it away: whole seconds, never before the end."""
    return {_SERVER_LIFE: f"{math.ceil(seconds) + 1}s"}


def version_of(seq: int, ends: float | None) -> str:
    """The version of a value: whether its life ends, and its number.

    The letter comes first in both, so that no version is the beginning or end of another's.
    """
    return f"k{seq}" if ends is None else f"e{seq}"


def lasting(seconds: float | None) -> dict[str, str]:
    """The headers of a life of so many seconds from the message's stamp."""
    return {} if seconds is None else {_LIFE: f"{seconds:.6f}", **_cleared(seconds)}


def ending_at(ends: float | None, now: float) -> dict[str, str]:
    """The headers of a life until a moment of the server's clock."""
    return {} if ends is None else {_ENDS: f"{ends:.9f}", **_cleared(ends - now)}


def mark(kept: float) -> dict[str, str]:
    """The headers of a deletion, remembered for so many seconds."""
    # The server adds a mark of its own for a message whose life ended, but not for a mark.
    return {_GONE: "1", _SERVER_MARK: "Remove", _SERVER_LIFE: f"{math.ceil(kept)}s"}


def record_of(found: Stored | None, now: float) -> Record | None:
    """A key as the contract tells it."""
    live = live_of(found, now)
    if live is None:
        return None
    return Record(live.data, live.version, None if live.ends is None else live.ends - now)
