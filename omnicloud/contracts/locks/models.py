"""Values of the locks contract."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.core.operation import Feature, Limits

__all__ = ["Grant", "LocksFeature", "LocksLimits"]


class LocksFeature(Feature):
    """What a locks driver may declare."""

    FENCING = "fencing"
    """Every grant has a token larger than those of all grants of the name before it."""
    PERMITS = "permits"
    """A name may have several holders at once: semaphores."""
    FAIR = "fair"
    """Who waits is granted in the order of arrival; who does not wait, after all who do. With more
    permits free than wait, there is one for each of them, and for newcomers."""
    DURABLE = "durable"
    """Grants survive a crash of the store, so that it does not grant them twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocksLimits(Limits):
    """Bounds of a locks driver.

    Attributes:
        permits_max: The most permits of a name. At least 3 where ``permits`` is declared: the
            kit gives out so many.
    """

    permits_max: int = 10_000


@dataclass(frozen=True, slots=True)
class Grant:
    """An owner holds a name.

    Attributes:
        token: The fencing number; ``None`` where the driver has none. Give it to whatever the
            lock protects, and let that refuse a smaller one than it has seen.
    """

    token: int | None = None
