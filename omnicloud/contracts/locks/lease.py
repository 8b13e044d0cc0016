"""A grant seen by its holder: how it is won, kept alive, and given back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

import anyio

from omnicloud.contracts.locks.driver import Acquire, LocksDriver, Release, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.core.clock import Clock
from omnicloud.core.context import no_deadline
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError

__all__ = ["Lease", "Leases"]

_QUEUE_SECONDS = 2.0  # a waiter that does not ask again for so long loses its place
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.1
_CLEAN_UP_SECONDS = 5.0


class Lease:
    """One grant: its owner, token, and when it surely has not ended yet.

    Attributes:
        until: Monotonic seconds; counted from before the request was sent, so it is never
            later than the driver's own end.
        given_back: Whether its holder has released it, so that its end is no loss.
    """

    __slots__ = ("given_back", "owner", "token", "until")

    def __init__(self, owner: str, token: int | None, until: float) -> None:
        self.owner = owner
        self.token = token
        self.until = until
        self.given_back = False


class Leases:
    """How the handles of one lock talk to the driver."""

    def __init__(
        self, pipeline: Pipeline[LocksDriver], clock: Clock, lock: str, ttl: float, permits: int
    ) -> None:
        self.clock = clock
        self.ttl = ttl
        self._pipeline = pipeline
        self._lock = lock
        self._permits = permits

    async def acquire(self, wait: float) -> Lease | None:
        """Win a grant within ``wait`` seconds, or ``None``. Cancelled, it holds nothing."""
        owner = secrets.token_hex(16)
        try:
            lease = await self._attempts(owner, wait)
        except BaseException:
            # It may have been granted all the same.
            await self.abandon(owner)
            raise
        if lease is None and wait:
            await self.abandon(owner)  # its place in the line
        return lease

    async def _attempts(self, owner: str, wait: float) -> Lease | None:
        give_up = self.clock.monotonic() + wait
        pause = _FIRST_PAUSE
        while True:
            asked = self.clock.monotonic()
            queue = _QUEUE_SECONDS if asked < give_up else None
            grant = await self._ask(owner, queue)
            if grant is not None:
                return Lease(owner, grant.token, asked + self.ttl)
            rest = give_up - self.clock.monotonic()
            if rest <= 0:
                return None
            await self.clock.sleep(min(pause, rest))
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    async def _ask(self, owner: str, queue_seconds: float | None) -> Grant | None:
        return await self._pipeline.send(
            Acquire(self._lock, owner, self.ttl, self._permits, queue_seconds)
        )

    async def abandon(self, owner: str) -> None:
        """Release, also while being cancelled; what cannot be released ends by itself."""
        with (
            anyio.CancelScope(shield=True),
            anyio.move_on_after(_CLEAN_UP_SECONDS),
            suppress(OmniCloudError),
            no_deadline(),
        ):
            await self.release(owner)

    async def release(self, owner: str) -> None:
        """End the owner's grant."""
        await self._pipeline.send(Release(self._lock, owner))

    async def keep(self, lease: Lease, lost: Callable[[], None]) -> None:
        """Renew at every third of the time to live until cancelled, or tell that it is lost.

        A renewal that fails is tried again while the grant surely lives. One that is refused,
        or not done in time, means lost.
        """
        pause = self.ttl / 3
        while not lease.given_back:
            rest = lease.until - self.clock.monotonic()
            if rest <= 0:
                break
            await self.clock.sleep(min(pause, rest))
            asked = self.clock.monotonic()
            answer = await self._renew(lease, lease.until - asked)
            if answer is False:
                break
            if answer:
                lease.until = asked + self.ttl
            pause = self.ttl / (3 if answer else 10)
        if not lease.given_back:
            lost()

    async def _renew(self, lease: Lease, seconds: float) -> bool | None:
        """Whether the grant still stands; ``None`` where there was no answer."""
        try:
            # The caller's budget is for what it waits for, not for keeping what it holds.
            with no_deadline():
                async with asyncio.timeout(max(0.0, seconds)):
                    return await self._pipeline.send(Renew(self._lock, lease.owner, self.ttl))
        except (OmniCloudError, TimeoutError):
            return None
