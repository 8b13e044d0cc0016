"""The layer that leaves a failing service alone for a while."""

from __future__ import annotations

from itertools import count
from math import inf
from typing import Any

from omnicloud.core.circuit import (
    CLOSED_CIRCUIT,
    CircuitSettings,
    CircuitState,
    Permit,
    Verdict,
    admit,
    report,
    retry_after,
    state_at,
)
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

__all__ = ["BreakerLayer"]

_ANSWERS = (
    NotFoundError,
    ConflictError,
    PermissionDeniedError,
    UnauthenticatedError,
    ResourceExhaustedError,
)


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
        # Each call of this layer ends, so no trial needs to be given up.
        self._settings = CircuitSettings(failures, positive(reset, "reset"), trial_seconds=inf)
        self._circuit = CLOSED_CIRCUIT
        self._tickets = count(1)
        self._monotonic = clock.monotonic

    @property
    def state(self) -> CircuitState:
        """Where the circuit stands."""
        if self._circuit.opened_at is None:  # no clock is needed to tell
            return CircuitState.CLOSED
        return state_at(self._circuit, self._settings, self._monotonic())

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on.

        Raises:
            CircuitOpenError: The service is left alone; nothing was sent.
        """
        permit = self._admitted()
        verdict = Verdict.NEUTRAL
        try:
            answer = await proceed(call)
            verdict = Verdict.SUCCESS
        except OmniCloudError as error:
            verdict = _verdict(error)
            raise
        finally:
            self._circuit = report(
                self._circuit, self._settings, self._monotonic(), permit, verdict
            )
        return answer

    def _admitted(self) -> Permit:
        if self._circuit.opened_at is None:  # where all pass there is nothing to decide
            return Permit(self._circuit.generation)
        now = self._monotonic()
        ticket = str(next(self._tickets))
        self._circuit, permit = admit(self._circuit, self._settings, now, ticket)
        if permit is None:
            reset = self._settings.reset_timeout
            pause = retry_after(self._circuit, self._settings, now)
            raise CircuitOpenError(
                "the service failed repeatedly and is left alone",
                hint=f"it is tried again {reset:g} s after it failed last",
                retry_after=pause if pause < inf else None,
            )
        return permit


def _verdict(error: OmniCloudError) -> Verdict:
    if isinstance(error, _ANSWERS):
        return Verdict.ANSWERED
    failed = error.transient and not isinstance(error, ThrottledError)
    return Verdict.FAILURE if failed else Verdict.NEUTRAL
