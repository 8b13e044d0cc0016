"""The cache contract in SQLite. Entries and claims end by the wall clock; none is evicted."""

from __future__ import annotations

import sqlite3

from omnicloud.contracts.cache.driver import (
    Claim,
    Clear,
    Delete,
    Fill,
    Get,
    Set,
    Touch,
    Unclaim,
)
from omnicloud.contracts.cache.models import Cached, CacheFeature, CacheLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalCache", "open_cache"]

FEATURES: frozenset[Feature] = frozenset(CacheFeature)

_LIMITS = CacheLimits(value_max_bytes=16 << 20)

_SWEEP_EVERY = 64  # writes of one client
_SWEPT_AT_ONCE = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ca_entry (
    id INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    expires REAL,
    UNIQUE (space, key)
);
CREATE INDEX IF NOT EXISTS ca_expires ON ca_entry (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS ca_claim (
    space TEXT NOT NULL,
    key BLOB NOT NULL,
    owner TEXT NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (space, key)
)
"""

_LIVE = "(expires IS NULL OR expires > ?)"
_GET = f"SELECT value, expires FROM ca_entry WHERE space = ? AND key = ? AND {_LIVE}"  # noqa: S608 - constants
_PUT = """INSERT INTO ca_entry (space, key, value, expires) VALUES (?, ?, ?, ?)
ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, expires = excluded.expires"""
_TOUCH = f"UPDATE ca_entry SET expires = ? WHERE space = ? AND key = ? AND {_LIVE}"  # noqa: S608 - constants
_DROP = "DELETE FROM ca_entry WHERE space = ? AND key = ?"
_VOID = "DELETE FROM ca_claim WHERE space = ? AND key = ?"
_KEYS = """SELECT key FROM ca_entry WHERE space = :space AND key >= :low AND key < :high
UNION SELECT key FROM ca_claim WHERE space = :space AND key >= :low AND key < :high"""
_CLAIM = """INSERT INTO ca_claim (space, key, owner, until) VALUES (?, ?, ?, ?)
ON CONFLICT (space, key) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE owner = excluded.owner OR until <= ?"""
_UNCLAIM = "DELETE FROM ca_claim WHERE space = ? AND key = ? AND owner = ?"
_SWEEP = f"""DELETE FROM ca_entry WHERE id IN
(SELECT id FROM ca_entry WHERE expires <= ? LIMIT {_SWEPT_AT_ONCE})"""  # noqa: S608 - constants


class LocalCache:
    """A cache driver over a :class:`Database`."""

    def __init__(self, database: Database, space: str) -> None:
        self._database = database
        self._space = space
        self._writes = 0

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> CacheLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> Cached | None:
        place = self._place(op.key)

        def read(db: sqlite3.Connection) -> Cached | None:
            now = self._now()
            row = db.execute(_GET, (*place, now)).fetchone()
            if row is None:
                return None
            return Cached(bytes(row[0]), None if row[1] is None else row[1] - now)

        return await self._database.read(read)

    async def set(self, op: Set, /) -> None:
        place = self._place(op.key)

        def write(db: sqlite3.Connection) -> None:
            db.execute(_VOID, place)
            self._put(db, place, op.value, op.ttl)

        await self._database.write(write)

    async def delete(self, op: Delete, /) -> None:
        place = self._place(op.key)

        def write(db: sqlite3.Connection) -> None:
            db.execute(_VOID, place)
            db.execute(_DROP, place)

        await self._database.write(write)

    async def touch(self, op: Touch, /) -> bool:
        place = self._place(op.key)

        def write(db: sqlite3.Connection) -> bool:
            return db.execute(_TOUCH, (self._end(op.ttl), *place, self._now())).rowcount > 0

        return await self._database.write(write)

    async def clear(self, op: Clear, /) -> None:
        low = op.prefix.encode()
        # 0xFF is in no UTF-8, so it is above every key that goes on after the prefix.
        where = {"space": self._space, "low": low, "high": low + b"\xff"}

        def write(db: sqlite3.Connection) -> None:
            keys = (bytes(row[0]) for row in db.execute(_KEYS, where).fetchall())
            places = [(self._space, key) for key in keys if op.covers(key.decode())]
            db.executemany(_DROP, places)
            db.executemany(_VOID, places)

        await self._database.write(write)

    async def claim(self, op: Claim, /) -> bool:
        place = self._place(op.key)

        def write(db: sqlite3.Connection) -> bool:
            now = self._now()
            return db.execute(_CLAIM, (*place, op.owner, now + op.seconds, now)).rowcount > 0

        return await self._database.write(write)

    async def fill(self, op: Fill, /) -> bool:
        place = self._place(op.key)

        def write(db: sqlite3.Connection) -> bool:
            stood = db.execute(f"{_UNCLAIM} AND until > ?", (*place, op.owner, self._now()))
            if stood.rowcount <= 0:
                return False
            self._put(db, place, op.value, op.ttl)
            return True

        return await self._database.write(write)

    async def unclaim(self, op: Unclaim, /) -> None:
        where = (*self._place(op.key), op.owner)
        await self._database.write(lambda db: db.execute(_UNCLAIM, where).rowcount)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _place(self, key: str) -> tuple[str, bytes]:
        return self._space, key.encode()

    def _now(self) -> float:
        return self._database.clock.wall()

    def _end(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._now() + ttl

    def _put(
        self, db: sqlite3.Connection, place: tuple[str, bytes], value: bytes, ttl: float | None
    ) -> None:
        db.execute(_PUT, (*place, value, self._end(ttl)))
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            db.execute(_SWEEP, (self._now(),))
            db.execute("DELETE FROM ca_claim WHERE until <= ?", (self._now(),))


async def open_cache(config: LocalConfig, opening: Opening) -> LocalCache:
    """A cache driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(_SCHEMA)
    return LocalCache(database, config.namespace_of(opening.service.name))
