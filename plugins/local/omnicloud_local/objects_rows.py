"""What the database knows of objects and of uploads in parts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from omnicloud.contracts.objects.listing import common_prefix
from omnicloud.contracts.objects.models import Listed, Metadata, ObjectInfo
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError
from omnicloud_local.files import Segment

__all__ = [
    "SCHEMA",
    "Facts",
    "Row",
    "Rows",
    "Upload",
    "abandoned",
    "forget_abandoned",
    "referenced",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    space TEXT NOT NULL,
    key BLOB NOT NULL,
    version INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified REAL NOT NULL,
    segments TEXT NOT NULL,
    content_type TEXT NOT NULL,
    metadata TEXT NOT NULL,
    checksum TEXT,
    PRIMARY KEY (space, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects_uploads (
    id TEXT PRIMARY KEY,
    space TEXT NOT NULL,
    key BLOB NOT NULL,
    content_type TEXT NOT NULL,
    metadata TEXT NOT NULL,
    begun REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS objects_parts (
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    checksum TEXT,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects_counter (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    version INTEGER
);
INSERT OR IGNORE INTO objects_counter VALUES (1, 0)
"""

_NEXT = "UPDATE objects_counter SET version = version + 1 RETURNING version"
_COLUMNS = "version, size, modified, segments, content_type, metadata, checksum"


Parts = dict[int, tuple[Segment, str | None]]
"""File and checksum of each part, by number."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a writer says of an object."""

    segments: tuple[Segment, ...]
    content_type: str
    metadata: Metadata
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """An object, but for its content."""

    info: ObjectInfo
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was begun."""

    content_type: str
    metadata: Metadata


class Rows:
    """The rows of one namespace. Its methods run in a thread of the database's."""

    def __init__(self, space: str) -> None:
        self._space = space

    def find(self, db: sqlite3.Connection, key: str) -> Row | None:
        """The row of a key."""
        row = db.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE space = ? AND key = ?",  # noqa: S608 - constants
            (self._space, key.encode()),
        ).fetchone()
        if row is None:
            return None
        version, size, modified, segments, content_type, metadata, checksum = row
        info = ObjectInfo(
            key, size, str(version), content_type, dict(json.loads(metadata)), modified, checksum
        )
        return Row(info, _segments(segments))

    def expect(
        self, db: sqlite3.Connection, key: str, version: str | None, *, absent: bool = False
    ) -> Row | None:
        """The row of a key, where it is as the caller says.

        Raises:
            ConflictError: It is not.
        """
        row = self.find(db, key)
        if absent and row is not None:
            raise AlreadyExistsError("there is an object of that key")
        if version is not None and (row is None or row.info.version != version):
            raise ConflictError("the object has another version, or is not there")
        return row

    def put(self, db: sqlite3.Connection, key: str, facts: Facts, now: float) -> str:
        """Write a row and answer its version."""
        version = int(db.execute(_NEXT).fetchone()[0])
        db.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._space,
                key.encode(),
                version,
                sum(segment.size for segment in facts.segments),
                now,
                json.dumps([[segment.file, segment.size] for segment in facts.segments]),
                facts.content_type,
                json.dumps(facts.metadata),
                facts.checksum,
            ),
        )
        return str(version)

    def delete(self, db: sqlite3.Connection, key: str) -> tuple[Segment, ...]:
        """Delete a row and answer the files it had."""
        row = self.find(db, key)
        place = self._space, key.encode()
        db.execute("DELETE FROM objects WHERE space = ? AND key = ?", place)
        return row.segments if row else ()

    def listed(
        self, db: sqlite3.Connection, prefix: str, delimiter: str | None, cursor: str | None
    ) -> Iterator[Listed]:
        """Objects in order after the cursor; of those under a common prefix only the first."""
        low, high = prefix.encode(), prefix.encode() + b"\xff"
        if cursor is not None:
            # A cursor of another listing begins no earlier than this one.
            low = max(low, _after(cursor, common_prefix(cursor, prefix, delimiter)))
        while True:
            shared: str | None = None
            for key, size, version, modified in db.execute(
                "SELECT key, size, version, modified FROM objects "
                "WHERE space = ? AND key >= ? AND key < ? ORDER BY key",
                (self._space, low, high),
            ):
                line = Listed(bytes(key).decode(), size, str(version), modified)
                shared = common_prefix(line.key, prefix, delimiter)
                low = _after(line.key, shared)
                yield line
                if shared is not None:
                    break
            if shared is None:
                return

    def begin(
        self, db: sqlite3.Connection, upload_id: str, key: str, upload: Upload, now: float
    ) -> None:
        """Write down an upload."""
        metadata = json.dumps(upload.metadata)
        row = upload_id, self._space, key.encode(), upload.content_type, metadata, now
        db.execute("INSERT INTO objects_uploads VALUES (?, ?, ?, ?, ?, ?)", row)

    def upload(self, db: sqlite3.Connection, upload_id: str, key: str) -> Upload:
        """An upload of a key.

        Raises:
            NotFoundError: There is none.
        """
        row = db.execute(
            "SELECT content_type, metadata FROM objects_uploads "
            "WHERE id = ? AND space = ? AND key = ?",
            (upload_id, self._space, key.encode()),
        ).fetchone()
        if row is None:
            raise NotFoundError("there is no such upload", hint="begin another one")
        return Upload(row[0], tuple((name, value) for name, value in json.loads(row[1])))

    def has_upload(self, db: sqlite3.Connection, upload_id: str, key: str) -> bool:
        """Whether there is such an upload of a key."""
        row = db.execute(
            "SELECT 1 FROM objects_uploads WHERE id = ? AND space = ? AND key = ?",
            (upload_id, self._space, key.encode()),
        ).fetchone()
        return row is not None

    def parts(
        self, db: sqlite3.Connection, upload_id: str
    ) -> dict[int, tuple[Segment, str | None]]:
        """The parts that have arrived, by number, each with its checksum."""
        rows = db.execute(
            "SELECT number, file, size, checksum FROM objects_parts WHERE upload = ? "
            "ORDER BY number",
            (upload_id,),
        )
        return {number: (Segment(file, size), checksum) for number, file, size, checksum in rows}

    def forget(self, db: sqlite3.Connection, upload_id: str) -> None:
        """Delete an upload and its parts."""
        db.execute("DELETE FROM objects_uploads WHERE id = ?", (upload_id,))
        db.execute("DELETE FROM objects_parts WHERE upload = ?", (upload_id,))


