"""The kv contract in SQLite.

One row a key. Its version is its row number, which SQLite draws anew for every write, one above
the highest there is, inside the transaction that writes: so versions grow in the order of
commits, and a watch asks for what is newer than what it saw.
A deleted or expired key leaves a tombstone (its value is NULL) for watchers that come later;
old ones are swept, never the newest row, so that no version is drawn twice. Times to live end
by the wall clock, the only one that processes share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import (
    Change,
    ChangeKind,
    ChangePage,
    KVFeature,
    KVLimits,
    Page,
    Record,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.joint_tables import KV
from omnicloud_local.shared import database_of
from omnicloud_local.writer import WriterTransaction

__all__ = ["FEATURES", "LocalKV", "open_kv"]

T = TypeVar("T")

FEATURES: frozenset[Feature] = frozenset(KVFeature)

_LIMITS = KVLimits(value_max_bytes=16 << 20, batch_max_items=10_000)

_INT64 = 1 << 63
_KEPT_VERSIONS = 100_000  # a watcher that sleeps through more changes must start anew
_SWEEP_EVERY = 1024

_LIVE = "value IS NOT NULL AND (expires IS NULL OR expires > ?)"
_GET = f"SELECT value, version, expires FROM kv WHERE space = ? AND key = ? AND {_LIVE}"  # noqa: S608 - constants
_PUT = "INSERT OR REPLACE INTO kv (space, key, value, expires) VALUES (?, ?, ?, ?)"
_LAST = "SELECT ifnull(max(version), 0) FROM kv"
_AT_ONCE = 100  # rows in one statement

_Row = tuple[bytes, int, float | None]


class LocalKV:
    """A kv driver over a :class:`Database`."""

    def __init__(
        self, database: Database, space: str, *, transaction: WriterTransaction | None = None
    ) -> None:
        self._database = database
        self._space = space
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> KVLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> Record | None:
        key, now = op.key.encode(), self._now()
        return await self._read(lambda db: _record(self._find(db, key, now), now))

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        keys, now = [key.encode() for key in op.keys], self._now()

        def read(db: sqlite3.Connection) -> tuple[Record | None, ...]:
            found: dict[bytes, _Row] = {}
            for some in _some(keys):
                rows = db.execute(_get_these(len(some)), (self._space, *some, now))
                found |= {bytes(key): row for key, *row in rows}
            return tuple(_record(found.get(key), now) for key in keys)

        return await self._read(_at_one_moment(read))

    async def set(self, op: Set, /) -> str:
        key, now = op.key.encode(), self._now()

        def write(db: sqlite3.Connection) -> str:
            if op.if_absent or op.if_version is not None:
                current = self._find(db, key, now)
                if op.if_absent and current is not None:
                    raise AlreadyExistsError("the key is live")
                _expect(op.if_version, current)
            return str(self._put(db, key, op.value, None if op.ttl is None else now + op.ttl))

        return await self._write(write)

    async def set_many(self, op: SetMany, /) -> None:
        expires = None if op.ttl is None else self._now() + op.ttl
        rows = [(self._space, key.encode(), value, expires) for key, value in op.items]

        def write(db: sqlite3.Connection) -> None:
            for some in _some(rows):
                db.execute(_put_these(len(some)), tuple(chain.from_iterable(some)))
            self._sweep_now_and_then(db, _last(db), len(rows))

        await self._write(write)

    async def delete(self, op: Delete, /) -> bool:
        key, now = op.key.encode(), self._now()

        def write(db: sqlite3.Connection) -> bool:
            current = self._find(db, key, now)
            _expect(op.if_version, current)
            if current is not None:
                self._put(db, key, None, None)
            return current is not None

        return await self._write(write)

    async def delete_many(self, op: DeleteMany, /) -> None:
        keys, now = [key.encode() for key in op.keys], self._now()

        def write(db: sqlite3.Connection) -> None:
            count = 0
            for some in _some(keys):
                buried = db.execute(_bury_these(len(some)), (self._space, *some, now))
                count += buried.rowcount
            self._sweep_now_and_then(db, _last(db), count)

        await self._write(write)

    async def scan(self, op: Scan, /) -> Page:
        now = self._now()
        low, high = _range(op.prefix)
        after = b"" if op.cursor is None else op.cursor.encode()

        def read(db: sqlite3.Connection) -> list[bytes]:
            upper = "" if high is None else "AND key < ?"
            found = db.execute(
                "SELECT key FROM kv WHERE space = ? AND key >= ? AND key > ? "  # noqa: S608 - constants
                f"{upper} AND {_LIVE} ORDER BY key LIMIT ?",
                (self._space, low, after, *([] if high is None else [high]), now, op.limit + 1),
            )
            return [row[0] for row in found]

        keys = [bytes(key).decode() for key in await self._read(read)]
        more = len(keys) > op.limit
        return Page(tuple(keys[: op.limit]), keys[op.limit - 1] if more else None)

    async def increment(self, op: Increment, /) -> int:
        key, now = op.key.encode(), self._now()

        def write(db: sqlite3.Connection) -> int:
            current = self._find(db, key, now)
            total = _number(current) + op.delta
            if not -_INT64 <= total < _INT64:
                raise ConflictError("the sum would not be a signed 64-bit integer")
            expires = None if current is None else current[2]
            self._put(db, key, b"%d" % total, expires)
            return total

        return await self._write(write)

    async def changes(self, op: Changes, /) -> ChangePage:
        if op.cursor is None:
            return ChangePage((), str(await self._read(_last)))
        until = self._database.clock.monotonic() + op.wait
        while True:
            mark = self._database.mark()
            soon = await self._bury_expired()
            page = await self._since(int(op.cursor), op.prefix)
            left = until - self._database.clock.monotonic()
            if page.changes or left <= 0:
                return page
            await self._database.changed(mark, left if soon is None else min(left, soon))

    async def begin(self, op: Begin, /) -> WriterTransaction:
        return await self._database.begin()

    def within(self, transaction: object, /) -> LocalKV:
        joined = self._database.joined(transaction)
        return LocalKV(self._database, self._space, transaction=joined)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _now(self) -> float:
        return self._database.clock.wall()

    async def _read(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        if self._transaction is not None:
            return await self._transaction.run(piece)
        return await self._database.read(piece)

    async def _write(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        if self._transaction is not None:
            return await self._transaction.run(piece)
        return await self._database.write(piece)

    # What follows runs in a thread of the database's.

    def _find(self, db: sqlite3.Connection, key: bytes, now: float) -> _Row | None:
        row: _Row | None = db.execute(_GET, (self._space, key, now)).fetchone()
        return row

    def _put(
        self, db: sqlite3.Connection, key: bytes, value: bytes | None, expires: float | None
    ) -> int:
        """Write a row, a tombstone where the value is ``None``; its version."""
        version = db.execute(_PUT, (self._space, key, value, expires)).lastrowid or 0
        self._sweep_now_and_then(db, version, 1)
        return version

    def _sweep_now_and_then(self, db: sqlite3.Connection, version: int, count: int) -> None:
        """Once in a thousand writes, forget old tombstones and bury what has expired."""
        if version // _SWEEP_EVERY == (version - count) // _SWEEP_EVERY:
            return
        db.execute(
            "DELETE FROM kv WHERE space = ? AND version < ? AND value IS NULL",
            (self._space, version - _KEPT_VERSIONS),
        )
        _bury_some_expired(db, self._now())

    async def _bury_expired(self) -> float | None:
        """Tell expiries as changes; seconds until the next one, ``None`` if there is none."""
        first = await self._read(_first_expiry)
        now = self._now()
        if first is not None and first <= now:
            await self._write(lambda db: _bury_some_expired(db, now))
            return 0.0
        return None if first is None else first - now

    async def _since(self, cursor: int, prefix: str) -> ChangePage:
        def read(db: sqlite3.Connection) -> list[tuple[bytes, int, int]]:
            return db.execute(
                "SELECT key, version, value IS NULL FROM kv WHERE space = ? AND version > ? "
                "ORDER BY version LIMIT 1000",
                (self._space, cursor),
            ).fetchall()

        rows = await self._read(read)
        last = rows[-1][1] if rows else cursor
        told = ((bytes(key).decode(), version, gone) for key, version, gone in rows)
        return ChangePage(
            tuple(
                _change(key, version, gone) for key, version, gone in told if key.startswith(prefix)
            ),
            str(last),
        )


def _some(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, as many at a time as go into one statement."""
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def _put_these(count: int) -> str:
    return _PUT + ", (?, ?, ?, ?)" * (count - 1)


