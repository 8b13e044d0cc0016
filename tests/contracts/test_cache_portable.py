"""The cache over memory, in virtual time: answers, flights, early refreshes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from omnicloud.contracts.cache import Cache, CacheLimits
from omnicloud.contracts.cache.early import is_due
from omnicloud.core.codec import TEXT, codec_for
from omnicloud.core.context import tenant
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ClosedError, InvalidArgumentError
from omnicloud.memory.cache import FEATURES, MemoryCache
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual


class _Single(MemoryCache):
    """A driver for one process only."""

    features = frozenset()


class Bench:
    """Caches on one store, and a loader that counts."""

    def __init__(self, driver: type[MemoryCache] = MemoryCache) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.driver = driver
        self.loads = 0
        self.seconds = 1.0

    def cache(self, draw: Callable[[], float] = lambda: 0.0) -> Cache[str]:
        pipeline: Pipeline[Any] = Pipeline(self.driver(self.store))
        return Cache(pipeline, TEXT, clock=self.clock, draw=draw)

    async def load(self) -> str:
        self.loads += 1
        number = self.loads
        await asyncio.sleep(self.seconds)
        return f"load {number}"

    async def fail(self) -> str:
        await self.load()
        raise ArithmeticError("on purpose")


def virtual(main: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        await main(Bench())

    run_virtual(run())


@pytest.fixture(params=[MemoryCache, _Single], ids=["many processes", "one process"])
def driver(request: pytest.FixtureRequest) -> type[MemoryCache]:
    kind: type[MemoryCache] = request.param
    return kind


@pytest.mark.parametrize("ttl", [0, -1, -0.5, 0.0001, float("nan"), float("inf"), "5", True])
def test_a_ttl_that_is_no_duration_is_refused_and_nothing_written(ttl: Any) -> None:
    async def main(bench: Bench) -> None:
        cache = bench.cache()
        await cache.set("k", "kept")
        with pytest.raises(InvalidArgumentError):
            await cache.set("k", "v", ttl)
        with pytest.raises(InvalidArgumentError):
            await cache.touch("k", ttl)
        with pytest.raises(InvalidArgumentError):
            await cache.get_or_load("k", bench.load, ttl)
        assert await cache.get("k") == "kept"

    virtual(main)


@pytest.mark.parametrize("key", ["", "x" * 1025, "\ud800", 5, None])
def test_a_key_that_is_no_name_is_refused(key: Any) -> None:
    async def main(bench: Bench) -> None:
        cache = bench.cache()
        for call in (cache.get(key), cache.set(key, "v"), cache.delete(key), cache.touch(key, 1)):
            with pytest.raises(InvalidArgumentError):
                await call

    virtual(main)


def test_values_keep_their_type() -> None:
    async def main(bench: Bench) -> None:
        cache = Cache(Pipeline(MemoryCache(bench.store)), codec_for(dict))
        await cache.set("k", {"n": 5, "t": "5", "none": None}, ttl=timedelta(seconds=1.5))
        assert await cache.get("k") == {"n": 5, "t": "5", "none": None}
        await asyncio.sleep(1.6)
        assert await cache.get("k") is None

    virtual(main)


def test_a_thousand_ask_and_one_loads(driver: type[MemoryCache]) -> None:
    async def main() -> None:
        bench = Bench(driver)
        cache = bench.cache()
        calls = [cache.get_or_load("k", bench.load, 60) for _ in range(1000)]
        assert set(await asyncio.gather(*calls)) == {"load 1"}
        assert await cache.get("k") == "load 1"
        counts = cache.statistics()
        assert (counts.misses, counts.loads, counts.hits) == (1000, 1, 1)

    run_virtual(main())


def test_of_many_processes_one_loads() -> None:
    async def main(bench: Bench) -> None:
        caches = [bench.cache() for _ in range(5)]
        calls = [cache.get_or_load("k", bench.load, 60) for cache in caches * 20]
        assert set(await asyncio.gather(*calls)) == {"load 1"}
        assert sum(cache.statistics().loads for cache in caches) == 1

    virtual(main)


def test_a_failing_loader_fails_all_who_wait_and_the_next_loads_again(
    driver: type[MemoryCache],
) -> None:
    async def main() -> None:
        bench = Bench(driver)
        cache = bench.cache()
        calls = [cache.get_or_load("k", bench.fail) for _ in range(10)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ArithmeticError] * 10
        assert (bench.loads, cache.statistics().load_errors) == (1, 1)
        started = bench.clock.monotonic()
        assert await cache.get_or_load("k", bench.load) == "load 2"
        assert bench.clock.monotonic() - started == pytest.approx(1.0, abs=0.1)

    run_virtual(main())


def test_a_cancelled_leader_leaves_the_others_their_answer(driver: type[MemoryCache]) -> None:
    async def main() -> None:
        bench = Bench(driver)
        cache = bench.cache()
        leader = asyncio.ensure_future(cache.get_or_load("k", bench.load))
        await asyncio.sleep(0.1)
        waiter = asyncio.ensure_future(cache.get_or_load("k", bench.load))
        await asyncio.sleep(0.1)
        leader.cancel()
        assert await waiter == "load 1"
        assert leader.cancelled()
        assert bench.loads == 1

    run_virtual(main())


def test_a_flight_that_no_one_waits_for_is_cancelled_and_frees_its_claim() -> None:
    async def main(bench: Bench) -> None:
        one, two = bench.cache(), bench.cache()
        bench.seconds = 20.0
        only = asyncio.ensure_future(one.get_or_load("k", bench.load))
        await asyncio.sleep(0.1)
        only.cancel()
        await asyncio.wait([only])
        await asyncio.sleep(0.1)
        bench.seconds = 1.0
        started = bench.clock.monotonic()
        assert await two.get_or_load("k", bench.load) == "load 2"
        assert bench.clock.monotonic() - started < 2.0

    virtual(main)


@pytest.mark.parametrize("turns", range(10))
def test_a_call_cancelled_at_any_point_leaves_no_claim(turns: int) -> None:
    async def main(bench: Bench) -> None:
        only = asyncio.ensure_future(bench.cache().get_or_load("k", bench.load))
        for _ in range(turns):
            await asyncio.sleep(0)
        only.cancel()
        await asyncio.wait([only])
        started = bench.clock.monotonic()
        await bench.cache().get_or_load("k", bench.load)
        assert bench.clock.monotonic() - started < 2.0

    virtual(main)


@pytest.mark.parametrize("change", ["set", "delete", "clear"])
def test_what_was_loaded_before_a_change_is_not_stored_after_it(
    change: str, driver: type[MemoryCache]
) -> None:
    async def main() -> None:
        bench = Bench(driver)
        if change == "clear" and driver is _Single:
            return
        cache = bench.cache()
        loading = asyncio.ensure_future(cache.get_or_load("k", bench.load))
        await asyncio.sleep(0.5)
        changes: dict[str, Callable[[], Awaitable[None]]] = {
            "set": lambda: cache.set("k", "newer"),
            "delete": lambda: cache.delete("k"),
            "clear": cache.clear,
        }
        await changes[change]()
        assert await loading == "load 1"
        assert await cache.get("k") == ("newer" if change == "set" else None)

    run_virtual(main())


def test_another_process_that_deletes_voids_what_is_being_loaded() -> None:
    async def main(bench: Bench) -> None:
        one, two = bench.cache(), bench.cache()
        loading = asyncio.ensure_future(one.get_or_load("k", bench.load))
        await asyncio.sleep(0.5)
        await two.delete("k")
        assert await loading == "load 1"
        assert await one.get("k") is None

    virtual(main)


def test_a_value_is_loaded_early_when_the_draw_says_so() -> None:
    async def main(bench: Bench) -> None:
        draws = iter([0.0, 0.999999, 0.0, 0.999999])
        cache = bench.cache(lambda: next(draws))
        assert await cache.get_or_load("k", bench.load, 10) == "load 1"
        await asyncio.sleep(2)
        assert await cache.get_or_load("k", bench.load, 10) == "load 1"
        assert await cache.get_or_load("k", bench.load, 10) == "load 2"
        assert await cache.get_or_load("k", bench.load, 10) == "load 2"
        assert await cache.get_or_load("k", bench.load, 10, early=0) == "load 2"

    virtual(main)


def test_an_early_load_that_fails_leaves_the_old_value() -> None:
    async def main(bench: Bench) -> None:
        cache = bench.cache(lambda: 0.999999)
        await cache.get_or_load("k", bench.load, 10)
        assert await cache.get_or_load("k", bench.fail, 10) == "load 1"
        assert cache.statistics().load_errors == 1

    virtual(main)


def test_the_formula_is_that_of_the_paper() -> None:
    # now - delta * beta * ln(u) >= expiry, with u = 1 - draw; ln(1/e) = -1
    draw = 1 - 0.36787944117144233
    assert is_due(1.9999, 2.0, 1.0, draw)
    assert not is_due(2.0001, 2.0, 1.0, draw)
    assert is_due(3.9999, 2.0, 2.0, draw)
    assert not is_due(0.001, 2.0, 0.0, draw)
    assert not is_due(None, 2.0, 1.0, draw)


def test_tenants_share_no_flight() -> None:
    async def main(bench: Bench) -> None:
        cache = bench.cache()

        async def of(name: str) -> str:
            with tenant(name):
                return await cache.get_or_load(f"{name}/k", bench.load)

        assert sorted(await asyncio.gather(of("a"), of("b"))) == ["load 1", "load 2"]

    virtual(main)


def test_closing_ends_the_loads_under_way() -> None:
    async def main(bench: Bench) -> None:
        cache = bench.cache()
        bench.seconds = 60.0
        loading = asyncio.ensure_future(cache.get_or_load("k", bench.load))
        await asyncio.sleep(0.1)
        await cache.aclose()
        with pytest.raises(ClosedError):
            await loading
        with pytest.raises(ClosedError):
            await cache.get("k")

    virtual(main)


def test_memory_evicts_the_least_recently_used_and_frees_the_expired() -> None:
    async def main(bench: Bench) -> None:
        limits = CacheLimits(max_entries=3, max_bytes=20)
        driver = MemoryCache(bench.store, limits=limits)
        cache = Cache(Pipeline(driver), TEXT)
        for key in "abc":
            await cache.set(key, key)
        await cache.get("a")
        await cache.set("d", "d")
        assert [await cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]
        await cache.set("e", "x" * 18)
        assert await cache.get("e") == "x" * 18
        assert len(driver._shelf()) <= 3
        await cache.clear()
        for number in range(3):
            await cache.set(f"{number}", "v", ttl=0.5)
        await asyncio.sleep(1)
        await cache.get("other")
        assert len(driver._shelf()) == 0

    virtual(main)


def test_overwriting_for_ever_keeps_no_more_than_the_entry() -> None:
    async def main(bench: Bench) -> None:
        driver = MemoryCache(bench.store)
        cache = Cache(Pipeline(driver), TEXT)
        for number in range(1000):
            await cache.set("k", f"{number}", ttl=86400)
        assert len(driver._shelf()._ends) < 100
        assert await cache.get("k") == "999"

    virtual(main)


def test_memory_declares_every_feature() -> None:
    assert {str(feature) for feature in FEATURES} == {"touch", "clear", "cross_process_flight"}
