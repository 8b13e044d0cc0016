"""Durations at the border: seconds or ``timedelta`` in, seconds out."""

from __future__ import annotations

import math
from datetime import timedelta

from omnicloud.errors import InvalidArgumentError

__all__ = ["MAX_SECONDS", "Seconds", "positive", "seconds"]

Seconds = float | timedelta
"""A duration: seconds, or a ``timedelta``."""

MAX_SECONDS = 10 * 365 * 86400.0
"""The longest duration, ten years: longer ones are mistakes of unit."""


def seconds(value: Seconds, what: str, *, at_least: float = 0.0) -> float:
    """The duration in seconds.

    Raises:
        InvalidArgumentError: Not a number or ``timedelta``, not finite, below ``at_least``
            or above ten years.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgumentError(
            f"{what} must be seconds or a timedelta, not {type(value).__name__}"
        )
    if not math.isfinite(value) or value < at_least or value > MAX_SECONDS:
        raise InvalidArgumentError(
            f"{what} is {value} s, it must be between {at_least} and {MAX_SECONDS:.0f} s"
        )
    return float(value)


def positive(value: Seconds, what: str) -> float:
    """The duration in seconds, at least one millisecond.

    Raises:
        InvalidArgumentError: As :func:`seconds`; zero and negative ones as well.
    """
    return seconds(value, what, at_least=0.001)
