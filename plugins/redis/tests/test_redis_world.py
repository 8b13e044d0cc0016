"""The world that the kit tries the provider in does what its abilities say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from omnicloud.contracts.kv import KV
from omnicloud.core.codec import BYTES
from omnicloud.errors import UnavailableError
from omnicloud_redis.certify import world
from omnicloud_tck.law import Ability
from omnicloud_tck.world import World


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[World[Any], KV[bytes]]]:
    made = world("kv")
    try:
        yield made, KV(await made.pipeline(), BYTES)
    finally:
        await made.aclose()


async def test_it_offers_everything_but_virtual_time() -> None:
    async with opened() as (made, _):
        assert made.abilities == frozenset(Ability) - {Ability.VIRTUAL_TIME}


async def test_a_slow_server_is_slow_and_right() -> None:
    async with opened() as (made, kv):
        await kv.set("k", b"x")
        before = made.clock.monotonic()
        async with made.slow(60):
            assert await kv.get("k") == b"x"
        assert made.clock.monotonic() - before >= 0.12
        taken = []
        for _ in range(20):  # a busy machine holds up some
            before = made.clock.monotonic()
            await kv.get("k")
            taken.append(made.clock.monotonic() - before)
        assert min(taken) < 0.12


async def test_partition_outage_and_cut_are_errors_and_pass() -> None:
    async with opened() as (made, kv):
        await kv.set("k", b"x" * 5000)
        for trouble in (made.partition(), made.outage(), made.cut_mid_answer(100)):
            async with trouble:
                with pytest.raises(UnavailableError):
                    await kv.get("k")
            assert await kv.get("k") == b"x" * 5000


async def test_a_restart_keeps_what_was_acknowledged_and_forgets_no_client() -> None:
    async with opened() as (made, kv):
        await kv.set("k", b"x")
        await made.restart()
        await asyncio.sleep(0.05)
        assert await kv.get("k") == b"x"


async def test_many_calls_under_trouble_leak_nothing() -> None:
    async with opened() as (made, kv):
        await asyncio.gather(*(kv.set(f"k{number}", b"x") for number in range(64)))
        before = made.leaks()
        for _ in range(3):
            async with made.outage():
                said = await asyncio.gather(
                    *(kv.get(f"k{number}") for number in range(64)), return_exceptions=True
                )
                assert all(isinstance(error, UnavailableError) for error in said)
            await asyncio.gather(*(kv.get(f"k{number}") for number in range(64)))
        after = made.leaks()
        assert set(after) == {"tasks", "files", "connections"}
        assert all(after[what] <= before[what] + 4 for what in before), (before, after)
