"""The layer that holds a call, with all its attempts and pauses, to one budget."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import MAX_SECONDS, Seconds, positive
from omnicloud.core.operation import Effect
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import DeadlineExceededError, Outcome
from omnicloud.layers.watchdog import Watchdog

__all__ = ["DeadlineLayer"]


class DeadlineLayer:
    """Ends a call at the caller's deadline or the service's budget, whichever is earlier.

    It raises :class:`DeadlineExceededError`: NOT_DONE where the budget was spent before the
    call or the call is a READ, else UNKNOWN. Layers further in see the deadline on the call.

    Args:
        budget: Of one call; a long poll's own wait is on top. ``None``: the caller's alone.
        clock: In whose monotonic seconds deadlines are.
    """

    def __init__(self, budget: Seconds | None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._budget = None if budget is None else positive(budget, "timeout")
        self._dog = Watchdog(MAX_SECONDS if self._budget is None else self._budget)
        self._clock = clock

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on, and cancel it when its budget is spent."""
        own = call.deadline
        waits = call.op.waits
        dog = self._dog
        if own is None and self._budget is None:
            return await proceed(call)
        now = self._clock.monotonic()
        if own is not None or waits:
            seconds = self._remaining(own, waits, now)
            watch = dog.enter_for(seconds)
        else:
            seconds = dog.seconds
            watch = dog.enter()
        try:
            return await proceed(call.until(now + seconds))
        except asyncio.CancelledError as error:
            if watch.overran():
                raise _spent(call, seconds) from error
            raise
        finally:
            dog.leave(watch)

    def _remaining(self, own: float | None, waits: float, now: float) -> float:
        budget = self._dog.seconds + waits
        remaining = budget if own is None else min(budget, own - now)
        if remaining <= 0:
            raise DeadlineExceededError(
                "the caller's budget was spent before the call; nothing was sent",
                hint="give the block in `with deadline(...)` more time",
                outcome=Outcome.NOT_DONE,
            )
        return remaining


def _spent(call: Call[Any], seconds: float) -> DeadlineExceededError:
    read = call.op.effect is Effect.READ
    return DeadlineExceededError(
        f"the call was not answered within its budget of {seconds:.3g} s",
        hint="raise timeout, or the block's deadline, if the service is known to be this slow",
        outcome=Outcome.NOT_DONE if read else Outcome.UNKNOWN,
    )
