"""Values of the breaker contract."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.core.circuit import CircuitState, Permit
from omnicloud.core.operation import Feature, Limits

__all__ = ["Admission", "BreakerFeature", "BreakerLimits", "CircuitEvent", "Reading"]


class BreakerFeature(Feature):
    """What a breaker driver may declare."""

    SHARED = "shared"
    """All clients that name a circuit see one and the same."""
    DURABLE = "durable"
    """What was reported survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits(Limits):
    """Bounds of a breaker driver."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A circuit at a moment.

    Attributes:
        failures: In a row.
        retry_after: Seconds until an open circuit turns half open, or, in the half-open state,
            until a trial under way is given up; 0 where a call may pass now.
        generation: One more with every change of state, so that an answer that comes in late
            is known to be old.
    """

    state: CircuitState
    failures: int = 0
    retry_after: float = 0.0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a call that wants to pass: a permit, or ``None`` where it is refused."""

    permit: Permit | None
    reading: Reading


@dataclass(frozen=True, slots=True)
class CircuitEvent:
    """A change of state, told to listeners."""

    circuit: str
    before: CircuitState
    after: CircuitState
