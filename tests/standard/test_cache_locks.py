"""What the Open Omni-Cloud standard asks of caches and locks, restated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from omnicloud.contracts.cache import Cache
from omnicloud.contracts.locks import Locks
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.store import MemoryStore
from omnicloud_local.cache import open_cache
from omnicloud_local.certify import Alone
from omnicloud_local.config import LocalConfig
from omnicloud_local.locks import open_locks


@pytest.fixture(params=["memory", "local"])
async def cache(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cache[str]]:
    if request.param == "memory":
        yield Cache(Pipeline(MemoryCache(MemoryStore())), TEXT)
        return
    opening = Alone()
    yield Cache(Pipeline(await open_cache(LocalConfig(path=tmp_path), opening)), TEXT)
    await opening.aclose()


@pytest.fixture(params=["memory", "local"])
async def locks(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Locks]:
    if request.param == "memory":
        yield Locks(Pipeline(MemoryLocks(MemoryStore())))
        return
    opening = Alone()
    yield Locks(Pipeline(await open_locks(LocalConfig(path=tmp_path), opening)))
    await opening.aclose()


async def test_a_value_is_got_until_it_is_deleted(cache: Cache[str]) -> None:
    await cache.set("k", "v")
    await cache.set("t", "v", ttl=5)
    assert (await cache.get("k"), await cache.get("t")) == ("v", "v")
    await cache.delete("k")
    await cache.delete("k")
    assert await cache.get("k") is None


async def test_a_value_ends_with_its_ttl_and_a_new_one_has_a_new_ttl(cache: Cache[str]) -> None:
    await cache.set("ends", "v", 1)
    await cache.set("stays", "v", ttl=1)
    await cache.set("stays", "again", ttl=60)
    await asyncio.sleep(1.1)
    assert (await cache.get("ends"), await cache.get("stays")) == (None, "again")


async def test_a_lock_is_held_by_one_and_released_twice(locks: Locks) -> None:
    one, two = locks.get_lock("l", ttl=10), locks.get_lock("l", ttl=10)
    assert await one.acquire() is True
    assert await two.acquire() is False
    await one.release()
    await one.release()
    assert await one.acquire() is True


async def test_a_lock_ends_with_its_ttl(locks: Locks) -> None:
    one, two = locks.get_lock("l", ttl=1), locks.get_lock("l", ttl=1)
    assert await one.acquire() is True
    await asyncio.sleep(1.2)
    assert await two.acquire() is True


async def test_a_block_is_told_whether_it_holds_the_lock(locks: Locks) -> None:
    async with locks.get_lock("l", ttl=10) as acquired:
        assert acquired is True
        async with locks.get_lock("l", ttl=10) as inner:
            assert inner is False
    async with locks.get_lock("l", ttl=10) as acquired:
        assert acquired is True