def abandoned(db: sqlite3.Connection, before: float) -> bool:
    """Whether an upload was begun before a moment and has not ended."""
    old = db.execute("SELECT 1 FROM objects_uploads WHERE begun < ? LIMIT 1", (before,))
    return old.fetchone() is not None


def forget_abandoned(db: sqlite3.Connection, before: float) -> None:
    """Delete the uploads that were begun before a moment, with their parts, everywhere."""
    old = "SELECT id FROM objects_uploads WHERE begun < ?"
    db.execute(f"DELETE FROM objects_parts WHERE upload IN ({old})", (before,))  # noqa: S608 - constant
    db.execute("DELETE FROM objects_uploads WHERE begun < ?", (before,))


def referenced(db: sqlite3.Connection) -> set[str]:
    """Every file that an object or a part has, in all namespaces."""
    files = {row[0] for row in db.execute("SELECT file FROM objects_parts")}
    for (segments,) in db.execute("SELECT segments FROM objects"):
        files.update(segment.file for segment in _segments(segments))
    return files


def _segments(text: str) -> tuple[Segment, ...]:
    return tuple(Segment(file, size) for file, size in json.loads(text))


def _after(key: str, shared: str | None) -> bytes:
    """Where a listing goes on after a line: 0xFF is in no UTF-8, so it is above all below it."""
    return key.encode() + b"\0" if shared is None else shared.encode() + b"\xff"
