"""Laws of batches and scans."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.contracts.kv.driver import Scan
from omnicloud.contracts.kv.models import KVLimits
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import KVBench, most_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ManyLaws"]

_TTL = [KVFeature.TTL]
_BATCH = [KVFeature.BATCH]
_SCAN = [KVFeature.SCAN]
_SLACK = 0.15  # seconds that a time to live may be off, either way
_MOST, _REAL = 10_000, 120  # items of a batch
_HEAVY, _REAL_HEAVY, _HEAVY_BYTES = 40, 10, 1 << 20
"""Items of a batch, and bytes of each: together more than a packet of most services."""
_PAGES = (1000, 3001, 10_000)
"""More than most services tell at once, up to what a user may ask for."""


class ManyLaws(KVBench):
    """Many keys at once are as each for itself."""

    @law(
        "KV-030",
        "get_many answers each key with its own value; missing ones are left out.",
        needs=_BATCH,
    )
    async def get_many_answers_each(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        count = min(120, most_of(kv.pipeline.driver.limits))
        await kv.set_many({f"k{n}": b"v%d" % n for n in range(count)})
        wanted = (count - 2, 3, 200, count - 1, 0, 3)[:count]
        asked = [f"k{n}" for n in wanted]
        expected = {f"k{n}": b"v%d" % n for n in wanted if 0 <= n < count}
        equal(expected, await kv.get_many(asked), "get_many")
        equal({}, await kv.get_many([]), "get_many of nothing")
        await kv.set_many({})
        await kv.delete_many([f"k{n}" for n in range(0, count, 2)])
        await kv.delete_many([f"k{n}" for n in range(count, count + min(5, count))])
        left = await kv.get_many([f"k{n}" for n in range(count)])
        equal({f"k{n}": b"v%d" % n for n in range(1, count, 2)}, left, "after delete_many")

    @law(
        "KV-031", "A batch is all or nothing for every reader.", needs=_BATCH, rung=Rung.CONCURRENCY
    )
    async def batches_are_atomic(self, world: World[Any]) -> None:
        writer, reader = await self.portable(world), await self.portable(world)
        most = writer.pipeline.driver.limits.batch_max_items
        names = [f"half-{n}" for n in range(min(6, most))]
        await writer.set_many(dict.fromkeys(names, b"0"))

        async def write() -> None:
            for number in range(1, 25):
                await writer.set_many(dict.fromkeys(names, b"%d" % number))

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            seen = set((await reader.get_many(names)).values())
            that(len(seen) == 1, f"a reader saw {len(seen)} generations of one batch at once")
        await writing

    @law(
        "KV-032",
        "set_many with a ttl gives it to every item, without takes it away.",
        needs=_BATCH + _TTL,
    )
    async def batches_honour_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("b", b"old", ttl=0.3)
        await kv.set_many({"a": b"1", "c": b"3"}, ttl=0.3)
        await kv.set_many({"b": b"2"})
        await world.sleep(0.3 + _SLACK)
        equal({"b": b"2"}, await kv.get_many(["a", "b", "c"]), "after the ttl")

    @law(
        "KV-033",
        "A batch over batch_max_items is refused and nothing written.",
        needs=_BATCH,
        rung=Rung.SHAPE,
    )
    async def the_batch_limit_is_true(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        most = min(most_of(kv.pipeline.driver.limits), 2000)
        full = {f"full-{n:05}": b"x" for n in range(most)}
        await kv.set_many(full)
        equal(most, len(await kv.get_many(full)), "items of a full batch")
        if most == kv.pipeline.driver.limits.batch_max_items:
            with refused(InvalidArgumentError, "a batch over the limit"):
                await kv.set_many({**{f"over-{n}": b"x" for n in range(most)}, "one more": b"x"})
            equal(None, await kv.get("over-0"), "after the refused batch")
        await kv.delete_many(full)
        equal({}, await kv.get_many(full), "after a full delete_many")

    @law(
        "KV-040",
        "A scan gives each live key of its prefix once, in code-point order, over all pages.",
        needs=_SCAN,
    )
    async def a_scan_is_complete(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        odd = ("s", "sé", "s🦀", "sz", "s\uffee", "S", "t", "r\U0010ffff")
        keys = [*(f"s{n}" for n in range(250)), *odd]
        for start in range(0, len(keys), 50):
            await asyncio.gather(*(kv.set(key, b"x") for key in keys[start : start + 50]))
        await kv.delete("s7")
        live = sorted(set(keys) - {"s7"})
        mine = [key for key in live if key.startswith("s")]
        whole = len(mine)
        sizes = (1, 7, 100, 1000, whole // 2, whole - 1, whole, whole + 1)
        scans = [_scanned(kv, "s", size) for size in sizes]
        for size, found in zip(sizes, await asyncio.gather(*scans), strict=True):
            equal(mine, found, f"pages of {size}")
        equal(live, [key async for key in kv.scan(page_size=50)], "the empty prefix")
        equal([], [key async for key in kv.scan("nothing")], "a prefix of no key")

    @law("KV-041", "A prefix is text, not a pattern.", needs=_SCAN)
    async def a_prefix_is_no_pattern(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        keys = ["a_b", "axb", "a%b", "a*b", "a?b", "a[b", "a.b", "a\\b", "A_b", "a\0b", "ab"]
        for key in keys:
            await kv.set(key, b"x")
        for prefix in ("a_", "a%", "a*", "a?", "a[", "a.", "a\\", "a\0", "A"):
            expected = sorted(key for key in keys if key.startswith(prefix))
            equal(expected, [key async for key in kv.scan(prefix)], f"prefix {prefix!r}")

    @law(
        "KV-042",
        "Keys that live during a whole scan are in it, whatever is deleted or written meanwhile.",
        needs=_SCAN,
        rung=Rung.CONCURRENCY,
    )
    async def a_scan_survives_changes(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        for number in range(60):
            await kv.set(f"m{number:03}", b"x")
        steady = {f"m{number:03}" for number in range(60) if number % 3}
        seen: list[str] = []
        async for key in kv.scan("m", page_size=5):
            seen.append(key)
            if len(seen) % 5 == 0:
                number = int(key[1:4])
                await other.delete(f"m{number - number % 3:03}")
                await other.set(f"m9{number:03}-new", b"x")
        equal(len(seen), len(set(seen)), "keys told twice")
        that(steady <= set(seen), f"missed {sorted(steady - set(seen))[:3]}")

    @law("KV-043", "Expired and deleted keys are not in a scan.", needs=_SCAN + _TTL)
    async def the_dead_are_not_scanned(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("d-live", b"x")
        await kv.set("d-long", b"x", ttl=60)
        await kv.set("d-gone", b"x", ttl=0.3)
        await kv.set("d-deleted", b"x")
        await kv.delete("d-deleted")
        await world.sleep(0.3 + _SLACK)
        equal(["d-live", "d-long"], [key async for key in kv.scan("d-")], "live keys")

    @law(
        "KV-044",
        "A page has at most as many keys as asked for, and the last one no cursor.",
        needs=_SCAN,
    )
    async def pages_are_bounded(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for number in range(23):
            await kv.set(f"p{number:02}", b"x")
        cursor: str | None = None
        for _ in range(100):
            page = await kv.pipeline.send(Scan("p", cursor, 5))
            that(len(page.keys) <= 5, f"a page of 5 has {len(page.keys)} keys")
            cursor = page.cursor
            if cursor is None:
                return
        that(False, "a scan of 23 keys has not ended after 100 pages")

    @law(
        "KV-180",
        "A batch of as many items as there may be is done whole, and a walk tells them all.",
        needs=_BATCH,
    )
    async def the_largest_batches_are_whole(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        count = min(most_of(kv.pipeline.driver.limits), _MOST if world.virtual else _REAL)
        items = {f"many-{number:05}": b"%d" % number for number in range(count)}
        await kv.set_many(items)
        that(await other.get_many(items) == items, f"a batch of {count} was read otherwise")
        if KVFeature.SCAN in kv.pipeline.driver.features:
            for size in _PAGES:
                walked = await _scanned(other, "many-", size)
                about = f"of {count} keys a walk in pages of {size} tells {len(walked)}"
                that(walked == list(items), about)
        await kv.delete_many(items)
        left = await other.get_many(items)
        equal(0, len(left), f"keys that are left after {count} were deleted")

    @law(
        "KV-192",
        "A batch as heavy as a driver says it takes is done whole; of a heavier one nothing is.",
        needs=_BATCH,
    )
    async def heavy_batches_are_whole(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        limits = kv.pipeline.driver.limits
        items, left = _heavy(limits, _HEAVY if world.virtual else _REAL_HEAVY)
        await kv.set_many(items)
        for name, value in items.items():
            found = await other.get(name)
            about = f"of {len(items)} values at once {name} has {len(found or b'')} bytes"
            that(found == value, f"{about}, not {len(value)}")
        if left == 0:
            over = {name: b"x" * len(value) for name, value in items.items()}
            over[[*over][-1]] += b"x"
            with refused(InvalidArgumentError, "a batch of a byte more than batch_max_bytes"):
                await kv.set_many(over)
            equal(items["heavy-0"], await other.get("heavy-0"), "after the refused batch")
        await kv.delete_many(items)


def _heavy(limits: KVLimits, most: int) -> tuple[dict[str, bytes], int]:
    """So many long values, or as many bytes as a batch may have; and how many more it may."""
    left, items = limits.batch_max_bytes or 1 << 62, {}
    for number in range(min(most, limits.batch_max_items)):
        name = f"heavy-{number}"
        size = min(_HEAVY_BYTES, limits.value_max_bytes, left - len(name))
        if size < 0:
            break
        items[name] = b"%d" % (number % 10) * size
        left -= len(name) + size
    return items, left


async def _scanned(kv: KV[bytes], prefix: str, size: int) -> list[str]:
    return [key async for key in kv.scan(prefix, page_size=size)]
