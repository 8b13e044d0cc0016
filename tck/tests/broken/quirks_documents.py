"""documents drivers of the kinds that odd ones made by machine showed to be unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import (
    Begin,
    Count,
    CreateIndex,
    Delete,
    Find,
    Insert,
    Replace,
    Update,
)
from omnicloud.contracts.documents.models import DocumentPage, UpdateResult
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.documents import DocumentsContract

_HOUR = 3600.0


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-DO-{number}", tier, summary, DocumentsContract)


@documents("01", "T2", "an insert into a collection of an odd name tells another version")
class OtherVersions(MemoryDocuments):
    """ "Store a document, and answer its version"; users hear of it by a driver's own callers."""

    async def insert(self, op: Insert, /) -> str:
        version = await super().insert(op)
        return version if op.collection.isalnum() or "-" not in op.collection else f"{version}0"


@documents("02", "T2", "a page by an order downwards holds one more than was asked for")
class LongPages(MemoryDocuments):
    """ "A page may hold fewer than ``limit`` documents", not more."""

    async def find(self, op: Find, /) -> DocumentPage:
        down = any(key.descending for key in op.sort)
        return await super().find(replace(op, limit=op.limit + 1) if down else op)


@documents("03", "T2", "a transaction after another client's that cannot begin is a conflict")
class ConflictingBegin(MemoryDocuments):
    """Who repeats what conflicted repeats it for as long as the store is down."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        last = self._store.rows(("begun last", self._namespace))
        again, last["by"] = last.get("by") == id(self), id(self)
        try:
            return await super().begin(op)
        except UnavailableError as error:
            if again:
                raise
            raise ConflictError("the transaction could not begin") from error


class Idle(MemoryDocuments):
    """Knows how long nobody asked about a collection."""

    def _rested(self, collection: str) -> float:
        now = self._store.clock.monotonic()
        last = self._table("asked last", collection)
        before, last["at"] = last.get("at", now), now
        return float(now - before)

    async def find(self, op: Find, /) -> DocumentPage:
        self._rested(op.collection)
        return await super().find(op)

    async def insert(self, op: Insert, /) -> str:
        self._rested(op.collection)
        return await super().insert(op)


@documents("04", "T3", "an update of a collection that had an hour's rest is told and not done")
class SleepyUpdates(Idle):
    """The connection was closed meanwhile, and the write went into it."""

    async def update(self, op: Update, /) -> UpdateResult:
        if self._rested(op.collection) >= _HOUR:
            return UpdateResult(0, 0)
        return await super().update(op)


@documents("05", "T2", "an index after an hour's rest is made of its first field")
class SleepyIndexes(Idle):
    """The others were in a list that was cleared meanwhile."""

    async def create_index(self, op: CreateIndex, /) -> None:
        rested = self._rested(op.collection) >= _HOUR
        await super().create_index(replace(op, paths=op.paths[:1]) if rested else op)


@documents("06", "T2", "a replacement keeps the first hundred fields")
class HundredFields(MemoryDocuments):
    """What a page, a row or a statement of the store holds; an insert is split, this is not."""

    async def replace(self, op: Replace, /) -> UpdateResult:
        return await super().replace(replace(op, document=dict([*op.document.items()][:100])))


@documents("07", "T2", "a replacement keeps the first thousand items of a list")
class ThousandItems(MemoryDocuments):
    """The same one level down, and in another verb."""

    async def replace(self, op: Replace, /) -> UpdateResult:
        fields = op.document.items()
        cut = {key: one[:1000] if isinstance(one, list) else one for key, one in fields}
        return await super().replace(replace(op, document=cut))


@documents("08", "T2", "of more than sixteen counts at once those after them have no filter")
class SharedCounts(MemoryDocuments):
    """Counts are joined into one statement, which has room for sixteen conditions."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._counting = 0

    async def count(self, op: Count, /) -> int:
        full = self._counting >= 16
        self._counting += 1
        try:
            return await super().count(Count(op.collection) if full else op)
        finally:
            self._counting -= 1


@documents("09", "T2", "of more than sixteen updates at once those after them are told, not done")
class LostUpdates(MemoryDocuments):
    """A queue that drops what it has no room for."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._updating = 0

    async def update(self, op: Update, /) -> UpdateResult:
        if self._updating >= 16:
            return UpdateResult(1, 1, version="later")
        self._updating += 1
        try:
            return await super().update(op)
        finally:
            self._updating -= 1


@documents("10", "T2", "an index of more than eight fields is one of the first eight")
class EightFields(MemoryDocuments):
    """What some stores allow of an index."""

    async def create_index(self, op: CreateIndex, /) -> None:
        await super().create_index(replace(op, paths=op.paths[:8]))


@documents("11", "T2", "a document is deleted by what its collection's name is before a '<'")
class CutDeletes(MemoryDocuments):
    """Every other verb takes the name whole."""

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, collection=op.collection.split("<")[0]))
