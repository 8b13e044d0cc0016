"""The rows of a collection and of its indexes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from omnicloud.contracts.documents.engine import asked_id, index_key, unique_key
from omnicloud.contracts.documents.filters import All, Filter, In, equalities, matches
from omnicloud.contracts.documents.models import Document, DocumentEntry, DocumentPage
from omnicloud.contracts.documents.paths import Path
from omnicloud.contracts.documents.values import decoded
from omnicloud.errors import AlreadyExistsError, ConflictError

__all__ = ["SCHEMA", "Collection", "Found"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    space TEXT NOT NULL,
    collection BLOB NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (space, collection, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents_indexes (
    number INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    collection BLOB NOT NULL,
    paths TEXT NOT NULL,
    only_one INTEGER NOT NULL,
    UNIQUE (space, collection, paths)
);
CREATE TABLE IF NOT EXISTS documents_keys (
    number INTEGER NOT NULL,
    key BLOB NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (number, key, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_keys_id ON documents_keys (number, id);
CREATE TABLE IF NOT EXISTS documents_counts (
    space TEXT NOT NULL,
    collection BLOB NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (space, collection)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents_counter (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    version INTEGER
);
INSERT OR IGNORE INTO documents_counter VALUES (1, 0)
"""

_NEXT = "UPDATE documents_counter SET version = version + 1 RETURNING version"
_COUNT = "SELECT number FROM documents_counts WHERE space = ? AND collection = ?"
_COUNTED = """UPDATE documents_counts SET number = number + ?
WHERE space = ? AND collection = ?"""
_COUNT_ALL = "SELECT count(*) FROM documents WHERE space = ? AND collection = ?"
_MOST_IDS = 30_000  # of SQLite's 32,766 variables in a statement
_ALL = "SELECT version, body FROM documents WHERE space = ? AND collection = ?"
# A cross join is done in the order it is written in: the keys first, then their documents.
_INDEXED = """SELECT version, body FROM documents_keys AS k CROSS JOIN documents AS d
WHERE k.number = ? AND k.key = ? AND k.id > ? AND d.space = ? AND d.collection = ? AND d.id = k.id
ORDER BY k.id"""


@dataclass(frozen=True, slots=True)
class Found:
    """A document that matched, with its stored form."""

    entry: DocumentEntry
    body: bytes


@dataclass(frozen=True, slots=True)
class _Index:
    number: int
    paths: tuple[Path, ...]
    unique: bool


