"""The class users hold: documents in collections, found by what is in them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, final
from uuid import uuid4

from omnicloud.contracts.documents.driver import (
    Begin,
    Count,
    CreateIndex,
    Delete,
    DocumentsDriver,
    Find,
    Insert,
    Replace,
    Update,
)
from omnicloud.contracts.documents.filters import Filter, FilterLike, equalities, read_filter
from omnicloud.contracts.documents.models import Document, DocumentEntry, SortKey, UpdateResult
from omnicloud.contracts.documents.paths import parsed
from omnicloud.contracts.documents.updates import read_update
from omnicloud.contracts.documents.values import checked_document
from omnicloud.core.arguments import between, check_flag, check_iterable, check_page_size
from omnicloud.core.names import check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud.errors import InvalidArgumentError

__all__ = ["Documents", "Sort"]

Sort = str | Sequence[str | tuple[str, int]]
"""``"age"``, ``"-age"``, or several: ``[("age", -1), "name"]``."""
_SORT_HINT = 'write "name", "-name" or ("name", -1), or a list of such'


@final
class Documents:
    """Documents in collections, found by what is in them.

    A document is a dict with an ``_id`` of 1 to 1,024 bytes of UTF-8, unique in its
    collection; what may stand in it and what filters mean is said in
    :mod:`~omnicloud.contracts.documents.filters`. What is given and what is returned is
    copied. Every method may raise :class:`~omnicloud.errors.UnavailableError` (unknown),
    ``DeadlineExceededError`` (unknown), ``ClosedError`` and, before anything is sent,
    ``InvalidArgumentError``; the others are named where they belong.
    """

    def __init__(self, pipeline: Pipeline[DocumentsDriver]) -> None:
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline[DocumentsDriver]:
        """The way to the driver."""
        return self._pipeline

    async def insert_one(self, collection: str, doc: Mapping[str, Any]) -> str:
        """Store a document and return its ``_id``, which it is given where it has none.

        Raises:
            AlreadyExistsError: The ``_id`` or a unique field is taken; nothing was written.
        """
        document = checked_document(doc)
        document.setdefault("_id", uuid4().hex)
        check_name(document["_id"], "_id")
        await self._pipeline.send(Insert(_collection(collection), document))
        return str(document["_id"])

    async def find_one(
        self,
        collection: str,
        filter: FilterLike,  # noqa: A002
        *,
        sort: Sort = (),
    ) -> Document | None:
        """The first document that matches, or ``None``."""
        entry = await self.find_entry(collection, filter, sort=sort)
        return None if entry is None else entry.document

    async def find_entry(
        self,
        collection: str,
        filter: FilterLike,  # noqa: A002
        *,
        sort: Sort = (),
    ) -> DocumentEntry | None:
        """The first document that matches with its version, or ``None``."""
        op = Find(_collection(collection), read_filter(filter), _sort(sort), None, 1)
        while True:
            page = await self._pipeline.send(op)
            if page.items or page.cursor is None:
                return page.items[0] if page.items else None
            op = Find(op.collection, op.filter, op.sort, page.cursor, 1)

    async def find_many(
        self,
        collection: str,
        filter: FilterLike | None = None,  # noqa: A002
        *,
        sort: Sort = (),
        limit: int | None = None,
    ) -> list[Document]:
        """The documents that match, at most ``limit`` of them, in order.

        Without ``sort`` they come by ``_id``; ties come by ``_id`` too. See :meth:`iterate`
        for more than memory holds.
        """
        if limit is not None:
            between(limit, 0, sys.maxsize, "limit")
        found: list[Document] = []
        if limit == 0:
            read_filter(filter or {})
            return found
        size = 1000 if limit is None else min(limit, 1000)
        async for entry in self.iterate(collection, filter, sort=sort, page_size=size):
            found.append(entry.document)
            if len(found) == limit:
                break
        return found

    async def iterate(
        self,
        collection: str,
        filter: FilterLike | None = None,  # noqa: A002
        *,
        sort: Sort = (),
        page_size: int = 1000,
    ) -> AsyncIterator[DocumentEntry]:
        """The documents that match with their versions, page by page.

        What is written or deleted meanwhile may or may not be in it, and what moves in its
        order may be in it twice.
        """
        condition = read_filter({} if filter is None else filter)
        check_page_size(page_size)
        page_size = min(page_size, self._pipeline.driver.limits.page_max_items)
        op = Find(_collection(collection), condition, _sort(sort), None, page_size)
        while True:
            page = await self._pipeline.send(op)
            for entry in page.items:
                yield entry
            if page.cursor is None:
                return
            op = Find(op.collection, op.filter, op.sort, page.cursor, page_size)

    async def count(self, collection: str, filter: FilterLike | None = None) -> int:  # noqa: A002
        """How many documents match."""
        condition = read_filter({} if filter is None else filter)
        return await self._pipeline.send(Count(_collection(collection), condition))

    async def update_one(
        self,
        collection: str,
        filter: FilterLike,  # noqa: A002
        update: Mapping[str, Any],
        *,
        upsert: bool = False,
        if_version: str | None = None,
    ) -> UpdateResult:
        """Change the first document that matches; all changes or none.

        Args:
            collection: 1 to 1,024 bytes of UTF-8.
            filter: Which document.
            update: ``$set``, ``$unset``, ``$inc``, ``$push`` with their fields.
            upsert: Where none matches, insert what the filter says is equal, changed so.
            if_version: Change only this version. Needs ``compare_and_set``.

        Raises:
            ConflictError: The match has another version, or is not such that it can be
                changed so (``$inc`` of text, say); nothing was written.
            AlreadyExistsError: A unique field is taken; nothing was written.
            InvalidArgumentError: The upsert would store what no document holds, as a literal
                dict with a key that begins with ``$``; nothing was written.
        """
        condition = read_filter(filter)
        changes = read_update(update)
        new_id = _upsert_id(_named_id(condition)) if check_flag(upsert, "upsert") else None
        op = Update(
            _collection(collection), condition, changes, new_id, _version(if_version, upsert=upsert)
        )
        return await self._pipeline.send(op)

    async def replace_one(
        self,
        collection: str,
        filter: FilterLike,  # noqa: A002
        doc: Mapping[str, Any],
        *,
        upsert: bool = False,
        if_version: str | None = None,
    ) -> UpdateResult:
        """Put a document in the place of the first that matches, which keeps its ``_id``.

        An ``_id`` in ``doc`` must be the one that the filter names.

        Raises:
            ConflictError: The match has another version; nothing was written.
            AlreadyExistsError: A unique field is taken; nothing was written.
        """
        condition = read_filter(filter)
        document = checked_document(doc)
        named = _named_id(condition)
        given = document.pop("_id", named)
        if given != named:
            raise InvalidArgumentError(
                "the document has an _id that the filter does not name",
                hint='filter by it: {"_id": …}, or leave it out',
            )
        new_id = _upsert_id(named) if check_flag(upsert, "upsert") else None
        op = Replace(
            _collection(collection),
            condition,
            document,
            new_id,
            _version(if_version, upsert=upsert),
        )
        return await self._pipeline.send(op)

    async def delete_one(
        self,
        collection: str,
        filter: FilterLike,  # noqa: A002
        *,
        if_version: str | None = None,
    ) -> bool:
        """Delete the first document that matches; whether there was one.

        Raises:
            ConflictError: The match has another version; nothing was deleted.
        """
        op = Delete(_collection(collection), read_filter(filter), _version(if_version))
        return await self._pipeline.send(op)

    async def create_index(
        self, collection: str, fields: str | Sequence[str], *, unique: bool = False
    ) -> None:
        """Index a collection by one field or several; needs ``index``.

        A unique one keeps two documents that have all its fields from having them equal.

        Raises:
            ConflictError: Documents are not unique already, or the fields are indexed in the
                other way; nothing was created.
        """
        if not isinstance(fields, str):
            check_iterable(fields, "fields", "texts", 'write "name" or ["name", "place.city"]')
        names = (fields,) if isinstance(fields, str) else tuple(fields)
        paths = tuple(map(parsed, names))
        if not paths or len(set(paths)) != len(paths):
            raise InvalidArgumentError("an index takes at least one field, each once")
        flag = check_flag(unique, "unique")
        await self._pipeline.send(CreateIndex(_collection(collection), paths, flag))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Documents]:
        """A block whose writes happen together when it ends, or not at all when it raises.

        Use the yielded store inside. Needs ``transaction``.

        Raises:
            ConflictError: At the end, or at a call inside: another writer came first; nothing
                was written. Run the block again.
        """
        transaction = await self._pipeline.send(Begin())
        async with ended(transaction):
            yield self.within(transaction)

    def within(self, transaction: object) -> Documents:
        """This store inside a transaction of the same provider's store.

        Raises:
            InvalidArgumentError: The transaction belongs to another store.
        """
        driver = self._pipeline.driver.within(transaction)
        return Documents(self._pipeline.around(driver))

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()


def _collection(name: str) -> str:
    return check_name(name, "collection")


def _named_id(condition: Filter) -> object:
    """The ``_id`` that a filter says is equal, if it does."""
    return equalities(condition).get(("_id",))


def _upsert_id(named: object) -> str:
    return uuid4().hex if named is None else check_name(named, "_id")  # type: ignore[arg-type]  # checked there


def _sort(sort: Sort) -> tuple[SortKey, ...]:
    if not isinstance(sort, str):
        check_iterable(sort, "sort", "sort keys", _SORT_HINT)
    keys = tuple(map(_sort_key, (sort,) if isinstance(sort, str) else sort))
    if len({key.path for key in keys}) != len(keys):
        raise InvalidArgumentError("sort names a field twice")
    return keys


def _sort_key(key: str | tuple[str, int]) -> SortKey:
    if isinstance(key, str):
        down = key.startswith("-")
        return SortKey(parsed(key[1:] if down else key), down)
    if not isinstance(key, tuple) or len(key) != 2 or key[1] not in (1, -1):
        raise InvalidArgumentError(f"{key!r} is no sort key", hint=_SORT_HINT)
    return SortKey(parsed(key[0]), key[1] == -1)


def _version(version: str | None, *, upsert: bool = False) -> str | None:
    if version is None:
        return None
    if not isinstance(version, str) or not version:
        raise InvalidArgumentError("if_version must be a version that find_entry returned")
    if upsert:
        raise InvalidArgumentError("if_version and upsert exclude each other")
    return version