def _get_these(count: int) -> str:
    marks = ", ".join("?" * count)
    return (
        "SELECT key, value, version, expires FROM kv "  # noqa: S608 - constants
        f"WHERE space = ? AND key IN ({marks}) AND {_LIVE}"
    )


def _bury_these(count: int) -> str:
    marks = ", ".join("?" * count)
    return (
        "INSERT OR REPLACE INTO kv (space, key) "  # noqa: S608 - constants
        f"SELECT space, key FROM kv WHERE space = ? AND key IN ({marks}) AND {_LIVE}"
    )


async def open_kv(config: LocalConfig, opening: Opening) -> LocalKV:
    """A kv driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(KV)
    return LocalKV(database, config.namespace_of(opening.service.name))


def _at_one_moment(read: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """The same piece inside a read transaction, unless one is open."""

    def piece(db: sqlite3.Connection) -> T:
        if db.in_transaction:
            return read(db)
        db.execute("BEGIN")
        try:
            return read(db)
        finally:
            db.execute("ROLLBACK")

    return piece


def _record(row: _Row | None, now: float) -> Record | None:
    if row is None:
        return None
    value, version, expires = row
    return Record(bytes(value), str(version), None if expires is None else expires - now)


def _expect(version: str | None, current: _Row | None) -> None:
    if version is not None and (current is None or str(current[1]) != version):
        raise ConflictError("the key has another version, or is not there")


def _change(key: str, version: int, gone: int) -> Change:
    return Change(key, ChangeKind.DELETED) if gone else Change(key, ChangeKind.SET, str(version))


def _last(db: sqlite3.Connection) -> int:
    """The newest version of the whole table."""
    return int(db.execute(_LAST).fetchone()[0])


def _bury_some_expired(db: sqlite3.Connection, now: float) -> None:
    """Make tombstones of expired rows, so that watchers are told."""
    expired = db.execute("SELECT space, key FROM kv WHERE expires <= ? LIMIT 1000", (now,))
    db.executemany(_PUT, [(space, key, None, None) for space, key in expired.fetchall()])


def _first_expiry(db: sqlite3.Connection) -> float | None:
    first: float | None = db.execute(
        "SELECT min(expires) FROM kv WHERE expires IS NOT NULL"
    ).fetchone()[0]
    return first


def _range(prefix: str) -> tuple[bytes, bytes | None]:
    """The first key with the prefix, and the first one after all of them."""
    low = prefix.encode()
    # 0xFF is in no UTF-8, so it is above every key that goes on after the prefix.
    return low, low + b"\xff" if low else None


def _number(row: _Row | None) -> int:
    if row is None:
        return 0
    stored = bytes(row[0])
    try:
        number = int(stored)
    except ValueError:
        number = _INT64
    if not -_INT64 <= number < _INT64 or b"%d" % number != stored:
        raise ConflictError("the stored value is not a signed 64-bit integer")
    return number
