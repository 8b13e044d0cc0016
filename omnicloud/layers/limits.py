"""The layers that bound how much is asked of a service: at once, and per second."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import InvalidArgumentError, ThrottledError

__all__ = ["BulkheadLayer", "RateLayer", "TokenBucket"]


class BulkheadLayer:
    """Lets so many calls in at once; some more wait, first come first served.

    Long polls take no turn: they keep a service waiting, not busy.

    Args:
        concurrency: Calls in flight at most, at least 1.
        queue: Calls that may wait for their turn; more raise :class:`ThrottledError`.
    """

    def __init__(self, concurrency: int, queue: int) -> None:
        if concurrency < 1 or queue < 0:
            raise InvalidArgumentError(
                f"concurrency is {concurrency} and queue {queue}; at least 1 and 0 are needed"
            )
        self._concurrency = concurrency
        self._queue = queue
        self._free = concurrency
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on when it is its turn.

        Raises:
            ThrottledError: The queue is full; nothing was sent.
        """
        if call.op.waits:
            return await proceed(call)
        if self._free > 0:
            self._free -= 1
        else:
            await self._turn()
        try:
            return await proceed(call)
        finally:
            self._release()

    async def _turn(self) -> None:
        if len(self._waiting) >= self._queue:
            raise ThrottledError(
                f"{self._concurrency} calls are in flight and {self._queue} wait already",
                hint="ask less at once, or raise limits.concurrency if the service bears more",
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()  # the turn had come and is not taken
            else:
                self._waiting.remove(turn)
            raise

    def _release(self) -> None:
        """Hand the turn to the one that has waited longest, or free it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class TokenBucket:
    """Tokens that come at a steady rate; decided without awaiting. Times are monotonic seconds.

    Args:
        rate: Tokens per second.
        burst: Tokens it holds at most, and at the start.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def take(self, now: float) -> float:
        """Take a token, which may be one to come; seconds until it has come."""
        self._refill(now)
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self._rate)

    def give_back(self) -> None:
        """Return a token that was not used."""
        self._tokens = min(self._burst, self._tokens + 1.0)

    def _refill(self, now: float) -> None:
        grown = max(0.0, now - self._at) * self._rate
        self._tokens = min(self._burst, self._tokens + grown)
        self._at = now


class RateLayer:
    """Lets so many attempts per second through; some more wait.

    Args:
        rate: Attempts per second.
        burst: Attempts at once after a quiet time; ``None`` is one second's worth, at least 1.
        queue: Attempts that may wait; more raise :class:`ThrottledError`.
        clock: Whose monotonic seconds count, and where it waits.
    """

    def __init__(
        self, rate: float, burst: int | None, *, queue: int = 4096, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        if not rate > 0 or (burst is not None and burst < 1) or queue < 0:
            raise InvalidArgumentError(
                f"rate is {rate}, burst {burst} and queue {queue}; "
                "more than 0, at least 1 and at least 0 are needed"
            )
        self._bucket = TokenBucket(rate, float(burst) if burst else max(1.0, rate))
        self._queue = queue
        self._waiting = 0
        self._clock = clock

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on when there is a token for it.

        Raises:
            ThrottledError: Too many wait, or the token would come after the call's deadline;
                nothing was sent.
        """
        now = self._clock.monotonic()
        pause = self._bucket.take(now)
        if pause > 0.0:
            await self._wait(pause, call.deadline, now)
        return await proceed(call)

    async def _wait(self, pause: float, deadline: float | None, now: float) -> None:
        late = deadline is not None and now + pause >= deadline
        if late or self._waiting >= self._queue:
            self._bucket.give_back()
            raise ThrottledError(
                f"limits.rate is used up: the next turn is in {pause:.3g} s",
                hint="ask less often, or raise limits.rate if the service bears more",
                retry_after=pause,
            )
        self._waiting += 1
        try:
            await self._clock.sleep(pause)
        except asyncio.CancelledError:
            self._bucket.give_back()
            raise
        finally:
            self._waiting -= 1
