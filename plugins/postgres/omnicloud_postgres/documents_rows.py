"""The tables of documents and their statements.

A document is stored twice: in the JSON form of the contract, which is what it is, and as
``jsonb`` in a simpler form in which equal values are the same, which is what a GIN index finds
it by. What the index finds is looked at again in Python, where the meaning of filters is
written down once for all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud.contracts.documents.engine import index_key, unique_key
from omnicloud.contracts.documents.filters import All, Filter, In, equalities, matches
from omnicloud.contracts.documents.models import Document, DocumentEntry
from omnicloud.contracts.documents.paths import Path, index
from omnicloud.contracts.documents.values import decoded
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_postgres.runner import Runner
from omnicloud_postgres.signals import bell_of

__all__ = ["SCHEMA", "Collection", "Found", "asked_ids"]

SCHEMA = (
    """CREATE SEQUENCE IF NOT EXISTS omnicloud.document_version""",
    """CREATE TABLE IF NOT EXISTS omnicloud.document (
    space text COLLATE "C" NOT NULL,
    collection bytea NOT NULL,
    id bytea NOT NULL,
    version bigint NOT NULL,
    body bytea NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (space, collection, id)
)""",
    """CREATE INDEX IF NOT EXISTS document_data ON omnicloud.document
USING gin (data jsonb_path_ops)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.document_index (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    collection bytea NOT NULL,
    paths bytea NOT NULL,
    only_one boolean NOT NULL
)""",
    """CREATE INDEX IF NOT EXISTS document_index_place
ON omnicloud.document_index (space, collection)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.document_key (
    number bigint NOT NULL,
    key bytea NOT NULL,
    id bytea NOT NULL,
    PRIMARY KEY (number, key)
)""",
    """CREATE INDEX IF NOT EXISTS document_key_id ON omnicloud.document_key (number, id)""",
)

_LOCK_ALL = "SELECT pg_advisory_xact_lock($1)"
_LOCK_ONE = "SELECT pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock($2)"
_PLACE = "FROM omnicloud.document WHERE space = $1 AND collection = $2"
_LOOK = f"""SELECT id, version, body {_PLACE} AND id > $3 {{}}
ORDER BY id LIMIT $4"""
_LOOK_ALL = _LOOK.format("")
_LOOK_NAMED = _LOOK.format("AND id = ANY($5::bytea[])")
_LOOK_LIKE = _LOOK.format("AND data @> $5::jsonb")
_LOOK_AT = f"SELECT id, version, body {_PLACE} AND id = $3"
_COUNT = f"SELECT count(*) {_PLACE}"
_INSERT = """INSERT INTO omnicloud.document
VALUES ($1, $2, $3, nextval('omnicloud.document_version'), $4, $5::jsonb)
ON CONFLICT DO NOTHING RETURNING version"""
_UPDATE = """UPDATE omnicloud.document SET version = nextval('omnicloud.document_version'),
body = $4, data = $5::jsonb WHERE space = $1 AND collection = $2 AND id = $3 RETURNING version"""
_DELETE = f"DELETE {_PLACE} AND id = $3"
_INDEXES = """SELECT number, paths, only_one FROM omnicloud.document_index
WHERE space = $1 AND collection = $2 ORDER BY number"""
_NEW_INDEX = """INSERT INTO omnicloud.document_index (space, collection, paths, only_one)
VALUES ($1, $2, $3, $4) RETURNING number"""
_TAKEN = "SELECT id FROM omnicloud.document_key WHERE number = $1 AND key = $2"
_LEAVE = "DELETE FROM omnicloud.document_key WHERE number = $1 AND id = $2"
_ENTER = """INSERT INTO omnicloud.document_key VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING 1"""

_AT_ONCE = 200  # documents of one statement


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
    """One collection, through a runner."""

    def __init__(self, runner: Runner, space: str, name: str) -> None:
        self._runner = runner
        self._place = space, name.encode("utf-8", "surrogatepass")
        self._lock = bell_of("documents", space, name)

    async def lock(self, identity: str | None) -> None:
        """Keep other writers from the collection, or from that document, until the end."""
        if identity is None:
            await self._runner.rows(_LOCK_ALL, self._lock)
        else:
            one = bell_of("document", *map(str, self._place), identity)
            await self._runner.rows(_LOCK_ONE, self._lock, one)

    async def matching(
        self, condition: Filter, after: bytes = b"", first: int = _AT_ONCE
    ) -> AsyncGenerator[Found, None]:
        """The documents that match, by ``_id``; ``first`` are asked for in one statement."""
        look, *asked = _looking(condition)
        while True:
            rows = await self._runner.rows(look, *self._place, after, first, *asked)
            for identity, version, body in rows:
                document: Document = decoded(body)
                after = identity
                if matches(condition, document):
                    yield Found(DocumentEntry(document, str(version)), body)
            if len(rows) < first:
                return

    async def some(
        self, condition: Filter, after: bytes, wanted: int
    ) -> tuple[list[DocumentEntry], bool]:
        """Matching ones out of what one statement finds, and whether that was all there is."""
        most = max(wanted, _AT_ONCE)
        look, *asked = _looking(condition)
        rows = await self._runner.rows(look, *self._place, after, most, *asked)
        entries = (DocumentEntry(decoded(body), str(version)) for _, version, body in rows)
        return [one for one in entries if matches(condition, one.document)], len(rows) < most

    async def count(self, condition: Filter) -> int:
        """How many documents match."""
        if condition == All():
            return int((await self._runner.rows(_COUNT, *self._place))[0][0])
        total = 0
        async for _ in self.matching(condition):
            total += 1
        return total

    async def insert(self, document: Document, body: bytes) -> str:
        """Store a document that is not there yet.

        Raises:
            AlreadyExistsError: Its ``_id``, or its values in a unique index, are taken.
        """
        identity = document["_id"].encode()
        if await self._runner.rows(_LOOK_AT, *self._place, identity):
            raise _taken()
        await self._enter_all(document, identity)
        done = await self._runner.rows(_INSERT, *self._place, identity, body, _data(document))
        if not done:
            raise _taken()
        return str(done[0][0])

    async def update(self, document: Document, body: bytes) -> str:
        """Store a document over what was there.

        Raises:
            AlreadyExistsError: Its values in a unique index are taken.
        """
        identity = document["_id"].encode()
        await self._enter_all(document, identity)
        done = await self._runner.rows(_UPDATE, *self._place, identity, body, _data(document))
        return str(done[0][0])

    async def delete(self, identity: str) -> None:
        """Delete a document."""
        for each in await self._unique_indexes():
            await self._runner.rows(_LEAVE, each.number, identity.encode())
        await self._runner.rows(_DELETE, *self._place, identity.encode())

    async def create_index(self, paths: tuple[Path, ...], *, unique: bool) -> None:
        """Index the collection.

        Raises:
            ConflictError: The fields are indexed in the other way, or are not unique.
        """
        for each in await self._indexes():
            if each.paths == paths:
                if each.unique != unique:
                    raise ConflictError("there is an index of these fields, of the other kind")
                return
        keys = await self._keys_of_all(paths) if unique else []
        stored = json.dumps(paths).encode()
        ((number,),) = await self._runner.rows(_NEW_INDEX, *self._place, stored, unique)
        for key, identity in keys:
            await self._runner.rows(_ENTER, number, key, identity)

    async def _keys_of_all(self, paths: tuple[Path, ...]) -> list[tuple[bytes, bytes]]:
        keys: dict[bytes, bytes] = {}
        async for found in self.matching(All()):
            document = found.entry.document
            key = _key(document, paths)
            if key is None:
                continue
            if key in keys:
                raise ConflictError("there are documents that are not unique in these fields")
            keys[key] = document["_id"].encode()
        return list(keys.items())

    async def _indexes(self) -> list[_Index]:
        rows = await self._runner.rows(_INDEXES, *self._place)
        return [
            _Index(number, tuple(tuple(path) for path in json.loads(paths)), only_one)
            for number, paths, only_one in rows
        ]

    async def _unique_indexes(self) -> list[_Index]:
        return [each for each in await self._indexes() if each.unique]

    async def _enter_all(self, document: Document, identity: bytes) -> None:
        """Take the document's values in unique indexes: all of them, or none."""
        unique = await self._unique_indexes()
        keys = [(each.number, _key(document, each.paths)) for each in unique]
        for number, key in keys:
            taken = await self._runner.rows(_TAKEN, number, key) if key is not None else []
            if taken and taken[0][0] != identity:
                raise _not_unique()
        for number, key in keys:
            await self._runner.rows(_LEAVE, number, identity)
            if key is not None and not await self._runner.rows(_ENTER, number, key, identity):
                raise _not_unique()  # taken in between: what was entered is rolled back


