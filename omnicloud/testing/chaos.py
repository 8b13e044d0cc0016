"""A layer that makes a service as bad as services are, by a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, seconds
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import InvalidArgumentError, OmniCloudError, Outcome, UnavailableError

__all__ = ["Chaos"]


class Chaos:
    """Delays, refuses, loses answers and cancels, each at its rate.

    Put it last, next to the driver, so that the layers under test are around it::

        chaos = Chaos(seed=7, errors={UnavailableError: 0.1}, lost_answers=0.05)
        store = KV(Pipeline(driver, [*stack(), chaos]), TEXT)

    One seed gives the same faults in the same order to calls made one after another. At most
    one fault befalls a call. Rates are 0 to 1, of all calls, and sum to at most 1.

    Args:
        seed: Which sequence of faults.
        latency: Longest delay before a call; it is drawn evenly from 0 to that.
        errors: Rate per class of error, raised instead of the call with the outcome NOT_DONE.
        lost_answers: Rate at which the driver is run and its answer replaced by an
            :class:`UnavailableError` of outcome UNKNOWN.
        cancelled: Rate at which the calling task is cancelled before the driver is run.
        clock: Where delays are waited for.

    Raises:
        InvalidArgumentError: A rate is outside 0 to 1, or their sum is above 1.
    """

    def __init__(
        self,
        *,
        seed: int,
        latency: Seconds = 0.0,
        errors: Mapping[type[OmniCloudError], float] | None = None,
        lost_answers: float = 0.0,
        cancelled: float = 0.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._errors = dict(errors or {})
        rates = [*self._errors.values(), lost_answers, cancelled]
        if any(not 0.0 <= rate <= 1.0 for rate in rates) or sum(rates) > 1.0 + 1e-9:
            raise InvalidArgumentError(
                f"the rates are {rates}; each must be 0 to 1 and their sum at most 1"
            )
        self._lost_answers = lost_answers
        self._cancelled = cancelled
        self._latency = seconds(latency, "latency")
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - faults keep no secret
        self.enabled = True
        """Set it to ``False`` to let the service recover."""

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on, or not."""
        if not self.enabled:
            return await proceed(call)
        delay, draw = self._random.uniform(0.0, self._latency), self._random.random()
        if delay > 0.0:
            await self._clock.sleep(delay)
        for kind, rate in self._errors.items():
            if draw < rate:
                raise _refused(kind)
            draw -= rate
        if draw < self._lost_answers:
            await proceed(call)
            raise UnavailableError("chaos: the answer was lost", outcome=Outcome.UNKNOWN)
        if draw - self._lost_answers < self._cancelled:
            await _cancel_self()
        return await proceed(call)


def _refused(kind: type[OmniCloudError]) -> OmniCloudError:
    error = kind("chaos: refused")
    error.outcome = Outcome.NOT_DONE
    return error


async def _cancel_self() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.cancel()
    await asyncio.sleep(0)
