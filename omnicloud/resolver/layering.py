"""What the configuration says of calls, as the layers of a service."""

from __future__ import annotations

from omnicloud.core.clock import Clock
from omnicloud.core.pipeline import Layer
from omnicloud.resolver.plan import ServicePlan

__all__ = ["layers_of"]


def layers_of(service: ServicePlan, disabled: frozenset[str], clock: Clock) -> tuple[Layer, ...]:
    """The layers around a service's driver, from the outside in."""
    return ()
