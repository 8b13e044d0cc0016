"""How long to wait between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from omnicloud.core.durations import MAX_SECONDS, Seconds, seconds
from omnicloud.errors import InvalidArgumentError

__all__ = ["Backoff", "as_backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between two attempts: ``first``, doubled each time, at most ``most``.

    ``jitter`` is the share of the wait, 0..1, that is drawn at random, so that what failed
    together does not come back together.
    """

    first: float = 0.1
    most: float = 30.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.most <= MAX_SECONDS or not 0 <= self.jitter <= 1:
            raise InvalidArgumentError("a back-off needs 0 <= first <= most and a jitter of 0..1")

    def after(self, attempt: int) -> float:
        """Seconds to wait after that attempt; the first is 1."""
        wait = min(self.most, self.first * 2.0 ** min(max(attempt, 1) - 1, 60))
        return wait * (1 - self.jitter * random.random())  # noqa: S311 - no secret


def as_backoff(value: Backoff | Seconds) -> Backoff:
    """A back-off, or seconds as one that waits so long each time.

    Raises:
        InvalidArgumentError: It is neither.
    """
    if isinstance(value, Backoff):
        return value
    wait = seconds(value, "backoff")
    return Backoff(wait, wait, 0.0)
