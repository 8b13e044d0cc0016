"""A transaction's block ends it, whatever happens to the task that runs it."""

from __future__ import annotations

import asyncio

import pytest

from omnicloud.core.transactions import ended
from omnicloud.memory.store import MemoryStore


async def cancelled_after(turns: int, error: Exception | None) -> MemoryStore:
    store = MemoryStore()

    async def work() -> None:
        transaction = await store.begin()
        async with ended(transaction):
            transaction.rows("t")["k"] = "written"
            await asyncio.sleep(0)
            if error is not None:
                raise error

    task = asyncio.ensure_future(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return store


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("error", [None, ValueError("the application's own")])
async def test_a_block_cancelled_at_any_turn_leaves_no_transaction_open(
    turns: int, error: Exception | None
) -> None:
    store = await cancelled_after(turns, error)
    async with asyncio.timeout(1):
        await store.turn()
    assert store.rows("t") in ({}, {"k": "written"})


async def test_a_cancelled_commit_is_all_or_nothing_and_the_cancellation_is_told() -> None:
    store = MemoryStore()
    transaction = await store.begin()

    async def work() -> None:
        async with ended(transaction):
            transaction.rows("t")["k"] = "written"

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.rows("t") == {}
