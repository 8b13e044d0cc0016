"""The requests of the documents contract and the driver that answers them.

This is all that a provider's author must read, with :mod:`.filters` and :mod:`.updates`, whose
``matches`` and ``applied`` say what a filter and an update mean. A driver never retries, logs,
traces or adds context; it maps its native errors in one table. What it answers belongs to the
caller: it shares no list and no dict with what is stored. Collections exist when they are
named, and share nothing with each other.

Where several documents match and one is wanted, it is the first in code-point order of
``_id``. Finding and changing it are one step: no other writer comes between.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, Self, TypeVar

from omnicloud.contracts.documents.filters import All, Filter
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    DocumentsFeature,
    DocumentsLimits,
    SortKey,
    UpdateResult,
)
from omnicloud.contracts.documents.paths import Path
from omnicloud.contracts.documents.sealing import (
    check_filter,
    check_sort,
    checked_path,
    close_changes,
    close_document,
    open_document,
)
from omnicloud.contracts.documents.updates import Change
from omnicloud.contracts.documents.values import encoded
from omnicloud.core.names import Scope
from omnicloud.core.operation import NO_FEATURES, Effect, Feature, Operation, Seal
from omnicloud.core.transactions import Transaction
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "Begin",
    "Count",
    "CreateIndex",
    "Delete",
    "DocumentsDriver",
    "Find",
    "Insert",
    "Replace",
    "Update",
]

_CAS: frozenset[Feature] = frozenset({DocumentsFeature.COMPARE_AND_SET})
R = TypeVar("R")


class DocumentsDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> DocumentsLimits: ...
    async def insert(self, op: Insert, /) -> str: ...
    async def find(self, op: Find, /) -> DocumentPage: ...
    async def count(self, op: Count, /) -> int: ...
    async def update(self, op: Update, /) -> UpdateResult: ...
    async def replace(self, op: Replace, /) -> UpdateResult: ...
    async def delete(self, op: Delete, /) -> bool: ...
    async def create_index(self, op: CreateIndex, /) -> None: ...
    async def begin(self, op: Begin, /) -> Transaction: ...
    def within(self, transaction: object, /) -> DocumentsDriver:
        """This driver inside a transaction of the same store.

        Raises:
            InvalidArgumentError: It belongs to another store.
        """

    async def aclose(self) -> None: ...


class _InCollection(Operation[DocumentsDriver, R]):
    """What requests about a collection have in common: its name is what is scoped."""

    __slots__ = ()
    collection: str

    @property
    def resource(self) -> str:
        return self.collection

    def check(self, driver: DocumentsDriver) -> None:
        driver.limits.check_stored_name(self.collection, "collection")

    def scoped(self, scope: Scope) -> Self:
        if scope.holds(self.collection):
            return self
        return replace(self, collection=scope.enter(self.collection))  # type: ignore[type-var]  # subclasses are dataclasses


@dataclass(frozen=True, slots=True)
class Insert(_InCollection[str]):
    """Store a document that has an ``_id``, and answer its version.

    Errors of a driver:
        AlreadyExistsError: The ``_id`` is taken in the collection, or a unique index says so.
    """

    name: ClassVar[str] = "documents.insert"
    collection: str
    document: Document = field(repr=False)

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def check(self, driver: DocumentsDriver) -> None:
        driver.limits.check_stored_name(self.collection, "collection")
        _check_size(self.document, driver.limits)

    def sealed(self, seal: Seal) -> Insert:
        return replace(self, document=close_document(self.document, self.collection, seal))

    def run(self, driver: DocumentsDriver) -> Awaitable[str]:
        return driver.insert(self)


@dataclass(frozen=True, slots=True)
class Find(_InCollection[DocumentPage]):
    """A page of the documents that match.

    In the order of ``sort``, and of ``_id`` by code point where that leaves a choice. Types
    are ordered missing, null, bool, number, text, bytes, datetime, lists and dicts. ``cursor``
    is what the page before answered; a page may hold fewer than ``limit`` documents, also
    none, before the last one. A document that matches during the whole search, and does not
    move in its order meanwhile, is in it once; one that moves may be told twice or not at all.
    """

    name: ClassVar[str] = "documents.find"
    collection: str
    filter: Filter = field(default=All(), repr=False)
    sort: tuple[SortKey, ...] = ()
    cursor: str | None = field(default=None, repr=False)
    limit: int = 1000

    def sealed(self, seal: Seal) -> Find:
        check_filter(self.filter)
        check_sort(self.sort)
        return self

    def unsealed(self, result: DocumentPage, seal: Seal) -> DocumentPage:
        return DocumentPage(
            tuple(
                DocumentEntry(open_document(item.document, self.collection, seal), item.version)
                for item in result.items
            ),
            result.cursor,
        )

    def run(self, driver: DocumentsDriver) -> Awaitable[DocumentPage]:
        return driver.find(self)


@dataclass(frozen=True, slots=True)
class Count(_InCollection[int]):
    """How many documents match."""

    name: ClassVar[str] = "documents.count"
    collection: str
    filter: Filter = field(default=All(), repr=False)

    def sealed(self, seal: Seal) -> Count:
        check_filter(self.filter)
        return self

    def run(self, driver: DocumentsDriver) -> Awaitable[int]:
        return driver.count(self)


@dataclass(frozen=True, slots=True)
class Update(_InCollection[UpdateResult]):
    """Change the first document that matches; all changes or none.

    With ``upsert_id``, where none matches, a document is inserted: the fields that the filter
    says are equal, the changes, and that ``_id`` unless the filter names one. A document that
    would not change keeps its version; 1.0 in the place of 1 is a change, as any in its JSON form.

    Errors of a driver:
        ConflictError: ``if_version`` is not the version of the match, or there is none; or
            the document cannot be changed so.
        AlreadyExistsError: A unique index, or the ``_id`` of the upsert, is taken.
        InvalidArgumentError: The document would be longer than ``document_max_bytes``; or it
            would be inserted with a value of the filter that no document holds. Nothing was
            written.
    """

    name: ClassVar[str] = "documents.update"
    collection: str
    filter: Filter = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)
    upsert_id: str | None = None
    if_version: str | None = None

    @property
    def effect(self) -> Effect:
        # Another document may match the second time, and $inc and $push add again.
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.if_version is None else _CAS

    def check(self, driver: DocumentsDriver) -> None:
        driver.limits.check_stored_name(self.collection, "collection")
        for change in self.changes:
            _check_size(change.value, driver.limits)

    def sealed(self, seal: Seal) -> Update:
        check_filter(self.filter)
        return replace(self, changes=close_changes(self.changes, self.collection, seal))

    def run(self, driver: DocumentsDriver) -> Awaitable[UpdateResult]:
        return driver.update(self)


@dataclass(frozen=True, slots=True)
class Replace(_InCollection[UpdateResult]):
    """Put ``document`` in the place of the first that matches, which keeps its ``_id``.

    ``document`` has no ``_id``. With ``upsert_id``, where none matches, it is inserted under
    the ``_id`` that the filter names, else under that one.

    Errors of a driver:
        ConflictError: ``if_version`` is not the version of the match, or there is none.
        AlreadyExistsError: A unique index, or the ``_id`` of the upsert, is taken.
    """

    name: ClassVar[str] = "documents.replace"
    collection: str
    filter: Filter = field(repr=False)
    document: Document = field(repr=False)
    upsert_id: str | None = None
    if_version: str | None = None

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.if_version is None else _CAS

    def check(self, driver: DocumentsDriver) -> None:
        driver.limits.check_stored_name(self.collection, "collection")
        _check_size(self.document, driver.limits)

    def sealed(self, seal: Seal) -> Replace:
        check_filter(self.filter)
        return replace(self, document=close_document(self.document, self.collection, seal))

    def run(self, driver: DocumentsDriver) -> Awaitable[UpdateResult]:
        return driver.replace(self)


@dataclass(frozen=True, slots=True)
class Delete(_InCollection[bool]):
    """Delete the first document that matches; whether there was one.

    Errors of a driver:
        ConflictError: ``if_version`` is not the version of the match, or there is none.
    """

    name: ClassVar[str] = "documents.delete"
    collection: str
    filter: Filter = field(repr=False)
    if_version: str | None = None

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.if_version is None else _CAS

    def sealed(self, seal: Seal) -> Delete:
        check_filter(self.filter)
        return self

    def run(self, driver: DocumentsDriver) -> Awaitable[bool]:
        return driver.delete(self)


@dataclass(frozen=True, slots=True)
class CreateIndex(_InCollection[None]):
    """Index documents by some paths; one that is there already is no error.

    In a unique one no two documents that have all its fields have them equal; a document that
    lacks one of them is not bound by it, one that has null in it is.

    Errors of a driver:
        ConflictError: Documents are not unique already; or there is an index of these paths
            that is unique where this is not, or the other way round. Nothing was created.
    """

    name: ClassVar[str] = "documents.create_index"
    collection: str
    paths: tuple[Path, ...]
    unique: bool = False

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        return frozenset({DocumentsFeature.INDEX})

    def sealed(self, seal: Seal) -> CreateIndex:
        for path in self.paths:
            checked_path(path)
        return self

    def run(self, driver: DocumentsDriver) -> Awaitable[None]:
        return driver.create_index(self)


@dataclass(frozen=True, slots=True)
class Begin(Operation[DocumentsDriver, Transaction]):
    """Begin a transaction of the driver's store."""

    name: ClassVar[str] = "documents.begin"

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return frozenset({DocumentsFeature.TRANSACTION})

    def run(self, driver: DocumentsDriver) -> Awaitable[Transaction]:
        return driver.begin(self)


def _check_size(value: object, limits: DocumentsLimits) -> None:
    size = len(encoded(value))
    if size > limits.document_max_bytes:
        raise InvalidArgumentError(
            f"the document has {size} bytes, the limit document_max_bytes is "
            f"{limits.document_max_bytes}",
            hint="store what is large as an object and its key in the document",
        )
