"""The laws of kv about ends that outlive their values, and transactions of much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import Begin, Changes
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, that
from omnicloud_tck.kv.bench import KVBench, most_of
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["LeavingLaws"]

_F = KVFeature
_LIFE, _SLACK = 1.0, 0.15
_LONG_SECONDS = 3600.0  # after which a store has undone what nobody ended
_REAL_SECONDS = 10.0
_ITEMS, _REAL_ITEMS = 150, 40
_SIZES, _REAL_SIZES = (70_000, 300_000, 1 << 20), (70_000,)

Change = Callable[[KV[bytes], str], Awaitable[object]]


class LeavingLaws(KVBench):
    """What is gone has no say, and what is much is as what is little."""

    @law(
        "KV-193",
        "An end dies with its value, by whatever verb that was removed or written over.",
        needs=[_F.TTL],
    )
    async def ends_die_with_their_values(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        features = one.pipeline.driver.features
        ways = {way: call for way, (needs, call) in _WAYS.items() if needs <= features}
        for way, call in ways.items():
            await one.set(way, b"1", ttl=_LIFE)
            with suppress(ConflictError):  # on a slow day it has ended by now
                await call(two, way)
            if await one.get(way) is None:
                await one.set(way, b"2")
        await world.sleep(_LIFE + _SLACK)
        for way in ways:
            entry = await one.get_entry(way)
            found = None if entry is None else (entry.value, entry.expires_in)
            equal((b"2", None), found, f"what was written after {way}, past the end of before")

    @law(
        "KV-197",
        "What ends behind a transaction that nobody ends is gone, and told to who watches.",
        needs=[_F.TTL, _F.TRANSACTION, _F.WATCH],
        patience=4 * _LONG_SECONDS,
    )
    async def an_end_behind_the_forgotten_is_told(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        await one.set("ends", b"1", ttl=_LIFE)
        cursor = (await two.pipeline.send(Changes("ends"))).cursor
        forgotten: Transaction = await one.pipeline.send(Begin())
        seconds = _LONG_SECONDS if world.virtual else _REAL_SECONDS
        watch = asyncio.ensure_future(_told(two, cursor, seconds))
        try:
            await world.sleep(seconds if world.virtual else _LIFE + _SLACK)
            # Over a real backend it is ended: half a minute is too long to wait for.
            that(
                watch.done() or not world.virtual, "who watches was not told of an end for an hour"
            )
        finally:
            await forgotten.rollback()
            told = await watch
        equal([("ends", ChangeKind.DELETED)], told, "what was told of the end")
        equal(None, await two.get("ends"), "what has ended")

    @law(
        "KV-194",
        "A transaction reads, walks and keeps what it wrote, many keys and long values too.",
        needs=[_F.TRANSACTION, _F.BATCH],
    )
    async def transactions_of_much_are_whole(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        limits, features = one.pipeline.driver.limits, one.pipeline.driver.features
        count = min(_ITEMS if world.virtual else _REAL_ITEMS, most_of(limits))
        items = {f"m-{number:03}": b"%d" % number for number in range(count)}
        await two.set_many(dict.fromkeys(list(items)[::2], b"old"))
        sizes = _SIZES if world.virtual else _REAL_SIZES
        longest = min(limits.value_max_bytes, (limits.batch_max_bytes or 1 << 62) // 4)
        long = {f"l-{n}": b"%d" % n * n for n in sizes if 8 * n <= longest}
        async with one.transaction() as inside:
            await inside.set_many(items)
            that(
                await inside.get_many(items) == items, f"{count} keys, read where they are written"
            )
            if _F.SCAN in features:
                equal(list(items), [key async for key in inside.scan("m-")], "a walk inside")
            gone = list(items)[1::3]
            await inside.delete_many(gone)
            left = {key: value for key, value in items.items() if key not in set(gone)}
            that(await inside.get_many(items) == left, "what is left where many are deleted")
            for key, value in long.items():
                await inside.set(key, value)
                that(await inside.get(key) == value, f"{len(value)} bytes, read inside")
        that(await two.get_many(items) == left, f"{count} keys, read after the commit")
        for key, value in long.items():
            that(await two.get(key) == value, f"{len(value)} bytes, read after the commit")


async def _told(kv: KV[bytes], cursor: str | None, seconds: float) -> list[tuple[str, ChangeKind]]:
    """The next changes, or none within that time."""
    until = asyncio.get_running_loop().time() + seconds
    while (left := until - asyncio.get_running_loop().time()) > 0:
        page = await kv.pipeline.send(Changes("ends", cursor, left))
        if page.changes:
            return [(change.key, change.kind) for change in page.changes]
        cursor = page.cursor
    return []


async def _on_its_version(kv: KV[bytes], key: str, value: bytes | None) -> None:
    entry = await kv.get_entry(key)
    version = "none" if entry is None else entry.version
    if value is None:
        await kv.delete(key, if_version=version)
    else:
        await kv.set(key, value, if_version=version)


async def _inside(kv: KV[bytes], key: str, value: bytes | None) -> None:
    async with kv.transaction() as inside:
        if value is None:
            await inside.delete(key)
        else:
            await inside.set(key, value)


_NONE: frozenset[Feature] = frozenset()
_BATCH: frozenset[Feature] = frozenset({_F.BATCH})
_CAS: frozenset[Feature] = frozenset({_F.COMPARE_AND_SET})
_TRANSACTION: frozenset[Feature] = frozenset({_F.TRANSACTION})

_WAYS: dict[str, tuple[frozenset[Feature], Change]] = {
    "a set": (_NONE, lambda kv, key: kv.set(key, b"2")),
    "a batch": (_BATCH, lambda kv, key: kv.set_many({key: b"2"})),
    "a set by version": (_CAS, lambda kv, key: _on_its_version(kv, key, b"2")),
    "a set in a transaction": (_TRANSACTION, lambda kv, key: _inside(kv, key, b"2")),
    "a deletion": (_NONE, lambda kv, key: kv.delete(key)),
    "a deletion of many": (_BATCH, lambda kv, key: kv.delete_many([key])),
    "a deletion by version": (_CAS, lambda kv, key: _on_its_version(kv, key, None)),
    "a deletion in a transaction": (_TRANSACTION, lambda kv, key: _inside(kv, key, None)),
}
