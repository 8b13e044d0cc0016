"""The layer that gives each attempt its time."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.core.durations import Seconds, positive
from omnicloud.core.operation import Effect
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import AttemptTimeoutError, Outcome
from omnicloud.layers.watchdog import Watchdog

__all__ = ["TimeoutLayer"]


class TimeoutLayer:
    """Ends an attempt that takes too long with an :class:`AttemptTimeoutError`.

    The error's outcome is UNKNOWN, for the service may still do what it was asked; for a READ
    it is NOT_DONE, for there is nothing to do twice. A long poll's own wait is on top.

    Args:
        seconds: For one attempt, at least a millisecond.
    """

    def __init__(self, seconds: Seconds) -> None:
        self._dog = Watchdog(positive(seconds, "attempt_timeout"))

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on, and cancel it when its time is over."""
        waits = call.op.waits
        dog = self._dog
        watch = dog.enter_for(dog.seconds + waits) if waits else dog.enter()
        try:
            return await proceed(call)
        except asyncio.CancelledError as error:
            if watch.overran():
                raise self._late(call) from error
            raise
        finally:
            dog.leave(watch)

    def _late(self, call: Call[Any]) -> AttemptTimeoutError:
        read = call.op.effect is Effect.READ
        return AttemptTimeoutError(
            f"the service did not answer an attempt within {self._dog.seconds + call.op.waits:g} s",
            hint="raise attempt_timeout if it is known to be this slow",
            outcome=Outcome.NOT_DONE if read else Outcome.UNKNOWN,
        )
