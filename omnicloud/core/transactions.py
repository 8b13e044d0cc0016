"""A transaction of a store, which drivers of several contracts may share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

__all__ = ["Transaction", "ended"]


class Transaction(Protocol):
    """Begun by one driver, joined by others of the same store, ended once.

    Reads inside see its own writes; others see all of them or none. A transaction that is
    neither committed nor rolled back within the store's bound is rolled back.

    Which writers stand in each other's way is left to the store. It may compare or lock more
    than was touched, a whole collection for one document; so a transaction that only read, or
    whose keys nobody else wrote, may end in a ConflictError, too, at its end or at a request
    inside. None ends so where nobody else writes, and while it is not left open for too long.
    """

    @property
    def store(self) -> object:
        """What it is a transaction of; equal for drivers that can share it."""

    async def commit(self) -> None:
        """Make all writes visible at once.

        Raises:
            ConflictError: Another writer came first; nothing was written, and the same again may
                be done.
            UnavailableError: The store did not answer; unknown.
        """

    async def rollback(self) -> None:
        """Forget all writes. Silent after an end."""


@asynccontextmanager
async def ended(transaction: Transaction) -> AsyncIterator[None]:
    """Commit when the block ends, roll back when it raises or is cancelled."""
    try:
        yield
        await transaction.commit()
    except BaseException:
        # A commit that failed or was cancelled may have left it open, and others waiting.
        await _rolled_back(transaction)
        raise


async def _rolled_back(transaction: Transaction) -> None:
    """Roll back, also when cancelled while at it."""
    with anyio.CancelScope(shield=True):
        try:
            await transaction.rollback()
        except asyncio.CancelledError:
            # The scope keeps out cancelled scopes, not ``task.cancel()``, which comes once.
            await transaction.rollback()
            raise
