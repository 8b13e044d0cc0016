"""What a circuit breaker decides, without a loop, a clock or a lock.

A circuit is an immutable value, so that the same decisions serve one process and, stored and
compared, many. Every change of state begins a new generation; what is reported about a call of an
older generation is ignored, so a late failure neither trips nor re-arms anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

__all__ = [
    "CLOSED_CIRCUIT",
    "Circuit",
    "CircuitSettings",
    "CircuitState",
    "Permit",
    "Verdict",
    "admit",
    "report",
    "retry_after",
    "state_at",
]

_SLICES = 10  # of the rolling window


class CircuitState(Enum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One trial call at a time may pass."""


class Verdict(Enum):
    """What a call says about the dependency."""

    SUCCESS = "success"
    FAILURE = "failure"
    ANSWERED = "answered"
    """The dependency found the caller's mistake: it is there, which ends a trial well."""
    NEUTRAL = "neutral"
    """Nothing: it was cancelled, or refused before it was sent."""


@dataclass(frozen=True, slots=True)
class CircuitSettings:
    """When a circuit opens, and when it tries again.

    Attributes:
        failure_threshold: So many failures in a row open it.
        reset_timeout: Seconds after which an open circuit lets a trial pass.
        failure_rate: Ratio 0..1 of failed calls in the window that opens it; ``None``: never.
        slow_rate: Ratio 0..1 of slow calls in the window that opens it; ``None``: never.
        slow_seconds: A call that took longer is slow.
        window_seconds: How far back the two ratios look.
        minimum_calls: The ratios mean nothing below so many calls in the window.
        trial_seconds: A trial not reported after so long is given up (its process died).
    """

    failure_threshold: int = 5
    reset_timeout: float = 30.0
    failure_rate: float | None = None
    slow_rate: float | None = None
    slow_seconds: float = 1.0
    window_seconds: float = 60.0
    minimum_calls: int = 10
    trial_seconds: float = 60.0

    @property
    def rolling(self) -> bool:
        """Whether a window must be kept."""
        return self.failure_rate is not None or self.slow_rate is not None


class Slice(NamedTuple):
    """Counts of one part of the window."""

    number: int
    calls: int
    failures: int
    slow: int


class Permit(NamedTuple):
    """Leave for one call; its report must carry it."""

    generation: int
    trial: str = ""
    """The ticket of a trial; empty where the circuit was closed."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known about one dependency.

    Attributes:
        failures: In a row.
        opened_at: When it opened; ``None`` while closed.
        trial: The ticket of the trial under way; empty where there is none.
        trial_until: When that trial is given up.
    """

    generation: int = 0
    failures: int = 0
    opened_at: float | None = None
    trial: str = ""
    trial_until: float = 0.0
    window: tuple[Slice, ...] = ()


CLOSED_CIRCUIT = Circuit()


def state_at(circuit: Circuit, settings: CircuitSettings, now: float) -> CircuitState:
    """The state at a moment: an open circuit turns half open by time alone."""
    if circuit.opened_at is None:
        return CircuitState.CLOSED
    waiting = now < circuit.opened_at + settings.reset_timeout
    return CircuitState.OPEN if waiting else CircuitState.HALF_OPEN


def retry_after(circuit: Circuit, settings: CircuitSettings, now: float) -> float:
    """Seconds until a call may pass; 0 where one may now."""
    if circuit.opened_at is None:
        return 0.0
    until = circuit.opened_at + settings.reset_timeout
    if circuit.trial:
        until = max(until, circuit.trial_until)
    return max(0.0, until - now)


def admit(
    circuit: Circuit, settings: CircuitSettings, now: float, ticket: str
) -> tuple[Circuit, Permit | None]:
    """Ask for leave for one call.

    Args:
        ticket: Not empty, another one for each call; asking again with it answers the same.

    Returns:
        The circuit afterwards, and the permit or ``None`` where the call is refused.
    """
    if circuit.opened_at is None:
        return circuit, Permit(circuit.generation)
    if now < circuit.opened_at + settings.reset_timeout:
        return circuit, None
    if circuit.trial and circuit.trial != ticket and now < circuit.trial_until:
        return circuit, None
    taken = replace(circuit, trial=ticket, trial_until=now + settings.trial_seconds)
    return taken, Permit(circuit.generation, ticket)


def report(
    circuit: Circuit,
    settings: CircuitSettings,
    now: float,
    permit: Permit,
    verdict: Verdict,
    took: float = 0.0,
) -> Circuit:
    """The circuit after the end of a call that was admitted.

    Args:
        took: Seconds the call took.
    """
    if permit.generation != circuit.generation:
        return circuit
    if circuit.opened_at is not None:
        return _after_trial(circuit, now, permit, verdict)
    if verdict is Verdict.NEUTRAL or verdict is Verdict.ANSWERED:
        return circuit
    failed = verdict is Verdict.FAILURE
    if not failed and not circuit.failures and not settings.rolling:
        return circuit
    failures = circuit.failures + 1 if failed else 0
    window = _counted(circuit.window, settings, now, failed, took) if settings.rolling else ()
    if failures >= settings.failure_threshold or _too_many(window, settings):
        return Circuit(circuit.generation + 1, opened_at=now)
    return replace(circuit, failures=failures, window=window)


def _after_trial(circuit: Circuit, now: float, permit: Permit, verdict: Verdict) -> Circuit:
    if not permit.trial or permit.trial != circuit.trial:
        return circuit
    if verdict is Verdict.NEUTRAL:
        return replace(circuit, trial="", trial_until=0.0)
    if verdict is Verdict.FAILURE:
        return Circuit(circuit.generation + 1, opened_at=now)
    return Circuit(circuit.generation + 1)


def _counted(
    window: tuple[Slice, ...], settings: CircuitSettings, now: float, failed: bool, took: float
) -> tuple[Slice, ...]:
    number = int(now / (settings.window_seconds / _SLICES))
    kept = tuple(part for part in window if number - _SLICES < part.number < number)
    last = window[-1] if window and window[-1].number == number else Slice(number, 0, 0, 0)
    slow = took > settings.slow_seconds
    return (*kept, Slice(number, last.calls + 1, last.failures + failed, last.slow + slow))


def _too_many(window: tuple[Slice, ...], settings: CircuitSettings) -> bool:
    calls = sum(part.calls for part in window)
    if not window or calls < settings.minimum_calls:
        return False
    failed = sum(part.failures for part in window) / calls
    slow = sum(part.slow for part in window) / calls
    return (settings.failure_rate is not None and failed >= settings.failure_rate) or (
        settings.slow_rate is not None and slow >= settings.slow_rate
    )
