"""The layer that repeats a request where that can help and cannot harm."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.operation import Effect, Operation
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import InvalidArgumentError, OmniCloudError, Outcome

__all__ = ["Retried", "RetryLayer", "repeatable"]


@dataclass(frozen=True, slots=True)
class Retried:
    """An attempt failed and there will be another."""

    attempt: int
    """Which failed; the first is 1."""
    pause: float
    """Seconds until the next."""
    error: OmniCloudError


def repeatable(op: Operation[Any, Any], error: BaseException) -> bool:
    """Whether the request may be sent again after this error, and whether that may help.

    The error must be transient, and either the request may be done twice or the first one is
    known to be not done. Effect and outcome decide, nothing else.
    """
    if not isinstance(error, OmniCloudError) or not error.transient:
        return False
    return op.effect is not Effect.ONCE or error.outcome is Outcome.NOT_DONE


class RetryLayer:
    """Repeats with exponential pauses and full jitter, never past the call's deadline.

    A pause is drawn between 0 and ``backoff * 2 ** (attempt - 1)``, at most ``max_backoff``;
    a service that said when to come back is not asked before. (M. Brooker, "Exponential
    Backoff and Jitter", AWS Architecture Blog, 2015.) Where the pause would end after the
    deadline the error is raised at once.

    Args:
        attempts: In all, at least 1.
        backoff: Longest first pause.
        max_backoff: Longest pause.
        clock: Where it waits.
        on_retry: Told of each further attempt before the pause; must not raise.
        seed: For pauses that can be repeated.
    """

    inside_transactions = False
    """What failed in a transaction may have ended it: all of its block is what to repeat."""

    def __init__(
        self,
        *,
        attempts: int = 4,
        backoff: Seconds = 0.1,
        max_backoff: Seconds = 5.0,
        clock: Clock = SYSTEM_CLOCK,
        on_retry: Callable[[Retried], None] | None = None,
        seed: int | None = None,
    ) -> None:
        if attempts < 1:
            raise InvalidArgumentError(f"attempts is {attempts}, it must be at least 1")
        self._attempts = attempts
        self._backoff = positive(backoff, "backoff")
        self._max_backoff = positive(max_backoff, "max_backoff")
        self._clock = clock
        self._on_retry = on_retry
        self._random = random.Random(seed)  # noqa: S311 - jitter keeps no secret

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on, again and again where that is right; then the last error."""
        try:
            return await proceed(call)
        except OmniCloudError as error:
            if self._attempts == 1 or not repeatable(call.op, error):
                raise
            first = error
        return await self._again(call, proceed, first)

    async def _again(self, call: Call[Any], proceed: Handler, first: OmniCloudError) -> Any:
        """All attempts after the first, which tenacity counts too: it is replayed to it."""
        over = [first]
        unknown = False

        async def attempt() -> Any:
            nonlocal unknown
            try:
                if over:
                    raise over.pop()
                return await proceed(call)
            except OmniCloudError as error:
                unknown = unknown or error.outcome is Outcome.UNKNOWN
                raise

        try:
            return await self._retrying(call)(attempt)
        except OmniCloudError as last:
            # What the last attempt did not do an earlier one may have done.
            if unknown and call.op.effect is not Effect.READ:
                last.outcome = Outcome.UNKNOWN
            raise

    def _retrying(self, call: Call[Any]) -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self._clock.sleep,
            stop=lambda state: self._is_last(state, call.deadline),
            wait=self._pause,
            retry=retry_if_exception(lambda error: repeatable(call.op, error)),
            before_sleep=self._tell,
            reraise=True,
        )

    def _pause(self, state: RetryCallState) -> float:
        longest = min(self._max_backoff, self._backoff * 2.0 ** min(state.attempt_number - 1, 63))
        asked = getattr(_failure(state), "retry_after", None) or 0.0
        return max(self._random.uniform(0.0, longest), asked)

    def _is_last(self, state: RetryCallState, deadline: float | None) -> bool:
        if state.attempt_number >= self._attempts:
            return True
        # tenacity drew the pause before it asks whether to stop.
        return deadline is not None and self._clock.monotonic() + state.upcoming_sleep >= deadline

    def _tell(self, state: RetryCallState) -> None:
        if self._on_retry is not None:
            self._on_retry(Retried(state.attempt_number, state.upcoming_sleep, _failure(state)))


def _failure(state: RetryCallState) -> OmniCloudError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, OmniCloudError):
        raise TypeError("only errors of the library are repeated")
    return error
