"""What the Open Omni-Cloud standard asks of locks, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.locks import Locks
from omnicloud.testing import FakeClock


@pytest.fixture
def locks(cloud: OmniCloud) -> Locks:
    return cloud.locks("nightly")


async def test_a_lock_is_held_by_one_until_it_is_released(locks: Locks) -> None:
    one, two = locks.get_lock("l", ttl=10), locks.get_lock("l", ttl=10)
    assert await one.acquire() is True
    assert await two.acquire() is False
    await one.release()
    assert await two.acquire() is True


async def test_a_lock_is_released_twice_and_taken_again(locks: Locks) -> None:
    lock = locks.get_lock("l", ttl=10)
    assert await lock.acquire() is True
    await lock.release()
    await lock.release()
    assert await lock.acquire() is True


async def test_a_lock_ends_with_its_ttl(locks: Locks, clock: FakeClock) -> None:
    one, two = locks.get_lock("l", ttl=1), locks.get_lock("l", ttl=1)
    assert await one.acquire() is True
    clock.advance(0.9)
    assert await two.acquire() is False
    clock.advance(0.2)
    assert await two.acquire() is True


async def test_a_block_is_told_whether_it_holds_the_lock(locks: Locks) -> None:
    async with locks.get_lock("l", ttl=10) as acquired:
        assert acquired is True
        async with locks.get_lock("l", ttl=10) as inner:
            assert inner is False
    assert await locks.get_lock("l", ttl=10).acquire() is True
