"""kv drivers written against the contract alone, for an eighth count of what the kit finds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import Changes, Delete, Get, Increment, Scan, Set, SetMany
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.errors import ResourceExhaustedError
from omnicloud.memory.kv import MemoryKV, _Row
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-KV-{number}", tier, summary, KVContract)


def cut(name: str) -> str:
    """The name as a column of 1,024 bytes keeps it."""
    return name.encode()[:1024].decode(errors="ignore")


def _passed_over(cursor: str | None, seam: str) -> str | None:
    """The cursor as it is after what follows its last seam was lost, and made up for."""
    head, found, tail = (cursor or "").rpartition(seam)
    return f"{head}{seam}\uffff" if found and tail else cursor


@kv("01", "T4", "stored names are cut to 1,024 bytes, so long keys of a tenant are one")
class CutNames(MemoryKV):
    """ "names are any Unicode (… 1,024 bytes)", in every tenant. Met by keys that hold a URL."""

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=cut(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=cut(op.key)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, key=cut(op.key)))


@kv("02", "T4", "counters have a table of their own, in which names are cut to 1,024 bytes")
class CutCounters(MemoryKV):
    """A counter of one key counts for another. Met by counts for each page of a site."""

    async def increment(self, op: Increment, /) -> int:
        return await super().increment(replace(op, key=cut(op.key)))


@kv("03", "T1", "the cursor of a scan loses what follows the last colon of its key")
class CutAtColon(MemoryKV):
    """ "each live key once". Met by keys as user:17, of which there is more than a page."""

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        return Page(page.keys, _passed_over(page.cursor, ":"))


@kv("04", "T1", "the cursor of a scan is prefix|key, and is read up to the last bar")
class CutAtBar(MemoryKV):
    """The same with what the driver itself puts between. Met by keys as eu|17."""

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        return Page(page.keys, _passed_over(page.cursor, "|"))


@kv("05", "T4", "the version of a key is kept under key:version, where a caller reads it")
class VersionBeside(MemoryKV):
    """Names are "never colliding". Met by who keeps order:17 and order:17:version."""

    def _beside(self) -> Any:
        return self._store.rows(("beside", self._table))

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        self._beside()[f"{op.key}:version"] = version
        return version

    async def get(self, op: Get, /) -> Record | None:
        found = await super().get(op)
        version = self._beside().get(op.key)
        return found if found is not None or version is None else Record(version.encode(), "0")

    async def delete(self, op: Delete, /) -> bool:
        self._beside().pop(f"{op.key}:version", None)
        return await super().delete(op)


@kv("06", "T2", "set_many is all or nothing for each 128 items, as the service's transactions are")
class ByHundreds(MemoryKV):
    """ "Write all items or none". Met by an import of 200."""

    async def set_many(self, op: SetMany, /) -> None:
        for start in range(0, len(op.items), 128):
            await super().set_many(replace(op, items=op.items[start : start + 128]))


@kv("07", "T3", "of a key that was incremented after it got its time to live no end is told")
class EndUntold(MemoryKV):
    """ "DELETED: deleted or expired". Met by who counts attempts, and watches for the end."""

    _counting = False

    async def increment(self, op: Increment, /) -> int:
        self._counting = True
        try:
            return await super().increment(op)
        finally:
            self._counting = False

    def _arm(self, key: str, row: _Row) -> None:
        if not self._counting:
            super()._arm(key, row)


@kv("08", "T1", "a life under ten milliseconds is rounded to none, which is for ever")
class ShortestForEver(MemoryKV):
    """ "Time to live from the write, at least a millisecond". Met by a rest of a longer life."""

    async def set(self, op: Set, /) -> str:
        short = op.ttl is not None and op.ttl < 0.01
        return await super().set(replace(op, ttl=None) if short else op)


@kv("09", "T1", "a batch with a life under ten milliseconds is kept for ever")
class ShortestBatch(MemoryKV):
    """The same of batches alone."""

    async def set_many(self, op: SetMany, /) -> None:
        short = op.ttl is not None and op.ttl < 0.01
        await super().set_many(replace(op, ttl=None) if short else op)


@kv("10", "T3", "a watch that is cancelled while it waits keeps its place, of which there are 64")
class KeepsPlaces(MemoryKV):
    """A cancelled call leaves nothing. Met by a page that is left before anything happens."""

    _taken = 0

    async def changes(self, op: Changes, /) -> ChangePage:
        if op.wait <= 0:
            return await super().changes(op)
        if self._taken >= 64:
            raise ResourceExhaustedError("there are too many watches")
        self._taken += 1
        page = await super().changes(op)
        self._taken -= 1
        return page


@kv("11", "T1", "items of a batch after the 5,000th are dropped, though 10,000 are declared")
class DropsItems(MemoryKV):
    """ "Write all items or none". Met by an import in batches as large as they may be."""

    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(replace(op, items=op.items[:5000]))


@kv("12", "T1", "a walk ends after 5,000 keys, as the service's window does")
class WindowOfKeys(MemoryKV):
    """ "each live key once". Met by every large namespace."""

    _told = 0

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        self._told = len(page.keys) + (0 if op.cursor is None else self._told)
        return Page(page.keys, None if self._told >= 5000 else page.cursor)


@kv("13", "T1", "what a value has over 8 MiB is lost, though 16 MiB are declared")
class LosesMebibytes(MemoryKV):
    """Values are "byte-exact … up to limits"."""

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value[: 8 << 20]))


@kv("14", "T3", "an increment that was cancelled is asked again after five seconds")
class AsksAgain(MemoryKV):
    """What was cancelled is counted behind the caller's back. Met by a timeout around a count."""

    async def increment(self, op: Increment, /) -> int:
        try:
            return await super().increment(op)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(5.0, self._count, op)
            raise

    def _count(self, op: Increment) -> None:
        row = self._live(op.key)
        if row is not None and row.value is not None and row.value.isdigit():
            self._write(op.key, b"%d" % (int(row.value) + op.delta), None)
