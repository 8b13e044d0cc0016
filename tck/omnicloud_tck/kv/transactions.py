"""Laws of transactions."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["TransactionLaws"]

_KEYS = tuple(f"k{number}" for number in range(8))
_TURNS, _REAL_TURNS = 6, 2


class TransactionLaws(KVBench):
    """All or nothing, for every reader."""

    @law(
        "KV-070",
        "A transaction's writes are seen together at its end, and by itself at once.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def transactions_are_atomic(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        await kv.set("a", b"0")
        async with kv.transaction() as inside:
            await inside.set("a", b"1")
            await inside.set("b", b"1")
            equal(b"1", await inside.get("a"), "its own write")
            equal(b"0", await other.get("a"), "an unfinished transaction, seen from outside")
            equal(None, await other.get("b"), "an unfinished transaction, seen from outside")
        equal(b"1", await other.get("a"), "after the commit")
        equal(b"1", await other.get("b"), "after the commit")

    @law(
        "KV-071",
        "A transaction whose block raises, or is cancelled, writes nothing.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def failed_transactions_write_nothing(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("a", b"0")
        for error in (ValueError("the application's own"), asyncio.CancelledError()):
            try:
                async with kv.transaction() as inside:
                    await inside.set("a", b"1")
                    await inside.set("b", b"1")
                    await inside.delete("a")
                    raise error
            except (ValueError, asyncio.CancelledError) as raised:
                that(raised is error, "the block's own error was replaced")
            equal(b"0", await kv.get("a"), "after a failed transaction")
            equal(None, await kv.get("b"), "after a failed transaction")
        await kv.set("a", b"2")
        equal(b"2", await kv.get("a"), "a write after failed transactions")

    @law(
        "KV-072",
        "Concurrent transactions lose no update: they wait for each other or conflict.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def transactions_lose_no_update(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        await clients[0].set("x", b"0")
        await clients[0].set("y", b"0")

        async def move(kv: KV[bytes]) -> None:
            for _ in range(200):
                try:
                    async with kv.transaction() as inside:
                        x, y = await inside.get("x"), await inside.get("y")
                        await inside.set("x", b"%d" % (int(x or b"0") + 1))
                        await inside.set("y", b"%d" % (int(y or b"0") - 1))
                except ConflictError:
                    continue
                return
            that(False, "a transaction conflicted 200 times in a row")

        await asyncio.gather(*(move(clients[n % 3]) for n in range(15)))
        equal((b"15", b"-15"), (await clients[1].get("x"), await clients[1].get("y")), "15 moves")

    @law(
        "KV-177",
        "What a transaction did to several keys is seen together, key by key and in batches.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def keys_change_together(self, world: World[Any]) -> None:
        kv, reader = await self._two(world)
        for key in _KEYS:
            await kv.set(key, b"0")

        turns = _TURNS if world.virtual else _REAL_TURNS

        async def write() -> None:
            for turn in range(1, turns + 1):
                async with kv.transaction() as inside:
                    for key in _KEYS:
                        await inside.set(key, b"%d" % turn)

        writing, chance = asyncio.ensure_future(write()), self.random
        looks = [asyncio.ensure_future(_looks(reader, chance, writing)) for _ in range(2)]
        if KVFeature.BATCH in kv.pipeline.driver.features:
            looks.append(asyncio.ensure_future(_looks_at_once(reader, writing)))
        try:
            await asyncio.gather(writing, *looks)
        finally:
            for task in (writing, *looks):
                task.cancel()
        found = [await reader.get(key) for key in _KEYS]
        equal([b"%d" % turns] * len(_KEYS), found, "after all transactions")


async def _looks(kv: KV[bytes], chance: random.Random, until: asyncio.Future[None]) -> None:
    """What was seen of one key is there of another that is looked at after it."""
    while not until.done():
        seen = 0
        for key in chance.sample(_KEYS, 2):
            await asyncio.sleep(0)  # a driver may answer without awaiting
            turn = int(await kv.get(key) or b"0")
            that(turn >= seen, f"transaction {seen} was seen, and then a key without it")
            seen = max(seen, turn)


async def _looks_at_once(kv: KV[bytes], until: asyncio.Future[None]) -> None:
    keys = _KEYS[: kv.pipeline.driver.limits.batch_max_items]
    while not until.done():
        await asyncio.sleep(0)  # a driver may answer without awaiting
        found = await kv.get_many(keys)
        equal(1, len(set(found.values())), "transactions that one batch shows")
