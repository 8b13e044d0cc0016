"""Values of the cache contract."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.core.operation import Feature, Limits

__all__ = ["CacheFeature", "CacheLimits", "CacheStatistics", "Cached"]


class CacheFeature(Feature):
    """What a cache driver may declare."""

    TOUCH = "touch"
    """``touch`` decides the time to live anew without writing the value."""
    CLEAR = "clear"
    """``clear`` deletes every key of a prefix."""
    CROSS_PROCESS_FLIGHT = "cross_process_flight"
    """``claim`` and ``fill``: of many processes one loads a missing value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits(Limits):
    """Bounds of a cache driver.

    Attributes:
        value_max_bytes: At least 4 KiB, so that every application can count on it.
        max_entries: More entries than this evict others; ``None`` is no such bound. At least
            60: the kit keeps so many small ones side by side.
        max_bytes: More bytes of values than this evict others; ``None`` is no such bound. At
            least 256 KiB.
    """

    value_max_bytes: int = 1 << 20
    max_entries: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Cached:
    """A live entry as a driver knows it.

    Attributes:
        value: The stored bytes.
        expires_in: Seconds to live, ``None`` for ever.
    """

    value: bytes
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What one ``Cache`` has done since it was opened.

    Attributes:
        hits: Reads answered with a value.
        misses: Reads answered with none.
        loads: Loaders run to their end, those of early refreshes included.
        load_errors: Loaders that raised.
    """

    hits: int = 0
    misses: int = 0
    loads: int = 0
    load_errors: int = 0

    @property
    def hit_ratio(self) -> float:
        """Hits per read, 0..1; 0 before the first."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else 0.0
