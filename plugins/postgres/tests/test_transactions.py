"""Transactions that meet, wait, are left open, and wait for each other."""

from __future__ import annotations

import asyncio

import pytest
from bench import bench

from omnicloud.contracts.kv.driver import Begin, Get, Set
from omnicloud.errors import ConflictError, Outcome, UnavailableError
from omnicloud_postgres.kv import open_kv


async def test_a_write_behind_a_transaction_that_stays_open_ends_in_time_and_is_not_done() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, answer_timeout=1.5)
        begun = await kv.begin(Begin())
        await kv.within(begun).set(Set("k", b"held"))
        with pytest.raises(UnavailableError) as caught:
            await kv.set(Set("k", b"waits"))
        assert caught.value.outcome is Outcome.NOT_DONE
        await begun.commit()
        found = await kv.get(Get("k"))
        assert found is not None
        assert found.value == b"held"


async def test_a_transaction_that_is_left_open_is_rolled_back_and_says_so() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, transaction_timeout=0.4)
        begun = await kv.begin(Begin())
        inside = kv.within(begun)
        await inside.set(Set("k", b"lost"))
        await asyncio.sleep(0.6)
        await kv.set(Set("k", b"kept"))
        with pytest.raises(ConflictError):
            await inside.set(Set("k", b"late"))
        with pytest.raises(ConflictError):
            await begun.commit()
        await begun.rollback()


async def test_transactions_that_wait_for_each_other_conflict_and_one_goes_on() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, answer_timeout=3.0)
        first, second = await kv.begin(Begin()), await kv.begin(Begin())
        await kv.within(first).set(Set("a", b"1"))
        await kv.within(second).set(Set("b", b"2"))
        done = await asyncio.gather(
            kv.within(first).set(Set("b", b"1")),
            kv.within(second).set(Set("a", b"2")),
            return_exceptions=True,
        )
        refused = [one for one in done if isinstance(one, ConflictError)]
        assert len(refused) == 1
        assert refused[0].outcome is Outcome.NOT_DONE
        await (second if isinstance(done[0], ConflictError) else first).commit()
        assert await kv.get(Get("a")) is not None
        await first.rollback()
        await second.rollback()
