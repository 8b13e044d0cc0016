"""Locks over memory, in virtual time: handles, waiting, renewal, election."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from omnicloud.contracts.locks import Lock, Locks
from omnicloud.contracts.locks.driver import Release
from omnicloud.core.context import deadline
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    LockLostError,
)
from omnicloud.layers.deadline import DeadlineLayer
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual


class Bench:
    """Clients of one store."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)

    def locks(self) -> Locks:
        layers = [DeadlineLayer(None, clock=self.clock)]
        return Locks(Pipeline(MemoryLocks(self.store), layers), clock=self.clock)

    def lock(self, ttl: float = 10.0, **options: Any) -> Lock:
        return self.locks().get_lock("l", ttl, **options)

    async def steal(self, lock: Lock) -> None:
        """Take the lock away behind its holder's back."""
        lease = lock._lease
        assert lease is not None
        await MemoryLocks(self.store).release(Release("l", lease.owner))
        assert await self.lock(60).acquire()


def virtual(main: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        await main(Bench())

    run_virtual(run())


@pytest.mark.parametrize("name", ["", "x" * 1025, "\ud800", 5, None])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Bench().locks().get_lock(name, 5)


@pytest.mark.parametrize("ttl", [0, -1, 0.0001, float("nan"), "5", None])
def test_a_ttl_that_is_no_duration_is_refused(ttl: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Bench().locks().get_lock("l", ttl)


@pytest.mark.parametrize("permits", [0, -1, 1.5, True, "2"])
def test_permits_are_counted_from_one(permits: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Bench().locks().semaphore("s", permits, 5)


def test_a_handle_is_not_reentrant_and_can_be_used_again() -> None:
    async def main(bench: Bench) -> None:
        lock = bench.lock()
        assert (lock.token, lock.expires_in) == (None, 0.0)
        assert await lock.acquire()
        assert not await lock.acquire()
        first = lock.token
        assert lock.expires_in == pytest.approx(10.0)
        await lock.release()
        await lock.release()
        assert lock.token is None
        assert await lock.acquire()
        assert first is not None
        assert lock.token is not None
        assert lock.token > first

    virtual(main)


def test_the_ttl_counts_from_the_acquisition() -> None:
    async def main(bench: Bench) -> None:
        lock, other = bench.lock(1.0), bench.lock(1.0)
        await asyncio.sleep(5)
        assert await lock.acquire()
        await asyncio.sleep(0.9)
        assert not await other.acquire()
        await asyncio.sleep(0.2)
        assert await other.acquire()
        await lock.release()
        assert not await lock.acquire()

    virtual(main)


async def _raising(lock: Lock) -> None:
    async with lock:
        raise ArithmeticError


def test_a_block_releases_also_when_it_raises() -> None:
    async def main(bench: Bench) -> None:
        lock, other = bench.lock(), bench.lock()
        with pytest.raises(ArithmeticError):
            await _raising(lock)
        async with other as acquired:
            assert acquired

    virtual(main)


def test_a_block_that_was_not_granted_releases_nothing() -> None:
    async def main(bench: Bench) -> None:
        lock = bench.lock()
        async with lock as outer:
            async with lock as inner:
                assert (outer, inner) == (True, False)
            assert not await bench.lock().acquire()
        await lock.acquire()
        async with lock as inner:
            assert not inner
        assert not await bench.lock().acquire()

    virtual(main)


def test_waiters_are_granted_in_their_order() -> None:
    async def main(bench: Bench) -> None:
        order: list[int] = []

        async def work(number: int) -> None:
            lock = bench.lock()
            assert await lock.acquire(wait=60)
            order.append(number)
            await asyncio.sleep(0.3)
            await lock.release()

        tasks = []
        for number in range(8):
            tasks.append(asyncio.create_task(work(number)))
            await asyncio.sleep(0.01)
        for _ in range(20):
            assert not await bench.lock().acquire()  # newcomers do not overtake
            await asyncio.sleep(0.1)
        await asyncio.gather(*tasks)
        assert order == list(range(8))

    virtual(main)


def test_waiting_is_bounded_and_leaves_no_place_in_the_line() -> None:
    async def main(bench: Bench) -> None:
        holder = bench.lock()
        await holder.acquire()
        started = bench.clock.monotonic()
        assert not await bench.lock().acquire(wait=2)
        assert bench.clock.monotonic() - started == pytest.approx(2.0, abs=0.1)
        await holder.release()
        assert await bench.lock().acquire()

    virtual(main)


def test_a_cancelled_waiter_never_acquires() -> None:
    async def main(bench: Bench) -> None:
        holder = bench.lock()
        await holder.acquire()
        waiter = asyncio.create_task(bench.lock().acquire(wait=60))
        await asyncio.sleep(1)
        waiter.cancel()
        await asyncio.wait([waiter])
        assert waiter.cancelled()
        await holder.release()
        assert await bench.lock().acquire()

    virtual(main)


@pytest.mark.parametrize("turns", range(12))
def test_an_acquisition_that_is_cancelled_holds_nothing(turns: int) -> None:
    async def main(bench: Bench) -> None:
        attempt = asyncio.create_task(bench.lock().acquire())
        for _ in range(turns):
            await asyncio.sleep(0)
        attempt.cancel()
        await asyncio.wait([attempt])
        expected = attempt.cancelled() or not attempt.result()
        assert await bench.lock().acquire() is expected

    virtual(main)


def test_a_place_in_the_line_is_given_up_also_when_the_budget_is_spent() -> None:
    async def main(bench: Bench) -> None:
        holder = bench.lock()
        await holder.acquire()
        with deadline(0.5, clock=bench.clock), pytest.raises(DeadlineExceededError):
            await bench.lock().acquire(wait=60)
        await holder.release()
        assert await bench.lock().acquire()

    virtual(main)


def test_a_held_block_outlives_the_ttl() -> None:
    async def main(bench: Bench) -> None:
        async with bench.lock(1.0).held() as token:
            assert token is not None
            for _ in range(50):
                await asyncio.sleep(0.1)
                assert not await bench.lock().acquire()
        assert await bench.lock().acquire()

    virtual(main)


def test_a_held_block_outlives_the_budget_it_was_entered_with() -> None:
    async def main(bench: Bench) -> None:
        with deadline(0.5, clock=bench.clock):
            async with bench.lock(1.0).held():
                await asyncio.sleep(5)

    virtual(main)


def test_a_block_that_gives_its_lock_back_goes_on_without_it() -> None:
    async def main(bench: Bench) -> None:
        lock = bench.lock(1.0)
        async with lock.held():
            await asyncio.sleep(0.5)
            await lock.release()
            assert await bench.lock().acquire()
            await asyncio.sleep(5)
        assert not await bench.lock(0.1).acquire(wait=1)

    virtual(main)


def test_a_block_that_loses_its_lock_is_cancelled_and_told() -> None:
    async def main(bench: Bench) -> None:
        for renewing in (False, True):
            lock = bench.lock(3.0, renew=renewing)
            manager: Any = lock if renewing else lock.held()
            started = bench.clock.monotonic()
            with pytest.raises(LockLostError):
                await _losing(bench, lock, manager)
            assert bench.clock.monotonic() - started < 3.0
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            bench.store.rows(("locks", "")).clear()

    virtual(main)


async def _losing(bench: Bench, lock: Lock, manager: Any) -> None:
    async with manager:
        await bench.steal(lock)
        await asyncio.sleep(60)


def test_an_outage_shorter_than_the_ttl_loses_nothing_a_longer_one_does() -> None:
    async def main(bench: Bench) -> None:
        async with bench.lock(3.0).held():
            bench.store.down = True
            await asyncio.sleep(1.5)
            bench.store.down = False
            await asyncio.sleep(10)
        with pytest.raises(LockLostError):
            await _outage(bench)

    virtual(main)


async def _outage(bench: Bench) -> None:
    async with bench.lock(3.0).held():
        started = bench.clock.monotonic()
        bench.store.down = True
        try:
            await asyncio.sleep(60)
        finally:
            bench.store.down = False
            assert bench.clock.monotonic() - started <= 3.0


def test_a_block_cancelled_from_outside_is_cancelled_and_released() -> None:
    async def main(bench: Bench) -> None:
        async def body() -> None:
            async with bench.lock(3.0).held():
                await asyncio.sleep(60)

        task = asyncio.create_task(body())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await bench.lock().acquire()

    virtual(main)


def test_a_lock_held_by_another_is_a_conflict_for_held() -> None:
    async def main(bench: Bench) -> None:
        await bench.lock(60).acquire()
        with pytest.raises(ConflictError):
            await _held(bench)

    virtual(main)


async def _held(bench: Bench) -> None:
    async with bench.lock().held(wait=1):
        pytest.fail("the block ran")


def test_a_semaphore_has_as_many_holders_as_permits() -> None:
    async def main(bench: Bench) -> None:
        most = running = 0

        async def work() -> None:
            nonlocal most, running
            lock = bench.locks().semaphore("s", 3, 10)
            assert await lock.acquire(wait=60)
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.2)
            running -= 1
            await lock.release()

        await asyncio.gather(*(work() for _ in range(12)))
        assert most == 3

    virtual(main)


def test_one_leads_and_another_follows_when_it_is_gone() -> None:
    async def main(bench: Bench) -> None:
        terms: list[tuple[str, int | None]] = []

        async def lead(name: str) -> None:
            async def body(token: int | None) -> None:
                terms.append((name, token))
                await asyncio.sleep(3600)

            await bench.locks().lead("leader", 3, body)

        tasks = []
        for name in ("one", "two"):
            tasks.append(asyncio.create_task(lead(name)))
            await asyncio.sleep(5)
        assert [name for name, _ in terms] == ["one"]
        tasks[0].cancel()
        await asyncio.sleep(5)
        assert [name for name, _ in terms] == ["one", "two"]
        tokens = [token for _, token in terms if token is not None]
        assert tokens == sorted(set(tokens))
        tasks[1].cancel()
        await asyncio.wait(tasks)

    virtual(main)


def test_leading_returns_what_the_body_returns() -> None:
    async def main(bench: Bench) -> None:
        async def body(token: int | None) -> str:
            return f"done with {token is not None}"

        assert await bench.locks().lead("leader", 3, body) == "done with True"

    virtual(main)


def test_a_step_of_the_wall_clock_frees_no_lock() -> None:
    async def main(bench: Bench) -> None:
        await bench.lock(10).acquire()
        bench.clock.step_wall(3600)
        assert not await bench.lock().acquire()

    virtual(main)


def test_locks_of_dead_holders_are_forgotten() -> None:
    async def main(bench: Bench) -> None:
        locks = bench.locks()
        for number in range(500):
            await locks.get_lock(f"l{number}", 0.1).acquire()
            await asyncio.sleep(0.1)
        assert len(bench.store.rows(("locks", ""))) < 100

    virtual(main)
