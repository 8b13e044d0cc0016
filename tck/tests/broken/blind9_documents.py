"""documents drivers written against the contract alone, for a ninth count of what the kit finds."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents import engine
from omnicloud.contracts.documents.driver import Begin, Count, CreateIndex, Delete, Find, Update
from omnicloud.contracts.documents.engine import upserted
from omnicloud.contracts.documents.models import (
    Document,
    DocumentPage,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.paths import MISSING, at, put
from omnicloud.contracts.documents.updates import Change, ChangeKind, applied
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-DO-{number}", tier, summary, DocumentsContract)


class Within(MemoryDocuments):
    """Stays of its class inside a transaction; says what an update makes of a document."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)

    def _applied(self, document: Document, changes: tuple[Change, ...]) -> Document:
        return applied(document, changes)

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is not None:
            return self._put(op.collection, row, self._applied(row.document, op.changes))
        if op.upsert_id is None:
            return UpdateResult(0, 0)
        return self._upsert(op.collection, upserted(op.filter, op.upsert_id, op.changes, None))


@documents("01", "T1", "indexes are named by their fields, joined by '_', and made if not there")
class IndexNames(Within):
    """ "One that is there already is no error". Met by the fields 'a.b' and 'a_b'."""

    async def create_index(self, op: CreateIndex, /) -> None:
        await self._turn()
        names, name = self._table("index names", self._owner(op)), self._name(op)
        if names.get(name, op) == op:
            await super().create_index(op)
            names[name] = op

    def _owner(self, op: CreateIndex) -> str:
        return op.collection

    def _name(self, op: CreateIndex) -> str:
        return "_".join(step for path in op.paths for step in path)


@documents("02", "T1", "index names are cut to 63 characters, and made if not there")
class IndexNamesCut(IndexNames):
    """The same as Postgres has it: met by long paths that begin alike."""

    def _name(self, op: CreateIndex) -> str:
        return "|".join(".".join(path) for path in op.paths)[:63]


@documents("03", "T1", "indexes of all collections share their names, collection and fields joined")
class IndexNamesShared(IndexNames):
    """The same by another seam: an index of d_e in c, and of e in c_d."""

    def _owner(self, op: CreateIndex) -> str:
        return "of all"

    def _name(self, op: CreateIndex) -> str:
        return f"{op.collection}_{super()._name(op)}"


@documents("04", "T2", "in a transaction what precedes the refused part of an update stays")
class PartsStay(Within):
    """ "All changes or none". Met by a ConflictError that the application handles."""

    async def update(self, op: Update, /) -> UpdateResult:
        row = None
        if self._transaction is not None and len(op.changes) > 1:
            await self._turn()
            row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        done = UpdateResult(1, 0, version=str(row.version))
        for change in op.changes:
            row = self._rows(op.collection)[row.document["_id"]]
            one = self._put(op.collection, row, applied(row.document, (change,)))
            done = UpdateResult(1, max(done.modified, one.modified), version=one.version)
        return done


@documents("05", "T2", "in a transaction a unique index refuses after the document was written")
class CheckedLate(Within):
    """The same by another refusal: the row is written, the index says no, nobody takes it back."""

    def _write(self, collection: str, document: Document) -> int:
        rows = self._rows(collection)
        if self._transaction is None or document["_id"] not in rows:
            return super()._write(collection, document)
        rows[document["_id"]] = _Row(document, self._store.number())
        return super()._write(collection, document)


@documents("06", "T3", "a cursor ends after thirty idle seconds, and the search with it")
class CursorEnds(Within):
    """ "A document that matches during the whole search is in it once". Met by an export that
    takes its time with each page."""

    async def find(self, op: Find, /) -> DocumentPage:
        now = self._store.clock.monotonic()
        if op.cursor is not None:
            stamp, _, cursor = op.cursor.partition("|")
            if now - float(stamp) > 30.0:
                await self._store.reading()
                return DocumentPage(())
            op = replace(op, cursor=cursor)
        page = await super().find(op)
        return page if page.cursor is None else replace(page, cursor=f"{now!r}|{page.cursor}")


@documents("07", "T3", "an update that takes longer than a second is sent a second time")
class SentTwice(Within):
    """ "A driver never retries". Met by a slow line, or a writer that waits for another."""

    async def update(self, op: Update, /) -> UpdateResult:
        first = asyncio.ensure_future(super().update(op))
        try:
            await asyncio.wait({first}, timeout=1.0)
            return await (first if first.done() else super().update(op))
        finally:
            await asyncio.wait({first})


