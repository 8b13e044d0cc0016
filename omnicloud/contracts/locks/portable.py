"""The class users hold: mutual exclusion for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, final

from omnicloud.contracts.locks.driver import LocksDriver
from omnicloud.contracts.locks.lease import Leases
from omnicloud.contracts.locks.lock import Lock
from omnicloud.core.arguments import awaited, check_flag, check_function
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import MAX_SECONDS, Seconds, positive
from omnicloud.core.names import check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, LockLostError

__all__ = ["Locks"]

T = TypeVar("T")


@final
class Locks:
    """Mutual exclusion between tasks, processes and machines, for a while.

    A lock ends by itself after its time to live, so a holder that dies keeps it no longer. A
    holder that is only slow may therefore outlive its lock: where that would do harm, give the
    fencing token to what the lock protects.
    """

    def __init__(self, pipeline: Pipeline[LocksDriver], *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._pipeline = pipeline
        self._clock = clock

    @property
    def pipeline(self) -> Pipeline[LocksDriver]:
        """The way to the driver."""
        return self._pipeline

    def get_lock(self, name: str, ttl: Seconds, *, renew: bool = False) -> Lock:
        """A handle; nothing is sent.

        Args:
            name: 1 to 1,024 bytes of UTF-8. Locks and semaphores share their names.
            ttl: Time to live of each acquisition, at least a millisecond.
            renew: Renew it in the background inside ``async with``; where it is lost all the
                same, the body is cancelled and :class:`~omnicloud.errors.LockLostError`
                raised. A plain ``acquire`` is never renewed.

        Raises:
            InvalidArgumentError: A bound is broken.
        """
        return self._handle(name, ttl, 1, renew=renew)

    def semaphore(self, name: str, permits: int, ttl: Seconds, *, renew: bool = False) -> Lock:
        """A handle of one of ``permits`` permits; otherwise as :meth:`get_lock`.

        All who use the name give the same number. Needs ``permits`` where it is more than one.
        """
        if isinstance(permits, bool) or not isinstance(permits, int) or permits < 1:
            raise InvalidArgumentError("permits must be an int of at least 1")
        return self._handle(name, ttl, permits, renew=renew)

    @asynccontextmanager
    async def elect(
        self, name: str, ttl: Seconds, *, wait: Seconds = MAX_SECONDS
    ) -> AsyncIterator[int | None]:
        """Campaign, lead inside the block, resign at its end; yields the fencing token.

        Args:
            name: What is led.
            ttl: How long after the death of a leader another is elected, at most.
            wait: Seconds to campaign at most; by default until cancelled.

        Raises:
            ConflictError: Not elected within ``wait``; the block did not run.
            LockLostError: The leadership was lost; the block was cancelled where it stood.
        """
        async with self.get_lock(name, ttl).held(wait=wait) as token:
            yield token

    async def lead(self, name: str, ttl: Seconds, body: Callable[[int | None], Awaitable[T]]) -> T:
        """Run ``body(token)`` whenever elected, until it returns; campaign again after a loss.

        ``body`` may so be begun several times, each with a larger token; it is cancelled when
        the leadership is lost.
        """
        check_function(body, "body", "async def lead(token): ...")
        while True:
            try:
                async with self.elect(name, ttl) as token:
                    leading = body(token)
                    awaited(leading, "body")
                    return await leading
            except LockLostError:
                await self._clock.sleep(0)

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. What is held ends by its time to live."""
        await self._pipeline.aclose()

    def _handle(self, name: str, ttl: Seconds, permits: int, *, renew: bool) -> Lock:
        check_name(name, "lock name")
        leases = Leases(self._pipeline, self._clock, name, positive(ttl, "ttl"), permits)
        return Lock(name, leases, renew=check_flag(renew, "renew"))
