"""The sagas contract in SQLite: one row a saga. Leases end by the wall clock."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import SagaStateConflictError
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalSagas", "open_sagas"]

FEATURES: frozenset[Feature] = frozenset(SagaFeature)

_LIMITS = SagaLimits(payload_max_bytes=16 << 20)

# ``step`` has no type, so that text stays text and numbers stay numbers.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sg_saga (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    space TEXT NOT NULL,
    saga_id TEXT NOT NULL,
    status TEXT NOT NULL,
    step,
    history TEXT NOT NULL,
    payload BLOB NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT NOT NULL DEFAULT '',
    leased REAL NOT NULL DEFAULT 0,
    written REAL NOT NULL,
    UNIQUE (name, space, saga_id)
);
CREATE INDEX IF NOT EXISTS sg_status ON sg_saga (name, space, status, written)
"""

_COLUMNS = "saga_id, status, step, history, payload, version"
_CREATE = """INSERT INTO sg_saga
(name, space, saga_id, status, step, history, payload, version, owner, leased, written)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO NOTHING"""
_GET = f"SELECT {_COLUMNS} FROM sg_saga WHERE name = ? AND space = ? AND saga_id = ?"  # noqa: S608 - constants
_UPDATE = """UPDATE sg_saga
SET status = ?, step = ?, history = ?, payload = ?, version = version + 1, written = ?
WHERE name = ? AND space = ? AND saga_id = ? AND version = ?"""
_LIST = f"""SELECT {_COLUMNS} FROM sg_saga
WHERE name = ? AND space = ? AND status = ? AND saga_id > ?
ORDER BY saga_id LIMIT ?"""  # noqa: S608 - constants
_FREE = f"""SELECT {_COLUMNS} FROM sg_saga WHERE name = ? AND space = ?
AND status IN (%s) AND (leased <= ? OR owner = ?)
AND saga_id = ifnull(?, saga_id) AND hex(saga_id) NOT IN (SELECT value FROM json_each(?))
ORDER BY written LIMIT ?"""  # noqa: S608 - constants; hex: text of JSON ends at a NUL
_LEASE = "UPDATE sg_saga SET owner = ?, leased = ? WHERE name = ? AND space = ? AND saga_id = ?"
_KEEP = """UPDATE sg_saga SET leased = ? WHERE name = ? AND space = ? AND saga_id = ?
AND owner = ? AND leased > ?"""


class LocalSagas:
    """A sagas driver over a :class:`Database`."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> SagaLimits:
        return _LIMITS

    async def create(self, op: Create, /) -> None:
        state = op.state

        def write(db: sqlite3.Connection) -> None:
            now = self._now()
            leased = 0.0 if op.owner is None else now + op.lease
            row = (self._name, op.space, state.saga_id, *_changeable(state))
            if not db.execute(_CREATE, (*row, op.owner or "", leased, now)).rowcount:
                raise SagaStateConflictError("there is a saga of that id")

        await self._database.write(write)

    async def get(self, op: Get, /) -> SagaRecord | None:
        where = (self._name, op.space, op.saga_id)
        row = await self._database.read(lambda db: db.execute(_GET, where).fetchone())
        return None if row is None else _record(row)

    async def update(self, op: Update, /) -> int:
        state = op.state

        def write(db: sqlite3.Connection) -> int:
            place = (self._name, op.space, state.saga_id)
            values = (*_changeable(state), self._now(), *place, state.version)
            if (
                not -(1 << 63) <= state.version < 1 << 63
                or not db.execute(_UPDATE, values).rowcount
            ):
                raise SagaStateConflictError(
                    f"there is no saga of that id with version {state.version}",
                    hint="get it again, and decide again",
                )
            return state.version + 1

        return await self._database.write(write)

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        where = (self._name, op.space, op.status, op.after or "", op.limit)
        rows = await self._database.read(lambda db: db.execute(_LIST, where).fetchall())
        return tuple(map(_record, rows))

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        place = (self._name, op.space)
        statuses = tuple(dict.fromkeys(op.statuses))
        query = _FREE % ", ".join("?" for _ in statuses)
        excluded = json.dumps([one.encode().hex().upper() for one in op.excluded])

        def find(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            where = (*place, *statuses, self._now(), op.owner, op.saga_id, excluded, op.most)
            return db.execute(query, where).fetchall()

        def write(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            found = find(db)
            until = self._now() + op.lease
            db.executemany(_LEASE, [(op.owner, until, *place, row[0]) for row in found])
            return found

        # Workers ask again and again; only where there is something does one need the writer.
        if not await self._database.read(find):
            return ()
        return tuple(map(_record, await self._database.write(write)))

    async def keep(self, op: Keep, /) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            now = self._now()
            place = (self._name, op.space, op.saga_id)
            return db.execute(_KEEP, (now + op.lease, *place, op.owner, now)).rowcount > 0

        return await self._database.write(write)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _now(self) -> float:
        return self._database.clock.wall()


def _changeable(state: SagaRecord) -> tuple[str, str | int | None, str, bytes]:
    history = json.dumps(state.history, ensure_ascii=False)
    return state.status, state.current_step, history, state.payload


def _record(row: tuple[Any, ...]) -> SagaRecord:
    saga_id, status, step, history, payload, version = row
    entries = tuple((name, what) for name, what in json.loads(history))
    return SagaRecord(saga_id, status, step, entries, payload, version)


async def open_sagas(config: LocalConfig, opening: Opening) -> LocalSagas:
    """A sagas driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(_SCHEMA)
    return LocalSagas(database, config.namespace_of(opening.service.name))