class Collection:
    """One collection. Its methods run in a thread of the database's."""

    def __init__(self, space: str, name: str) -> None:
        self._place = space, name.encode()

    def insert(self, db: sqlite3.Connection, document: Document, body: bytes) -> str:
        """Store a document that is not there yet.

        Raises:
            AlreadyExistsError: Its ``_id``, or its values in a unique index, are taken.
        """
        taken = db.execute(f"{_ALL} AND id = ?", (*self._place, document["_id"].encode()))
        if taken.fetchone() is not None:
            raise AlreadyExistsError("there is a document of that _id in the collection")
        version = self.update(db, document, body)
        self._count(db, 1)
        return version

    def update(self, db: sqlite3.Connection, document: Document, body: bytes) -> str:
        """Store a document over what was there.

        Raises:
            AlreadyExistsError: Its values in a unique index are taken.
        """
        identity = document["_id"].encode()
        for index in self._indexes(db):
            self._enter(db, index, document)
        version = int(db.execute(_NEXT).fetchone()[0])
        db.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
            (*self._place, identity, version, body),
        )
        return str(version)

    def delete(self, db: sqlite3.Connection, identity: str) -> None:
        """Delete a document."""
        for index in self._indexes(db):
            self._leave(db, index, identity.encode())
        db.execute(
            "DELETE FROM documents WHERE space = ? AND collection = ? AND id = ?",
            (*self._place, identity.encode()),
        )
        self._count(db, -1)

    def count(self, db: sqlite3.Connection, condition: Filter) -> int:
        """How many documents match; of all of them the number is kept."""
        if condition != All():
            return sum(1 for _ in self.matching(db, condition))
        kept = db.execute(_COUNT, self._place).fetchone()
        return int((kept or db.execute(_COUNT_ALL, self._place).fetchone())[0])

    def _count(self, db: sqlite3.Connection, more: int) -> None:
        if db.execute(_COUNTED, (more, *self._place)).rowcount == 0:
            (number,) = db.execute(_COUNT_ALL, self._place).fetchone()
            db.execute("INSERT INTO documents_counts VALUES (?, ?, ?)", (*self._place, number))

    def matching(
        self, db: sqlite3.Connection, condition: Filter, after: bytes | None = None
    ) -> Iterator[Found]:
        """The documents that match, by ``_id``."""
        for version, body in self._candidates(db, condition, after):
            document: Document = decoded(bytes(body))
            if matches(condition, document):
                yield Found(DocumentEntry(document, str(version)), bytes(body))

    def page(
        self, db: sqlite3.Connection, condition: Filter, cursor: str | None, limit: int
    ) -> DocumentPage:
        """A page of the documents that match, by ``_id``."""
        items: list[DocumentEntry] = []
        for found in self.matching(db, condition, None if cursor is None else cursor.encode()):
            if len(items) == limit:
                return DocumentPage(tuple(items), items[-1].document["_id"])
            items.append(found.entry)
        return DocumentPage(tuple(items))

    def create_index(
        self, db: sqlite3.Connection, paths: tuple[Path, ...], *, unique: bool
    ) -> None:
        """Index the collection.

        Raises:
            ConflictError: The fields are indexed in the other way, or are not unique.
        """
        for index in self._indexes(db):
            if index.paths == paths:
                if index.unique != unique:
                    raise ConflictError("there is an index of these fields, of the other kind")
                return
        (number,) = db.execute(
            "INSERT INTO documents_indexes (space, collection, paths, only_one) "
            "VALUES (?, ?, ?, ?) RETURNING number",
            (*self._place, json.dumps(paths), unique),
        ).fetchone()
        self._fill(db, _Index(number, paths, unique))

    def _fill(self, db: sqlite3.Connection, index: _Index) -> None:
        for (body,) in db.execute(
            "SELECT body FROM documents WHERE space = ? AND collection = ?", self._place
        ).fetchall():
            try:
                self._enter(db, index, decoded(bytes(body)))
            except AlreadyExistsError:
                raise ConflictError(
                    "there are documents that are not unique in these fields"
                ) from None

    def _indexes(self, db: sqlite3.Connection) -> list[_Index]:
        rows = db.execute(
            "SELECT number, paths, only_one FROM documents_indexes "
            "WHERE space = ? AND collection = ?",
            self._place,
        )
        return [
            _Index(number, tuple(tuple(path) for path in json.loads(paths)), bool(unique))
            for number, paths, unique in rows
        ]

    def _enter(self, db: sqlite3.Connection, index: _Index, document: Document) -> None:
        identity, key = document["_id"].encode(), unique_key(document, index.paths)
        self._leave(db, index, identity)
        if key is None:
            return
        place = index.number, key
        taken = db.execute("SELECT 1 FROM documents_keys WHERE number = ? AND key = ?", place)
        if index.unique and taken.fetchone() is not None:
            raise AlreadyExistsError("a document has these values in a unique index")
        db.execute("INSERT INTO documents_keys VALUES (?, ?, ?)", (*place, identity))

    def _leave(self, db: sqlite3.Connection, index: _Index, identity: bytes) -> None:
        place = index.number, identity
        db.execute("DELETE FROM documents_keys WHERE number = ? AND id = ?", place)

    def _candidates(
        self, db: sqlite3.Connection, condition: Filter, after: bytes | None
    ) -> sqlite3.Cursor:
        ids = _asked_ids(condition)
        low = b"" if after is None else after
        if ids is not None and len(ids) <= _MOST_IDS:
            # One bound on the ids, not two: SQLite would rather walk from ``low`` to the end.
            names = [name for one in ids if (name := one.encode("utf-8", "replace")) > low]
            marks = ", ".join("?" * len(names))
            return db.execute(f"{_ALL} AND id IN ({marks}) ORDER BY id", (*self._place, *names))
        asked = equalities(condition)
        for index in self._indexes(db):
            if all(path in asked for path in index.paths):
                key = index_key([asked[path] for path in index.paths])
                return db.execute(_INDEXED, (index.number, key, low, *self._place))
        return db.execute(f"{_ALL} AND id > ? ORDER BY id", (*self._place, low))


def _asked_ids(condition: Filter) -> AbstractSet[str] | None:
    """The only ``_id``s that can match, if the filter names them."""
    named = asked_id(condition)
    if named is not None:
        return {named}
    if isinstance(condition, In) and condition.path == ("_id",):
        return {one for one in condition.values if isinstance(one, str)}
    if isinstance(condition, All):
        return next((ids for ids in map(_asked_ids, condition.parts) if ids is not None), None)
    return None
