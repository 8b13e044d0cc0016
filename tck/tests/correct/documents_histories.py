"""A right documents driver over histories: a search stays at the moment of its first page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from correct.apart import Apart
from correct.common import correct
from correct.documents_moments import Moments, Place, State, Transaction, View
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
from omnicloud.contracts.documents.engine import asked_id, page_of, unique_key, upserted
from omnicloud.contracts.documents.filters import Filter, matches
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    DocumentsFeature,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.paths import Path
from omnicloud.contracts.documents.updates import applied
from omnicloud.contracts.documents.values import checked_document, decoded, encoded
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError, InvalidArgumentError
from omnicloud.memory.store import MemoryStore

_MOST_BYTES = 4096
_DOCUMENTS_A_PAGE = 7


@correct("documents")
class Histories(Apart):
    """What was deleted since is still found, as it was; every third search begins with nothing.

    Versions are long and odd, fields come in the order of their names. A transaction conflicts
    with who writes to a collection that it looked into.
    """

    backend_class = Moments
    _backend: Moments
    features: frozenset[Feature] = frozenset(DocumentsFeature) - {DocumentsFeature.DURABLE}
    limits = DocumentsLimits(name_max_bytes=1410, document_max_bytes=_MOST_BYTES, page_max_items=16)

    def __init__(
        self, store: MemoryStore, namespace: str = "", *, transaction: Transaction | None = None
    ) -> None:
        super().__init__(store)
        self._namespace, self._transaction = namespace, transaction
        self._view: View = self._backend if transaction is None else transaction

    async def insert(self, op: Insert, /) -> str:
        await self.arrive()
        version = self._insert(self._place(op.collection), op.document)
        await self.linger()
        return version

    async def find(self, op: Find, /) -> DocumentPage:
        await self.arrive()
        page = self._page(op)
        await self.linger()
        return page

    async def count(self, op: Count, /) -> int:
        await self.arrive()
        found = self._matching(self._place(op.collection), op.filter, self._view.seq)
        number = sum(1 for _ in found)
        await self.linger()
        return number

    async def update(self, op: Update, /) -> UpdateResult:
        await self.arrive()
        place = self._place(op.collection)
        state = self._first(place, op.filter, op.if_version)
        if state is not None:
            result = self._put(place, state, applied(state.document, op.changes))
        elif op.upsert_id is None:
            result = UpdateResult(0, 0)
        else:
            result = self._upsert(place, upserted(op.filter, op.upsert_id, op.changes, None))
        await self.linger()
        return result

    async def replace(self, op: Replace, /) -> UpdateResult:
        await self.arrive()
        place = self._place(op.collection)
        state = self._first(place, op.filter, op.if_version)
        if state is not None:
            result = self._put(place, state, {**op.document, "_id": state.document["_id"]})
        elif op.upsert_id is None:
            result = UpdateResult(0, 0)
        else:
            result = self._upsert(place, upserted(op.filter, op.upsert_id, (), op.document))
        await self.linger()
        return result

    async def delete(self, op: Delete, /) -> bool:
        await self.arrive()
        place = self._place(op.collection)
        state = self._first(place, op.filter, op.if_version)
        if state is not None:
            self._view.write(place, state.document["_id"], None)
        await self.linger()
        return state is not None

    async def create_index(self, op: CreateIndex, /) -> None:
        await self.arrive()
        place = self._place(op.collection)
        there = self._view.indexes_of(place).get(op.paths)
        if there is not None and there is not op.unique:
            raise ConflictError("there is an index of these fields, of the other kind")
        if there is None:
            if op.unique:
                self._check_all_unique(place, op.paths)
            self._view.index(place, op.paths, unique=op.unique)
        await self.linger()

    async def begin(self, op: Begin, /) -> Transaction:
        await self.arrive()
        return Transaction(Apart(self._store), self._backend)

    def within(self, transaction: object, /) -> Histories:
        if not isinstance(transaction, Transaction) or transaction.store is not self._backend:
            raise InvalidArgumentError("the transaction belongs to another store")
        return type(self)(self._store, self._namespace, transaction=transaction)

    async def arrive(self) -> None:
        await super().arrive()
        if self._transaction is not None:
            self._transaction.check_open()

    # What follows decides without awaiting.

    def _place(self, collection: str) -> Place:
        return self._namespace, collection

    def _live(self, place: Place, seq: int, identities: Iterable[str]) -> Iterator[State]:
        for identity in identities:
            state = self._view.at(place, identity, seq)
            if state is not None and state.text is not None:
                yield state

    def _matching(self, place: Place, condition: Filter, seq: int) -> Iterator[State]:
        named = asked_id(condition)
        identities = self._view.identities(place) if named is None else [named]
        found = self._live(place, seq, identities)
        return (state for state in found if matches(condition, state.document))

    def _first(self, place: Place, condition: Filter, version: str | None) -> State | None:
        matching = self._matching(place, condition, self._view.seq)
        found = min(matching, key=lambda state: str(state.document["_id"]), default=None)
        if version is not None and (found is None or found.version != version):
            raise ConflictError("the document has another version, or is not there")
        return found

    def _page(self, op: Find) -> DocumentPage:
        if op.cursor is None:
            seq, inner = self._view.seq, ""
            self._backend.searches += 1
            if self._backend.searches % 3 == 0:
                return DocumentPage((), f"{seq}|")
        else:
            text, _, inner = op.cursor.partition("|")
            seq = int(text)
        states = self._matching(self._place(op.collection), op.filter, seq)
        entries = (DocumentEntry(state.document, state.version) for state in states)
        most = max(1, min(op.limit, _DOCUMENTS_A_PAGE))
        page = page_of(entries, op.sort, inner or None, most)
        items = (DocumentEntry(decoded(encoded(one.document)), one.version) for one in page.items)
        return DocumentPage(tuple(items), None if page.cursor is None else f"{seq}|{page.cursor}")

    def _insert(self, place: Place, document: Document) -> str:
        if list(self._live(place, self._view.seq, [document["_id"]])):
            raise AlreadyExistsError("there is a document of that _id in the collection")
        return self._write(place, document)

    def _upsert(self, place: Place, document: Document) -> UpdateResult:
        document = checked_document(document)
        version = self._insert(place, document)
        return UpdateResult(0, 0, document["_id"], version)

    def _put(self, place: Place, state: State, document: Document) -> UpdateResult:
        if encoded(document) == state.text:
            return UpdateResult(1, 0, version=state.version)
        return UpdateResult(1, 1, version=self._write(place, document))

    def _write(self, place: Place, document: Document) -> str:
        text = encoded(document)
        if len(text) > _MOST_BYTES:
            raise InvalidArgumentError(
                f"the document has {len(text)} bytes, the limit document_max_bytes is {_MOST_BYTES}"
            )
        self._check_unique(place, document)
        return self._view.write(place, document["_id"], text)

    def _check_unique(self, place: Place, document: Document) -> None:
        for paths, unique in self._view.indexes_of(place).items():
            key = unique_key(document, paths) if unique else None
            if key is None:
                continue
            for other in self._live(place, self._view.seq, self._view.identities(place)):
                if other.key(paths) == key and other.document["_id"] != document["_id"]:
                    raise AlreadyExistsError("a document has these values in a unique index")

    def _check_all_unique(self, place: Place, paths: tuple[Path, ...]) -> None:
        there = self._live(place, self._view.seq, self._view.identities(place))
        keys = [key for state in there if (key := state.key(paths)) is not None]
        if len(keys) > len(set(keys)):
            raise ConflictError("there are documents that are not unique in these fields")
