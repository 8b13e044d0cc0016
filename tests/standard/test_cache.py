"""What the Open Omni-Cloud standard asks of caches, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.cache import Cache
from omnicloud.testing import FakeClock


@pytest.fixture
def cache(cloud: OmniCloud) -> Cache[str]:
    return cloud.cache("hot")


async def test_a_value_without_a_ttl_stays(cache: Cache[str], clock: FakeClock) -> None:
    assert await cache.get("k") is None
    await cache.set("k", "v", ttl=None)
    clock.advance(3600)
    assert await cache.get("k") == "v"


async def test_a_value_is_there_until_its_ttl_has_passed(
    cache: Cache[str], clock: FakeClock
) -> None:
    await cache.set("k", "v", ttl=5)
    clock.advance(4.9)
    assert await cache.get("k") == "v"
    clock.advance(0.2)
    assert await cache.get("k") is None


async def test_a_deleted_value_is_gone_before_its_ttl(cache: Cache[str]) -> None:
    await cache.set("k", "v", ttl=10)
    await cache.delete("k")
    await cache.delete("k")
    assert await cache.get("k") is None


async def test_a_new_value_has_its_own_ttl_shorter_or_longer(
    cache: Cache[str], clock: FakeClock
) -> None:
    for key, first, second in (("shorter", 60, 1), ("longer", 1, 60)):
        await cache.set(key, "old", ttl=first)
        await cache.set(key, "new", ttl=second)
        assert await cache.get(key) == "new"
    clock.advance(1.1)
    assert (await cache.get("shorter"), await cache.get("longer")) == (None, "new")
