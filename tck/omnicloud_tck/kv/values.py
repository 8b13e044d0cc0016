"""Laws of values: what was set is got, whatever happened before and beside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.contracts.kv.driver import KVDriver
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ValueLaws"]

_F = KVFeature
_Write = Callable[[KV[bytes], str, bytes], Awaitable[object]]


class ValueLaws(KVBench):
    """What was set is got."""

    @law(
        "KV-001", "The last value set is the value got, whatever was there before.", rung=Rung.SHAPE
    )
    async def the_last_value_is_got(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for value in (b"first", b"second", b"", b"second", b"longer than second", b"s"):
            await kv.set("k", value)
            equal(value, await kv.get("k"), "value")
        entry = await kv.get_entry("k")
        that(entry is not None and entry.value == b"s", "get_entry has another value than get")

    @law(
        "KV-002",
        "A key that was never set, or was deleted, is None; delete says whether it was live.",
        rung=Rung.SHAPE,
    )
    async def absence_is_an_answer(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        equal(None, await kv.get("k"), "a key never set")
        equal(None, await kv.get_entry("k"), "the entry of a key never set")
        equal(False, await kv.delete("k"), "delete of a key never set")
        await kv.set("k", b"")
        equal(True, await kv.delete("k"), "delete of a live key")
        equal(None, await kv.get("k"), "a deleted key")
        equal(False, await kv.delete("k"), "delete of a deleted key")
        await kv.set("k", b"again")
        equal(b"again", await kv.get("k"), "a key set again")

    @law("KV-003", "Nothing is evicted: a thousand keys are all there, each with its own value.")
    async def nothing_is_evicted(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        groups = [range(start, start + 50) for start in range(0, 1000, 50)]
        for numbers in groups:
            await asyncio.gather(*(kv.set(f"many-{n}", b"value %d" % n) for n in numbers))
        for numbers in groups:
            found = await asyncio.gather(*(kv.get(f"many-{n}") for n in numbers))
            expected = [b"value %d" % n for n in numbers]
            equal(expected, found, f"keys {numbers[0]} to {numbers[-1]} of 1000")

    @law(
        "KV-004",
        "A value of value_max_bytes is kept, one byte more is refused and nothing written.",
        rung=Rung.SHAPE,
    )
    async def the_value_limit_is_true(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        most = (16 if world.virtual else 8) << 20
        size = min(kv.pipeline.driver.limits.value_max_bytes, most)
        value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        await kv.set("k", value)
        that(await kv.get("k") == value, f"a value of {size} bytes came back changed")
        if size == kv.pipeline.driver.limits.value_max_bytes:
            with refused(InvalidArgumentError, "a value over the limit"):
                await kv.set("k", value + b"x")
            that(await kv.get("k") == value, "a refused write changed the value")

    @law(
        "KV-195",
        "A value of value_max_bytes is kept by every way of writing it, and read by every way.",
        rung=Rung.SHAPE,
    )
    async def the_value_limit_is_every_way_s(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        size = min(one.pipeline.driver.limits.value_max_bytes, (16 if world.virtual else 8) << 20)
        for number, (way, write) in enumerate(_ways(one.pipeline.driver, size).items()):
            value = b"%d" % (number % 10) * size
            await two.set(way, b"before")
            await write(one, way, value)
            that(await two.get(way) == value, f"{size} bytes, written by {way}, came back changed")
            if KVFeature.BATCH in one.pipeline.driver.features:
                found = (await two.get_many([way])).get(way)
                that(found == value, f"{size} bytes, read in a batch, came back changed")
            await two.delete(way)

    @law("KV-005", "Every acknowledged write is applied, also many in a row.", rung=Rung.RESILIENCE)
    async def no_write_is_dropped(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for number in range(150):
            await kv.set("counted", b"%d" % number)
            equal(b"%d" % number, await kv.get("counted"), f"write {number} of 150")

    @law(
        "KV-006", "A deleted key stays deleted, a written one stays written.", rung=Rung.RESILIENCE
    )
    async def the_dead_stay_dead(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(5):
            await one.set(f"dead-{number}", b"x")
            await one.set(f"live-{number}", b"x")
            await one.delete(f"dead-{number}")
        for _ in range(6):
            await world.sleep(0.2)
            for number in range(5):
                equal(None, await two.get(f"dead-{number}"), "a deleted key, later")
                equal(b"x", await two.get(f"live-{number}"), "a written key, later")

    @law(
        "KV-007",
        "Reads never go back: once a value was read, an older one is not.",
        rung=Rung.CONCURRENCY,
    )
    async def reads_do_not_go_back(self, world: World[Any]) -> None:
        writer, reader = await self.portable(world), await self.portable(world)
        await writer.set("k", b"0")
        last = 0

        async def write() -> None:
            for number in range(1, 60):
                await writer.set("k", b"%d" % number)

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            now = int(await reader.get("k") or b"-1")
            that(now >= last, f"read {now} after {last}")
            last = now
        await writing
        for _ in range(30):
            equal(b"59", await reader.get("k"), "the last value, read again and again")

    @law(
        "KV-008",
        "A set whose answer was awaited is not undone by an older one, nor by one that was "
        "cancelled, over a network a second before.",
        rung=Rung.CONCURRENCY,
    )
    async def an_older_write_does_not_return(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        keys = [f"k{turns}" for turns in range(12)]
        sweeps = [keys] if world.on_its_way else [[key] for key in keys]
        for sweep in sweeps:
            for key in sweep:
                task = asyncio.ensure_future(one.set(key, b"older"))
                for _ in range(int(key[1:])):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await world.sleep(world.on_its_way)
            for key in sweep:
                await two.set(key, b"newer")
            await world.sleep(0.05)
            for key in sweep:
                equal(b"newer", await one.get(key), "after a newer write")


async def _made(kv: KV[bytes], key: str, value: bytes) -> None:
    await kv.delete(key)
    await kv.set(key, value, if_absent=True)


async def _at_version(kv: KV[bytes], key: str, value: bytes) -> None:
    version = await kv.set(key, b"before")
    await kv.set(key, value, if_version=version)


async def _inside(kv: KV[bytes], key: str, value: bytes) -> None:
    async with kv.transaction() as inside:
        await inside.set(key, value)


_WAYS: tuple[tuple[str, KVFeature | None, _Write], ...] = (
    ("set", None, lambda kv, key, value: kv.set(key, value)),
    ("set with a ttl", _F.TTL, lambda kv, key, value: kv.set(key, value, ttl=600)),
    ("set if_absent", _F.COMPARE_AND_SET, _made),
    ("set if_version", _F.COMPARE_AND_SET, _at_version),
    ("a batch", _F.BATCH, lambda kv, key, value: kv.set_many({key: value})),
    ("a transaction", _F.TRANSACTION, _inside),
)
_BOUNDED = ("a batch", "a transaction")


def _ways(driver: KVDriver, size: int) -> dict[str, _Write]:
    """The ways in which a driver takes a value of this size."""
    most = driver.limits.batch_max_bytes
    return {
        way: write
        for way, needs, write in _WAYS
        if (needs is None or needs in driver.features)
        and (way not in _BOUNDED or most is None or len(way) + size <= most)
    }
