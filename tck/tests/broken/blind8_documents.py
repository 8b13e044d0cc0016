"""documents drivers written against the contract alone, for an eighth count of what the kit
finds: most of them are right outside transactions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Begin, Count, Find, Insert, Update
from omnicloud.contracts.documents.engine import unique_key
from omnicloud.contracts.documents.filters import Filter, In, matches
from omnicloud.contracts.documents.models import Document, DocumentPage, UpdateResult
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import MemoryTransaction, Rows
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-DO-{number}", tier, summary, DocumentsContract)


class Within(MemoryDocuments):
    """Stays of its class inside a transaction."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


class Doomed(MemoryTransaction):
    """Is rolled back by its commit, without a word, once a call in it was refused."""

    doomed = False

    async def commit(self) -> None:
        await (self.rollback() if self.doomed else super().commit())


class Dooms(Within):
    """ "A block whose writes happen together when it ends, or not at all when it raises". Met by
    an insert, and an update where it is refused, inside a transaction: Postgres takes no
    statement after the error and makes ROLLBACK of COMMIT."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Doomed
        return transaction

    def _doom(self) -> None:
        if isinstance(self._transaction, Doomed):
            self._transaction.doomed = True


@documents("01", "T2", "after a refused insert in a transaction its commit rolls back in silence")
class InsertDooms(Dooms):
    async def insert(self, op: Insert, /) -> str:
        try:
            return await super().insert(op)
        except AlreadyExistsError:
            self._doom()
            raise


@documents("02", "T2", "after an impossible update in a transaction its commit rolls back")
class UpdateDooms(Dooms):
    """The same by another verb, and for documents that cannot be changed so."""

    async def update(self, op: Update, /) -> UpdateResult:
        try:
            return await super().update(op)
        except ConflictError:
            self._doom()
            raise


@documents("03", "T2", "in a transaction the pages after the first are read outside it")
class PagesOutside(Within):
    """ "Reads inside see its own writes". Met by a transaction that goes over more than a page:
    the cursor is fetched by the pool's connection."""

    async def find(self, op: Find, /) -> DocumentPage:
        if op.cursor is None:
            return await super().find(op)
        return await MemoryDocuments(self._store, self._namespace).find(op)


@documents("04", "T2", "in a transaction a search in an order is asked outside it")
class OrdersOutside(Within):
    """ "Reads inside see its own writes". Met by the newest entry of a ledger that the
    transaction writes: orders come of the search index, which is made from what is committed."""

    async def find(self, op: Find, /) -> DocumentPage:
        if not op.sort:
            return await super().find(op)
        return await MemoryDocuments(self._store, self._namespace).find(op)


@documents("05", "T1", "an _id that stands twice in $in is found twice")
class FoundTwice(Within):
    """ "A document that matches during the whole search is in it once". Met by the ids of an
    order's lines: a batch of gets, one for each."""

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        if isinstance(condition, In) and condition.path == ("_id",):
            rows = self._rows(collection)
            return (rows[id_] for id_ in condition.values if isinstance(id_, str) and id_ in rows)
        return super()._matching(collection, condition)


@documents("06", "T1", "a value that stands twice in $in counts its documents twice")
class CountedTwice(Within):
    """ "How many documents match". Met by the kinds of a list's lines: a join with the values."""

    async def count(self, op: Count, /) -> int:
        if not isinstance(op.filter, In):
            return await super().count(op)
        await self._store.reading()
        each = [replace(op.filter, values=(value,)) for value in op.filter.values]
        rows: Rows = self._rows(op.collection)
        return sum(matches(one, row.document) for one in each for row in rows.values())


@documents("07", "T4", "in a transaction the service's namespace is forgotten")
class NamespaceForgotten(Within):
    """ "Never leaving their namespace". Met by two services of one database, each with orders:
    what a transaction reads and writes is whose collection was made first."""

    def _table(self, kind: str, collection: str) -> Rows:
        if self._transaction is not None:
            for table in self._store._tables:
                if isinstance(table, tuple) and (table[0], table[-1]) == (kind, collection):
                    return self._transaction.rows(table)
        return super()._table(kind, collection)


@documents("08", "T2", "unique values of a transaction that was rolled back stay taken")
class StaysTaken(Within):
    """ "Forget all writes". Met by a sign-up that fails half way and is tried again: the unique
    values are items of their own, written at once."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Releases
        return transaction

    def _check_unique(self, collection: str, document: Document) -> None:
        super()._check_unique(collection, document)
        taken = self._store.__dict__.setdefault("_wrong_taken", {})
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            place = (self._namespace, collection, paths, key)
            by, transaction = taken.get(place, (document["_id"], None))
            if key is not None and by != document["_id"] and transaction is not self._transaction:
                raise AlreadyExistsError("a document has these values in a unique index")
            if key is not None and self._transaction is not None:
                taken[place] = (document["_id"], self._transaction)


class Releases(MemoryTransaction):
    """Gives back at its commit what it took, and only then."""

    async def commit(self) -> None:
        taken = self._store.__dict__.get("_wrong_taken", {})
        for place in [place for place, (_, by) in taken.items() if by is self]:
            del taken[place]
        await super().commit()


@documents("09", "T3", "the commit of a transaction that the store has ended says nothing")
class SilentEnd(Within):
    """ "ConflictError: nothing was written". Met by a transaction that is slower than the server
    allows: its writes are gone, and nobody is told."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Silent
        return transaction


class Silent(MemoryTransaction):
    """Takes a second end for one that went well."""

    async def commit(self) -> None:
        if not self._end.is_set():
            await super().commit()


@documents("10", "T2", "in a transaction a unique index looks only at what is committed")
class BoundByCommitted(Within):
    """ "Unique ones are enforced". Met by an import that writes its rows in one transaction: two
    of one value come in together."""

    def _check_unique(self, collection: str, document: Document) -> None:
        if self._transaction is None:
            super()._check_unique(collection, document)
            return
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            for row in self._store.rows(("documents", self._namespace, collection)).values():
                there = self._rows(collection).get(row.document["_id"]) is row
                same = row.document["_id"] == document["_id"]
                if there and not same and key and unique_key(row.document, paths) == key:
                    raise AlreadyExistsError("a document has these values in a unique index")


@documents("11", "T2", "an index that was made in a transaction stays when it is undone")
class IndexStays(Within):
    """ "Forget all writes". Met by a migration that makes its index and its rows in one
    transaction, and fails: from then on there is an index of which nobody knows."""

    def _indexes(self, collection: str) -> Rows:
        return self._store.rows(("document indexes", self._namespace, collection))
