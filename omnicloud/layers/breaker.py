"""The layer that leaves a failing service alone for a while."""

from __future__ import annotations

from enum import Enum
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import (
    CircuitOpenError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
)

__all__ = ["BreakerLayer", "Circuit", "State", "Verdict"]

_ANSWERS = (
    NotFoundError,
    ConflictError,
    PermissionDeniedError,
    UnauthenticatedError,
    ResourceExhaustedError,
)


class State(Enum):
    """Where a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(Enum):
    """What a call's end says of the service."""

    SUCCESS = "success"
    ANSWERED = "answered"
    """An error of the caller, found by the service: it is there."""
    FAILURE = "failure"
    NEUTRAL = "neutral"
    """Nothing: cancelled, or refused before it was sent."""


class Circuit:
    """The breaker's state, decided without awaiting. Times are monotonic seconds.

    Args:
        failures: In a row that open it.
        reset: Seconds until an open circuit lets one trial through.
    """

    __slots__ = ("_count", "_failures", "_opened", "_reset", "_round", "_trial", "state")

    def __init__(self, failures: int, reset: float) -> None:
        self._failures = failures
        self._reset = reset
        self._count = 0
        self._opened = 0.0
        self._round = 0  # grows with every change of state: ends of older calls say nothing
        self._trial = False
        self.state = State.CLOSED

    def admit(self, now: float) -> int:
        """Let a call in and answer its permit, to be settled once.

        Raises:
            CircuitOpenError: Open, or half open with a trial under way; nothing was sent.
        """
        if self.state is State.CLOSED:
            return self._round
        if self.state is State.OPEN and now - self._opened >= self._reset:
            self._move(State.HALF_OPEN)
        if self.state is State.OPEN or self._trial:
            raise CircuitOpenError(
                "the service failed repeatedly and is left alone",
                hint=f"it is tried again {self._reset:g} s after it failed last",
            )
        self._trial = True
        return self._round

    def settle(self, permit: int, verdict: Verdict, now: float) -> None:
        """Take a call's end into account."""
        if permit != self._round:
            return
        if self.state is State.HALF_OPEN:
            self._settle_trial(verdict, now)
        elif verdict is Verdict.SUCCESS:
            self._count = 0
        elif verdict is Verdict.FAILURE:
            self._count += 1
            if self._count >= self._failures:
                self._open(now)

    def _settle_trial(self, verdict: Verdict, now: float) -> None:
        self._trial = False
        if verdict is Verdict.FAILURE:
            self._open(now)
        elif verdict is not Verdict.NEUTRAL:
            self._move(State.CLOSED)

    def _open(self, now: float) -> None:
        self._opened = now
        self._move(State.OPEN)

    def _move(self, state: State) -> None:
        self.state = state
        self._round += 1
        self._count = 0
        self._trial = False


class BreakerLayer:
    """One circuit for one target.

    A failure is a transient error other than a throttled one, after all retries. Errors of
    the caller neither count nor reset the count, but end a trial well; cancelled calls and
    calls that ran out of their budget say nothing.

    Args:
        failures: In a row that open it, at least 1.
        reset: How long it stays open until one trial is let through.
        clock: Whose monotonic seconds count.
    """

    def __init__(self, failures: int, reset: Seconds, *, clock: Clock = SYSTEM_CLOCK) -> None:
        if failures < 1:
            raise InvalidArgumentError(f"failures is {failures}, it must be at least 1")
        self._circuit = Circuit(failures, positive(reset, "reset"))
        self._clock = clock

    @property
    def state(self) -> State:
        """Where the circuit stands."""
        return self._circuit.state

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on.

        Raises:
            CircuitOpenError: The service is left alone; nothing was sent.
        """
        circuit = self._circuit
        permit = circuit.admit(self._clock.monotonic())
        verdict = Verdict.NEUTRAL
        try:
            answer = await proceed(call)
            verdict = Verdict.SUCCESS
        except OmniCloudError as error:
            verdict = _verdict(error)
            raise
        finally:
            circuit.settle(permit, verdict, self._clock.monotonic())
        return answer


def _verdict(error: OmniCloudError) -> Verdict:
    if isinstance(error, _ANSWERS):
        return Verdict.ANSWERED
    failed = error.transient and not isinstance(error, ThrottledError)
    return Verdict.FAILURE if failed else Verdict.NEUTRAL
