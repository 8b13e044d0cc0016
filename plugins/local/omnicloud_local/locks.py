"""The locks contract in SQLite: one row a name. Grants end by the wall clock.

Tokens are drawn from one counter of the database, in the transaction that grants, so they grow
over restarts and between processes.
"""

from __future__ import annotations

import json
import sqlite3

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import EMPTY_LINE, Line, Place, granted, left, renewed
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalLocks", "open_locks"]

FEATURES: frozenset[Feature] = frozenset(LocksFeature)

_LIMITS = LocksLimits()

_SWEEP_EVERY = 256  # grants

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lk_line (
    space TEXT NOT NULL,
    name BLOB NOT NULL,
    line TEXT NOT NULL,
    ends REAL NOT NULL,
    PRIMARY KEY (space, name)
);
CREATE TABLE IF NOT EXISTS lk_counter (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    token INTEGER NOT NULL
);
INSERT OR IGNORE INTO lk_counter VALUES (1, 0)
"""

_GET = "SELECT line FROM lk_line WHERE space = ? AND name = ?"
_LOOK = f"SELECT token, ({_GET}) FROM lk_counter"  # noqa: S608 - constants
_PUT = """INSERT INTO lk_line (space, name, line, ends) VALUES (?, ?, ?, ?)
ON CONFLICT (space, name) DO UPDATE SET line = excluded.line, ends = excluded.ends"""
_DROP = "DELETE FROM lk_line WHERE space = ? AND name = ?"
_GRANTED = "UPDATE lk_counter SET token = ?"

_Place = tuple[str, bytes]


class LocalLocks:
    """A locks driver over a :class:`Database`, one :class:`Line` a name."""

    def __init__(self, database: Database, space: str) -> None:
        self._database = database
        self._space = space

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> LocksLimits:
        return _LIMITS

    async def acquire(self, op: Acquire, /) -> Grant | None:
        place = self._place(op.lock)

        def write(db: sqlite3.Connection) -> Grant | None:
            last, text = db.execute(_LOOK, place).fetchone()
            fresh, line, now = int(last) + 1, _read(text), self._now()
            after, token = granted(
                line,
                op.owner,
                now,
                ttl=op.ttl,
                permits=op.permits,
                queue_seconds=op.queue_seconds,
                token=fresh,
            )
            if after != line:
                _keep(db, place, after)
            if token == fresh:
                _count(db, fresh, now)
            return None if token is None else Grant(token)

        return await self._database.write(write)

    async def renew(self, op: Renew, /) -> bool:
        place = self._place(op.lock)

        def write(db: sqlite3.Connection) -> bool:
            after, done = renewed(_line(db, place), op.owner, self._now(), op.ttl)
            if done:
                _keep(db, place, after)
            return done

        return await self._database.write(write)

    async def release(self, op: Release, /) -> None:
        place = self._place(op.lock)

        def write(db: sqlite3.Connection) -> None:
            line = _line(db, place)
            after = left(line, op.owner)
            if after != line:
                _keep(db, place, after)

        await self._database.write(write)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _place(self, name: str) -> _Place:
        return self._space, name.encode()

    def _now(self) -> float:
        return self._database.clock.wall()


# What follows runs in the writer's thread.


def _line(db: sqlite3.Connection, place: _Place) -> Line:
    row = db.execute(_GET, place).fetchone()
    return _read(None if row is None else row[0])


def _read(text: str | None) -> Line:
    if text is None:
        return EMPTY_LINE
    holders, waiting = json.loads(text)
    return Line(tuple(Place(*each) for each in holders), tuple(Place(*each) for each in waiting))


def _keep(db: sqlite3.Connection, place: _Place, line: Line) -> None:
    places = line.holders + line.waiting
    if not places:
        db.execute(_DROP, place)
        return
    text = json.dumps((line.holders, line.waiting))
    db.execute(_PUT, (*place, text, max(each.until for each in places)))


def _count(db: sqlite3.Connection, token: int, now: float) -> None:
    """Take the token, and now and then forget the names whose holders died."""
    db.execute(_GRANTED, (token,))
    if token % _SWEEP_EVERY == 0:
        db.execute("DELETE FROM lk_line WHERE ends <= ?", (now,))


async def open_locks(config: LocalConfig, opening: Opening) -> LocalLocks:
    """A locks driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(_SCHEMA)
    return LocalLocks(database, config.namespace_of(opening.service.name))
