"""What the two breakers have in common: they are objects of their own, not drivers of a store."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.breaker.models import BreakerLimits
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud.errors import UnsupportedError
from omnicloud_tck.world import World

from ..worlds import process_world

__all__ = ["NoStore", "refuse_settings", "world"]

_KNOWN = frozenset({"name", "excluded", "pipeline"})


class NoStore:
    """Stands where a store of circuits would, and declares nothing."""

    features: frozenset[Feature] = NO_FEATURES
    limits = BreakerLimits()

    async def aclose(self) -> None:
        """Nothing is held."""


def world() -> World[Any]:
    """A world without a store, on the system's clock, which both libraries read."""
    return process_world(NoStore)


def refuse_settings(more: dict[str, Any]) -> None:
    """Refuse the settings of the contract that neither library has.

    Raises:
        UnsupportedError: It names them.
    """
    unknown = sorted(more.keys() - _KNOWN)
    if unknown:
        raise UnsupportedError(f"the library has no {', '.join(unknown)}")
