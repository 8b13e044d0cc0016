"""The handle of one lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import NamedTuple, final

from omnicloud.contracts.locks.lease import Lease, Leases
from omnicloud.core.durations import Seconds, seconds
from omnicloud.errors import ConflictError, LockLostError

__all__ = ["Lock"]


@final
class Lock:
    """The handle of one lock, or of one permit of a semaphore. Made by ``Locks.get_lock``.

    Not re-entrant: a handle that holds is refused like any other. After a release, or after
    the time to live, it can be used again. Its time to live counts from the acquisition.

    Used as ``async with lock as acquired`` it does not wait; the body always runs and **must
    look at** ``acquired``.
    """

    def __init__(self, name: str, leases: Leases, *, renew: bool) -> None:
        self._name = name
        self._leases = leases
        self._renew = renew
        self._lease: Lease | None = None
        self._blocks: dict[asyncio.Task[object] | None, list[_Block]] = {}

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def token(self) -> int | None:
        """The fencing number of the last acquisition until the release; ``None`` without."""
        return None if self._lease is None else self._lease.token

    @property
    def expires_in(self) -> float:
        """Seconds for which it is surely held; 0 where it is not."""
        if self._lease is None:
            return 0.0
        return max(0.0, self._lease.until - self._leases.clock.monotonic())

    async def acquire(self, *, wait: Seconds = 0.0) -> bool:
        """Hold the lock for its time to live; whether it was granted.

        Cancelled, or ended by an error, it leaves nothing held.

        Args:
            wait: Seconds to wait for it at most; 0 is one attempt. Waiters of a provider with
                ``fair`` are granted in the order of their arrival; of others, whoever asks
                first when it is free.

        Raises:
            UnavailableError: The service did not answer. This handle holds nothing; a grant
                that was given all the same, and cannot be given back, ends by itself.
        """
        return await self._acquired(wait) is not None

    async def release(self) -> None:
        """Give it back. Silent where this handle does not hold it, or not any more.

        Inside a renewed block it ends the renewal; the block goes on without the lock.

        Raises:
            UnavailableError: The service did not answer; call it again, or leave the lock to
                its time to live.
        """
        lease = self._lease
        if lease is None:
            return
        lease.given_back = True
        try:
            await self._leases.release(lease.owner)
        except asyncio.CancelledError:
            await self._leases.abandon(lease.owner)
            raise
        if self._lease is lease:
            self._lease = None

    @asynccontextmanager
    async def held(self, *, wait: Seconds = 0.0) -> AsyncIterator[int | None]:
        """A block that runs only while the lock is held, however long; yields the token.

        The lock is renewed in the background at every third of its time to live.

        Raises:
            ConflictError: It was not granted within ``wait`` seconds; the block did not run.
            LockLostError: It was lost; the block was cancelled where it stood.
        """
        lease = await self._acquired(wait)
        if lease is None:
            raise ConflictError(
                f"the lock {self._name!r} is held by another",
                hint="wait longer, or use `async with lock as acquired` and look at the bool",
            )
        block = _Block(lease, _Keeping(self._leases, lease))
        error: BaseException | None = None
        try:
            yield lease.token
        except BaseException as raised:
            error = raised
            raise
        finally:
            await self._end(block, error)

    async def __aenter__(self) -> bool:
        lease = await self._acquired(0.0)
        keeping = _Keeping(self._leases, lease) if lease is not None and self._renew else None
        self._blocks.setdefault(asyncio.current_task(), []).append(_Block(lease, keeping))
        return lease is not None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task = asyncio.current_task()
        blocks = self._blocks[task]
        block = blocks.pop()
        if not blocks:
            del self._blocks[task]
        await self._end(block, error)

    async def _acquired(self, wait: Seconds) -> Lease | None:
        lease = await self._leases.acquire(seconds(wait, "wait"))
        if lease is not None:
            self._lease = lease
        return lease

    async def _end(self, block: _Block, error: BaseException | None) -> None:
        """Release what the block acquired, and nothing that another acquired since."""
        if block.lease is None:
            return
        if block.keeping is not None:
            await block.keeping.stop()
        if self._lease is block.lease:
            self._lease = None
        await self._leases.abandon(block.lease.owner)
        if block.keeping is not None and block.keeping.lost:
            block.keeping.settle(self._name, error)


class _Block(NamedTuple):
    """An ``async with`` under way: what it acquired, if anything, and who keeps that alive."""

    lease: Lease | None
    keeping: _Keeping | None


class _Keeping:
    """The renewal in the background of one held block, and its word when the lock is lost."""

    def __init__(self, leases: Leases, lease: Lease) -> None:
        self.lost = False
        self._body = asyncio.current_task()
        self._task = asyncio.get_running_loop().create_task(
            leases.keep(lease, self._on_loss), name="omnicloud lock renewal"
        )

    def _on_loss(self) -> None:
        self.lost = True
        if self._body is not None:
            self._body.cancel()

    async def stop(self) -> None:
        """End the renewal."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def settle(self, name: str, error: BaseException | None) -> None:
        """Take back the cancellation and say why; one from outside, or an error, goes first."""
        pending = self._body.uncancel() if self._body is not None else 0
        ours = error is None or isinstance(error, asyncio.CancelledError)
        if ours and not pending:
            raise LockLostError(
                f"the lock {name!r} was lost while the block ran",
                hint="give the token to what the lock protects, and let that refuse older ones",
            )
