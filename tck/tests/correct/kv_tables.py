"""The tables of a right kv driver: a log in SQLite, and transactions that lock nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from correct.apart import Apart, Backend
from omnicloud.core.clock import Clock
from omnicloud.errors import ConflictError, InvalidArgumentError

__all__ = ["DELETED", "MOST_KEYS", "SET", "Place", "Row", "Tables", "Transaction"]

SET, DELETED, EXPIRED = 0, 1, 2
Place = tuple[bytes, bytes]
"""Namespace and key."""

MOST_KEYS = 64
_TRANSACTION_SECONDS = 30.0
_CHANGES_A_PAGE = 3
_SCHEMA = """
create table log(
    seq integer primary key, ns blob not null, key blob not null, kind integer not null,
    value blob, version text not null, deadline real, swept integer not null default 0);
create index by_key on log(ns, key, seq);
create index by_end on log(deadline) where deadline is not null and swept = 0;
"""


class Row(NamedTuple):
    """What a live key holds."""

    value: bytes
    version: str
    deadline: float | None

    def is_over(self, now: float) -> bool:
        """Whether its life has ended."""
        return self.deadline is not None and self.deadline <= now


class Tables(Backend):
    """The log of one store, of all its namespaces. Nothing in it awaits."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.sql = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.sql.executescript(_SCHEMA)
        self.seq = 0
        self.written = 0
        """The last entry that is a writer's: time is none."""

    def __del__(self) -> None:
        self.sql.close()

    def row(self, place: Place, upto: int) -> Row | None:
        """The key as it was after that many writes, if it is live by now."""
        found = self.sql.execute(
            "select kind, value, version, deadline from log where ns = ? and key = ? and seq <= ?"
            " order by seq desc limit 1",
            (*place, upto),
        ).fetchone()
        if found is None or found[0] != SET:
            return None
        row = Row(bytes(found[1]), found[2], found[3])
        return None if row.is_over(self.now()) else row

    def keys(self, ns: bytes, prefix: bytes, after: bytes, upto: int, most: int) -> list[bytes]:
        """Keys that the log knows with that prefix, live or not, in order."""
        rows = self.sql.execute(
            "select distinct key from log where ns = ? and key >= ? and key > ? and seq <= ?"
            " order by key limit ?",
            (ns, prefix, after, upto, most),
        )
        return [bytes(key) for (key,) in rows if bytes(key).startswith(prefix)]

    def append(self, entries: Iterable[tuple[Place, int, Row | None]]) -> None:
        """Write some entries at once."""
        for place, kind, row in entries:
            self.seq += 1
            value, version, deadline = row or (None, "", None)
            self.sql.execute(
                "insert into log(seq, ns, key, kind, value, version, deadline)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (self.seq, *place, kind, value, version, deadline),
            )
            if kind != EXPIRED:
                self.written = self.seq

    def sweep(self) -> None:
        """Write down which keys have expired since the last time."""
        ended = self.sql.execute(
            "select seq, ns, key from log as one where deadline <= ? and deadline is not null"
            " and swept = 0 and kind = 0 and not exists (select 1 from log as later where"
            " later.ns = one.ns and later.key = one.key and later.seq > one.seq)"
            " order by deadline",
            (self.now(),),
        ).fetchall()
        told = [(seq,) for seq, _, _ in ended]
        self.sql.executemany("update log set swept = 1 where seq = ?", told)
        self.append(((ns, key), EXPIRED, None) for _, ns, key in ended)

    def since(self, ns: bytes, prefix: bytes, seq: int) -> list[tuple[int, bytes, int, str]]:
        """The next entries under a prefix: number, key, kind and version."""
        rows = self.sql.execute(
            "select seq, key, kind, version from log where seq > ? and ns = ?"
            " and substr(key, 1, ?) = ? order by seq limit ?",
            (seq, ns, len(prefix), prefix, _CHANGES_A_PAGE),
        )
        return [(number, bytes(key), kind, version) for number, key, kind, version in rows]


class Transaction:
    """A snapshot, and what is to be written; whoever else writes meanwhile makes it conflict."""

    def __init__(self, client: Apart, tables: Tables, most: int) -> None:
        self._client, self._tables, self._most = client, tables, most
        self.base = tables.seq
        self.writes: dict[Place, Row | None] = {}
        self.reads: set[Place] = set()
        self._written = tables.written
        self._expires = tables.now() + _TRANSACTION_SECONDS
        self._is_over = False

    @property
    def store(self) -> object:
        return self._tables

    def check_open(self) -> None:
        """Refuse what comes after its end."""
        if self._is_over or self._tables.now() >= self._expires:
            self._is_over = True
            raise ConflictError("the transaction has ended")

    async def commit(self) -> None:
        await self._client.arrive()
        self.check_open()
        self._is_over = True
        if max(len(self.reads), len(self.writes)) > MOST_KEYS:
            raise InvalidArgumentError("too many keys", hint=f"touch {MOST_KEYS} at most")
        if self._tables.written != self._written:
            raise ConflictError("another writer came meanwhile", hint="run it again")
        rows = self.writes.items()
        size = sum(len(key) + len(row.value) for (_, key), row in rows if row is not None)
        if size > self._most:
            raise InvalidArgumentError(
                f"the transaction wrote {size} bytes, the limit batch_max_bytes is {self._most}"
            )
        there = [
            (place, DELETED if row is None else SET, row)
            for place, row in rows
            if row is not None or self._tables.row(place, self.base) is not None
        ]
        self._tables.append(there)
        await self._client.linger()

    async def rollback(self) -> None:
        self._is_over = True
        await self._client.linger()
