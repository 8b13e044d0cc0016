"""Calls that fail again and again are not made for a while."""

from omnicloud.contracts.breaker.driver import BreakerDriver
from omnicloud.contracts.breaker.models import (
    BreakerFeature,
    BreakerLimits,
    CircuitEvent,
    Reading,
)
from omnicloud.contracts.breaker.portable import Breaker
from omnicloud.core.circuit import CircuitSettings, CircuitState

__all__ = [
    "Breaker",
    "BreakerDriver",
    "BreakerFeature",
    "BreakerLimits",
    "CircuitEvent",
    "CircuitSettings",
    "CircuitState",
    "Reading",
]