def _looking(condition: Filter) -> tuple[Any, ...]:
    """The statement that finds all that can match, and what it asks for."""
    ids = asked_ids(condition)
    if ids is not None:
        return _LOOK_NAMED, ids
    like = _like(condition)
    return (_LOOK_ALL,) if like is None else (_LOOK_LIKE, like)


def asked_ids(condition: Filter) -> list[bytes] | None:
    """The only ``_id``s that can match, if the filter names them."""
    named = equalities(condition).get(("_id",))
    if isinstance(named, str):
        return [named.encode("utf-8", "replace")]
    if isinstance(condition, In) and condition.path == ("_id",):
        return [one.encode("utf-8", "replace") for one in condition.values if isinstance(one, str)]
    if isinstance(condition, All):
        return next((ids for ids in map(asked_ids, condition.parts) if ids is not None), None)
    return None


def _like(condition: Filter) -> str | None:
    """What every document that matches contains, as JSON; ``None`` where nothing is known."""
    wanted: dict[str, Any] = {}
    for path, value in equalities(condition).items():
        # A step that is a number may lead into a list, which JSON containment does not count.
        if path != ("_id",) and all(index(step) is None for step in path):
            _put(wanted, path, value)
    try:
        return _simple(wanted) if wanted else None
    except (TypeError, ValueError):
        return None  # a value that no document holds: nothing will match


def _put(wanted: dict[str, Any], path: Path, value: Any) -> None:
    for step in path[:-1]:
        below = wanted.setdefault(step, {})
        if not isinstance(below, dict):
            return
        wanted = below
    wanted.setdefault(path[-1], value)


def _data(document: Mapping[str, Any]) -> str:
    return _simple({name: value for name, value in document.items() if name != "_id"})


def _simple(value: dict[str, Any]) -> str:
    """JSON in which equal values are the same, with another character in the place of NUL."""
    text = index_key([value]).decode()[1:-1]
    if "\\u0000" in text:
        text = index_key([_without_nul(value)]).decode()[1:-1]
    return text


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffe")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return value


def _key(document: Document, paths: tuple[Path, ...]) -> bytes | None:
    key = unique_key(document, paths)
    return None if key is None else hashlib.blake2b(key, digest_size=32).digest()


def _taken() -> AlreadyExistsError:
    return AlreadyExistsError("there is a document of that _id in the collection")


def _not_unique() -> AlreadyExistsError:
    return AlreadyExistsError("a document has these values in a unique index")
