"""Counters: decimal integers of 64 bit, kept as text."""

from __future__ import annotations

import re

from omnicloud.errors import ConflictError
from omnicloud_etcd.records import Stored

__all__ = ["added"]

_INT64 = 1 << 63
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")


def added(stored: Stored | None, delta: int) -> int:
    """The sum; nothing counts as 0.

    Raises:
        ConflictError: The value, or the sum, is no signed 64-bit integer.
    """
    total = delta + (0 if stored is None else _number(stored.value))
    if not -_INT64 <= total < _INT64:
        raise ConflictError("the sum would not be a signed 64-bit integer")
    return total


def _number(value: bytes) -> int:
    if _INTEGER.fullmatch(value) is None or not -_INT64 <= int(value) < _INT64:
        raise ConflictError("the stored value is not a signed 64-bit integer")
    return int(value)