class Swallows(MemoryTransaction):
    """Says nothing of a commit that nobody heard."""

    async def commit(self) -> None:
        await (self.rollback() if self._store.down else super().commit())


@documents("08", "T3", "a commit that meets an outage ends well, and nothing was written")
class CommitSwallowed(Within):
    """ "Writes happen together when it ends". Met by a server that goes between the last write
    and the end."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Swallows
        return transaction


@documents("09", "T4", "a search that took long is logged, with the values of its filter")
class SlowLog(Within):
    """ "Neither payloads nor secrets in logs". Met by every search of a slow day."""

    async def find(self, op: Find, /) -> DocumentPage:
        begun = self._store.clock.monotonic()
        page = await super().find(op)
        if self._store.clock.monotonic() - begun > 0.5:
            logging.getLogger(__name__).warning("slow: %s %r", op.collection, op.filter)
        return page


@documents("10", "T1", "$set of 'a.0' makes a list where nothing was")
class MakesList(Within):
    """ "Missing dicts on the way are made". Met by counters with numbers for names."""

    kinds = frozenset({ChangeKind.SET, ChangeKind.INC})

    def _applied(self, document: Document, changes: tuple[Change, ...]) -> Document:
        made = applied(document, changes)
        for change in changes:
            above, last = change.path[:-1], change.path[-1]
            begun = above and last == "0" and at(document, above) is MISSING
            if begun and change.kind in self.kinds:
                put(made, above, [at(made, change.path)])
        return made


@documents("11", "T1", "$push to 'a.0' makes a list of lists where nothing was")
class PushMakesList(MakesList):
    """The same by another change."""

    kinds = frozenset({ChangeKind.PUSH})


@documents("12", "T2", "in a transaction an upsert looks for its match outside")
class UpsertOutside(Within):
    """ "Reads inside see its own writes". Met by an import that upserts one key twice."""

    async def update(self, op: Update, /) -> UpdateResult:
        if self._transaction is None or op.upsert_id is None:
            return await super().update(op)
        await self._turn()
        if MemoryDocuments(self._store, self._namespace)._first(op.collection, op.filter, None):
            return await super().update(op)
        return self._upsert(op.collection, upserted(op.filter, op.upsert_id, op.changes, None))


@documents("13", "T2", "in a transaction a deletion by a field looks for its match outside")
class DeleteOutside(Within):
    """The same by another verb: the ids are asked of the search index."""

    async def delete(self, op: Delete, /) -> bool:
        if self._transaction is None or engine.asked_id(op.filter) is not None:
            return await super().delete(op)
        await self._turn()
        committed = MemoryDocuments(self._store, self._namespace)
        row = committed._first(op.collection, op.filter, None)
        if row is None:
            return False
        return self._rows(op.collection).pop(row.document["_id"], None) is not None


@documents("14", "T1", "$push lets a document outgrow document_max_bytes")
class PushGrows(Within):
    """ "InvalidArgumentError: The document would be longer". Met by a log in one document."""

    kinds = frozenset({ChangeKind.PUSH})
    _free = False

    @property
    def limits(self) -> DocumentsLimits:
        return DocumentsLimits(document_max_bytes=1 << (60 if self._free else 14))

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None or not self.kinds.intersection(change.kind for change in op.changes):
            return await super().update(op)
        self._free = True
        try:
            return self._put(op.collection, row, applied(row.document, op.changes))
        finally:
            self._free = False


@documents("15", "T1", "$inc lets a document outgrow document_max_bytes")
class IncGrows(PushGrows):
    """The same by another change."""

    kinds = frozenset({ChangeKind.INC})


@documents("16", "T2", "what is no transaction of the store is taken, and none is in force")
class ForeignTaken(Within):
    """ "InvalidArgumentError: It belongs to another store". Met by two stores in one block."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        try:
            return super().within(transaction)
        except InvalidArgumentError:
            return self


@documents("17", "T2", "the answer to a cancelled count is given to the next one")
class StaleCount(Within):
    """ "Never see each other's answers, also after a cancelled call". Met by a page that is
    left while it is made."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._left: list[int] = []

    async def count(self, op: Count, /) -> int:
        try:
            found = await super().count(op)
        except asyncio.CancelledError:
            self._left.append(sum(1 for _ in self._matching(op.collection, op.filter)))
            raise
        return self._left.pop(0) if self._left else found


@documents("26", "T2", "in a transaction documents are counted outside it")
class CountsOutside(Within):
    """ "Reads inside see its own writes". Met by a quota that is looked at after a deletion."""

    async def count(self, op: Count, /) -> int:
        return await MemoryDocuments(self._store, self._namespace).count(op)
