"""Laws of counters and watches."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import collect, equal, eventually, refused, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["CountedLaws"]

_SLACK = 0.15  # seconds that a time to live may be off, either way


class CountedLaws(KVBench):
    """Every increment counts, and every change is told."""

    @law(
        "KV-050",
        "increment adds to what is there, from 0, and get shows the decimal text.",
        needs=[KVFeature.COUNTER],
    )
    async def increment_adds(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for delta, total in ((1, 1), (41, 42), (-50, -8), (0, -8), (1 << 62, (1 << 62) - 8)):
            equal(total, await kv.increment("n", delta), f"increment by {delta}")
            equal(b"%d" % total, await kv.get("n"), "the stored number")
        await kv.set("m", b"-5")
        equal(-4, await kv.increment("m"), "increment of a number that was set")
        equal(True, await kv.delete("m"), "delete of a counter")
        equal(1, await kv.increment("m"), "increment after a delete")

    @law(
        "KV-051",
        "Concurrent increments all count.",
        needs=[KVFeature.COUNTER],
        rung=Rung.CONCURRENCY,
    )
    async def increments_all_count(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        sums = await asyncio.gather(*(clients[n % 3].increment("n") for n in range(60)))
        equal(list(range(1, 61)), sorted(sums), "the sums of 60 increments")

    @law(
        "KV-052",
        "increment of what is no 64-bit integer is a conflict and changes nothing.",
        needs=[KVFeature.COUNTER],
    )
    async def increment_refuses_text(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for value in (b"text", b"", b"1.5", b"9" * 30, b"%d" % ((1 << 63) - 1)):
            await kv.set("n", value)
            with refused(ConflictError, f"increment of {value[:20]!r}"):
                await kv.increment("n")
            equal(value, await kv.get("n"), "after the refused increment")

    @law("KV-053", "increment keeps the time to live.", needs=[KVFeature.COUNTER, KVFeature.TTL])
    async def increment_keeps_the_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("n", b"1", ttl=0.5)
        await kv.increment("n")
        await kv.increment("ever")
        await world.sleep(0.5 + _SLACK)
        equal(None, await kv.get("n"), "a counter with a ttl, after its end")
        equal(b"1", await kv.get("ever"), "a counter without")
        equal(1, await kv.increment("n"), "increment of an expired counter")

    @law(
        "KV-060",
        "A watch tells every key that changes from its start on, in its last state.",
        needs=[KVFeature.WATCH],
    )
    async def a_watch_tells_changes(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        await kv.set("w/old", b"x")
        lasts: list[dict[str, tuple[ChangeKind, str]]] = [{}, {}, {}]

        async def follow(client: KV[bytes], last: dict[str, tuple[ChangeKind, str]]) -> None:
            async for change in client.watch("w/"):
                that(change.key.startswith("w/"), f"told of {change.key!r}")
                last[change.key] = (change.kind, change.version)

        watches = zip((kv, kv, other), lasts, strict=True)
        following = [asyncio.ensure_future(follow(*watch)) for watch in watches]
        try:
            await world.sleep(0.3)
            expected: dict[str, tuple[ChangeKind, str]] = {}
            await other.set("outside", b"x")
            for number in range(20):
                version = await other.set(f"w/{number % 6}", b"%d" % number)
                expected[f"w/{number % 6}"] = (ChangeKind.SET, version)
            await other.delete("w/old")
            await other.delete("w/0")
            expected["w/old"] = expected["w/0"] = (ChangeKind.DELETED, "")

            async def told() -> bool:
                return lasts == [expected] * 3

            await eventually(told, world.sleep, 5.0, "all changes told, to each of three")
            for each in following:
                that(not each.done(), "a watch ended, or told of a key outside its prefix")
        finally:
            for each in following:
                each.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    @law("KV-061", "A watch tells that a key has expired.", needs=[KVFeature.WATCH, KVFeature.TTL])
    async def a_watch_tells_expiry(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        task = asyncio.ensure_future(collect(kv.watch("e/"), 2, 8.0))
        await world.sleep(0.3)
        await kv.set("e/k", b"x", ttl=0.4)
        changes = await task
        kinds = [change.kind for change in changes]
        equal([ChangeKind.SET, ChangeKind.DELETED], kinds, "changes of a key that expires")
