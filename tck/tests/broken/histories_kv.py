"""kv, cache and objects drivers that only many interleavings of several clients show wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Delete as Drop
from omnicloud.contracts.cache.driver import Get as Look
from omnicloud.contracts.cache.driver import Set as Put
from omnicloud.contracts.cache.models import Cached
from omnicloud.contracts.kv.driver import Delete, DeleteMany, Get, GetMany, Increment, Set
from omnicloud.contracts.kv.models import Record
from omnicloud.contracts.objects.driver import Delete as Remove
from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.driver import Put as Upload
from omnicloud.contracts.objects.models import Chunk
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract


def kv(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, KVContract)


def ordinal(driver: Any, store: MemoryStore, what: str) -> int:
    """Which client of its backend a driver is, from 1."""
    counted = store.__dict__.setdefault(f"_wrong_{what}", [])
    counted.append(driver)
    return len(counted)


# Single keys


class _Numbered(MemoryKV):
    def __init__(self, store: MemoryStore, namespace: str = "", **named: Any) -> None:
        super().__init__(store, namespace, **named)
        self._ordinal = ordinal(self, store, "kv")


@kv("HKV01", "every third client reads from a follower that learns of overwrites late")
class FollowerReads(_Numbered):
    async def get(self, op: Get, /) -> Record | None:
        before = self._store.__dict__.get("_wrong_before", {}).get(op.key)
        record = await super().get(op)
        return before if self._ordinal % 3 == 0 and before is not None else record

    async def set(self, op: Set, /) -> str:
        record = await super().get(Get(op.key))
        version = await super().set(op)
        behind = self._store.__dict__.setdefault("_wrong_before", {})
        if record is not None:
            behind[op.key] = record
            asyncio.get_running_loop().call_later(0.01, behind.pop, op.key, None)
        return version


@kv("HKV02", "two deletions at once both say that the key was live")
class DeletesTwice(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is not None:
            return await super().delete(op)
        await self._turn()
        live = self._live(op.key) is not None
        await asyncio.sleep(0)
        if live:
            self._bury(op.key)
        return live


@kv("HKV03", "a get joins one that is under way, also when that has read already")
class JoinsFlights(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._flights: dict[str, Record | None] = {}

    async def get(self, op: Get, /) -> Record | None:
        if op.key in self._flights:
            await asyncio.sleep(0)
            return self._flights.get(op.key)
        record = self._flights[op.key] = await super().get(op)
        await asyncio.sleep(0)
        self._flights.pop(op.key, None)
        return record


@kv("HKV04", "writes are ordered by clocks of the clients, and that of every third is behind")
class SkewedClocks(_Numbered):
    async def set(self, op: Set, /) -> str:
        if op.if_absent or op.if_version:
            return await super().set(op)
        await self._turn()
        stamps = self._store.__dict__.setdefault("_wrong_stamps", {})
        mine = self._store.number() - (25 if self._ordinal % 3 == 0 else 0)
        if mine < stamps.get(op.key, 0) and self._live(op.key) is not None:
            return str(self._store.number())
        stamps[op.key] = mine
        return str(self._write(op.key, op.value, op.ttl))


@kv("HKV05", "a deletion over a version checks it, awaits, then deletes")
class DeletesBlindly(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is None:
            return await super().delete(op)
        await self._turn()
        self._expect(op.if_version, self._live(op.key))
        await asyncio.sleep(0)
        return await super().delete(replace(op, if_version=None))


@kv("HKV06", "a creation where a key was deleted looks, awaits, then writes")
class CreatesOverTombstones(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.if_absent and op.key in self._rows() and self._live(op.key) is None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await self._turn()
            return str(self._write(op.key, op.value, op.ttl))
        return await super().set(op)


@kv("HKV07", "a client does not check the version it wrote itself last")
class TrustsItself(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._mine: dict[str, str] = {}

    async def set(self, op: Set, /) -> str:
        if op.if_version is not None and self._mine.get(op.key) == op.if_version:
            op = replace(op, if_version=None)
        version = self._mine[op.key] = await super().set(op)
        return version


@kv("HKV08", "a subtraction reads, awaits, then writes")
class SubtractsInSteps(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        if op.delta >= 0:
            return await super().increment(op)
        record = await self.get(Get(op.key))
        total = (int(record.value) if record else 0) + op.delta
        await self.set(Set(op.key, b"%d" % total))
        return total


@kv("HKV09", "an increment that is cancelled while it is answered is sent again")
class IncrementsAgain(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._write(op.key, b"%d" % (total + op.delta), None)
            raise
        return total


@kv("HKV10", "the first increment of a key looks, awaits, then writes")
class CreatesCounters(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        if self._live(op.key) is None:
            await asyncio.sleep(0)
            self._write(op.key, b"%d" % op.delta, None)
            return op.delta
        return await super().increment(op)


@kv("HKV11", "a deletion of many keys deletes one after another")
class DeletesOneByOne(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        for key in op.keys:
            await self.delete(Delete(key))


@kv("HKV12", "a read of many keys looks again for those that are missing")
class LooksAgain(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        if not any(found) or all(found):
            return found
        again = await super().get_many(op)
        return tuple(one or two for one, two in zip(found, again, strict=True))


@kv("HKV13", "a batch in which a key is new is written in two parts")
class WritesNewKeysLater(MemoryKV):
    async def set_many(self, op: Any, /) -> None:
        await self._turn()
        known = tuple(item for item in op.items if self._live(item[0]) is not None)
        new = tuple(item for item in op.items if item not in known)
        if known:
            await super().set_many(replace(op, items=known))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await super().set_many(replace(op, items=new))


@kv("HKV14", "a client reads its own write before it is done, others after")
class ReadsAhead(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._under_way: dict[str, bytes] = {}

    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        ahead = self._under_way.get(op.key)
        return record if ahead is None or record is None else replace(record, value=ahead)

    async def set(self, op: Set, /) -> str:
        if op.if_version or op.if_absent:
            return await super().set(op)
        self._under_way[op.key] = op.value
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return await super().set(op)
        finally:
            self._under_way.pop(op.key, None)


# Caches


@broken("HCA01", "T2", "a deletion is acknowledged before it is done", CacheContract)
class DropsLater(MemoryCache):
    async def delete(self, op: Drop, /) -> None:
        await self._store.reading()
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(lambda: self._shelf().drop(op.key)))


@broken("HCA02", "T2", "a near copy that was read while another wrote is kept", CacheContract)
class KeepsOldCopies(MemoryCache):
    """Writers void the copies of all clients; a read under way fills its copy afterwards."""

    def __init__(self, store: MemoryStore, *args: Any, **named: Any) -> None:
        super().__init__(store, *args, **named)
        self._near: dict[str, Cached] = {}
        self._all: list[dict[str, Cached]] = store.__dict__.setdefault("_wrong_near", [])
        self._all.append(self._near)

    async def get(self, op: Look, /) -> Cached | None:
        if op.key in self._near:
            await self._store.reading()
            if op.key in self._near:
                return self._near[op.key]
        found = await super().get(op)
        await asyncio.sleep(0)
        if found is not None and found.expires_in is None:
            self._near[op.key] = found
            asyncio.get_running_loop().call_later(0.05, self._near.pop, op.key, None)
        return found

    async def set(self, op: Put, /) -> None:
        await super().set(op)
        self._void(op.key)

    async def delete(self, op: Drop, /) -> None:
        await super().delete(op)
        self._void(op.key)

    async def clear(self, op: Any, /) -> None:
        await super().clear(op)
        for near in self._all:
            near.clear()

    async def touch(self, op: Any, /) -> bool:
        self._void(op.key)
        return await super().touch(op)

    async def fill(self, op: Any, /) -> bool:
        self._void(op.key)
        return await super().fill(op)

    def _void(self, key: str) -> None:
        for near in self._all:
            near.pop(key, None)


@broken("HCA03", "T2", "a get joins one that is under way and has read already", CacheContract)
class JoinsReads(MemoryCache):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._flights: dict[str, Cached | None] = {}

    async def get(self, op: Look, /) -> Cached | None:
        if op.key in self._flights:
            await asyncio.sleep(0)
            return self._flights.get(op.key)
        found = self._flights[op.key] = await super().get(op)
        await asyncio.sleep(0)
        self._flights.pop(op.key, None)
        return found


# Objects


def objects(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, ObjectsContract)


@objects("HOB01", "an overwritten object is away for a moment")
class OverwritesInTwoSteps(MemoryObjects):
    async def put(self, op: Upload, /) -> str:
        if op.if_version is None and not op.if_absent and self._held(op.key) is not None:
            await self._store.turn()
            self._rows().pop(op.key, None)
        return await super().put(op)


@objects("HOB02", "every third client sees an overwrite late")
class SeesOverwritesLate(MemoryObjects):
    def __init__(self, store: MemoryStore, *args: Any) -> None:
        super().__init__(store, *args)
        self._ordinal = ordinal(self, store, "objects")

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        old = self._store.__dict__.get("_wrong_objects_before", {}).get(op.key)
        if self._ordinal % 3 or old is None or op.if_version or not chunk:
            return chunk
        return Chunk(old.data[op.start : op.end], old.info(op.key))

    async def put(self, op: Upload, /) -> str:
        old = self._held(op.key)
        version = await super().put(op)
        if old is not None:
            behind = self._store.__dict__.setdefault("_wrong_objects_before", {})
            behind[op.key] = old
            asyncio.get_running_loop().call_later(0.01, behind.pop, op.key, None)
        return version


@objects("HOB03", "a deletion over a version checks it, awaits, then deletes")
class RemovesBlindly(MemoryObjects):
    async def delete(self, op: Remove, /) -> None:
        await self._store.turn()
        self._expect(op.key, op.if_version)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await super().delete(replace(op, if_version=None))


@objects("HOB04", "uploads of every second client check a version, await, then write")
class UploadsBlindly(MemoryObjects):
    def __init__(self, store: MemoryStore, *args: Any) -> None:
        super().__init__(store, *args)
        self._ordinal = ordinal(self, store, "uploads")

    async def put(self, op: Upload, /) -> str:
        if op.if_version is None or self._ordinal % 2:
            return await super().put(op)
        await self._store.turn()
        self._expect(op.key, op.if_version)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await super().put(replace(op, if_version=None))


@objects("HOB05", "a download joins one that is under way and has read already")
class JoinsDownloads(MemoryObjects):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._flights: dict[GetRange, Chunk | None] = {}

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        if op in self._flights:
            await asyncio.sleep(0)
            return self._flights.get(op)
        found = self._flights[op] = await super().get_range(op)
        await asyncio.sleep(0)
        self._flights.pop(op, None)
        return found
