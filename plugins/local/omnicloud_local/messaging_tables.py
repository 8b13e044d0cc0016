"""Topics, groups and lanes as SQLite tables; each function is a piece of a transaction.

A message is stored once. A group has an *entry* for each message that it has not settled;
``place`` is its place in the order. ``head`` marks the entries that may be lent: all without a
key, and of each key the first. Moments are seconds of the wall clock, the only one that
processes share.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.errors import NotFoundError

__all__ = [
    "READY",
    "SCHEMA",
    "TopicTables",
]

READY, LENT, WAITING = 0, 1, 2

SCHEMA = """
CREATE TABLE IF NOT EXISTS ms_message (
    number INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    topic TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    headers TEXT NOT NULL,
    payload BLOB NOT NULL,
    published REAL NOT NULL,
    kept REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS ms_message_topic ON ms_message (space, topic, number);
CREATE INDEX IF NOT EXISTS ms_message_kept ON ms_message (kept);
CREATE TABLE IF NOT EXISTS ms_id (
    space TEXT NOT NULL,
    topic TEXT NOT NULL,
    id TEXT NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (space, topic, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ms_id_until ON ms_id (until);
CREATE TABLE IF NOT EXISTS ms_group (
    number INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    topic TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (space, topic, name)
);
CREATE TABLE IF NOT EXISTS ms_entry (
    place INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL,
    message INTEGER NOT NULL,
    key TEXT,
    head INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    receipt TEXT NOT NULL DEFAULT '',
    until REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS ms_entry_ready ON ms_entry (grp, state, head, message);
CREATE INDEX IF NOT EXISTS ms_entry_until ON ms_entry (grp, until) WHERE state > 0;
CREATE INDEX IF NOT EXISTS ms_entry_lane ON ms_entry (grp, key, message) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS ms_entry_message ON ms_entry (message);
CREATE TABLE IF NOT EXISTS ms_dead (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    grp INTEGER NOT NULL,
    message INTEGER NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    died REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS ms_dead_group ON ms_dead (grp, number);
CREATE INDEX IF NOT EXISTS ms_dead_message ON ms_dead (message);
CREATE TABLE IF NOT EXISTS ms_scheduled (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    space TEXT NOT NULL,
    topic TEXT NOT NULL,
    due REAL NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    headers TEXT NOT NULL,
    payload BLOB NOT NULL,
    published REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS ms_scheduled_due ON ms_scheduled (space, topic, due)
"""

_LAST = "SELECT ifnull(max(number), 0) FROM ms_message"
_INSERT = """INSERT INTO ms_message
(number, space, topic, id, key, headers, payload, published, kept)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SCHEDULE = """INSERT INTO ms_scheduled (space, topic, due, id, key, headers, payload, published)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_NEW_ID = """INSERT INTO ms_id VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
SET until = excluded.until WHERE until <= ?"""
_DUE = "SELECT 1 FROM ms_scheduled WHERE space = ? AND topic = ? AND due <= ? LIMIT 1"
_TAKE_DUE = """DELETE FROM ms_scheduled WHERE space = ? AND topic = ? AND due <= ?
RETURNING due, number, id, key, headers, payload, published"""
_ACK = """DELETE FROM ms_entry WHERE place = ? AND receipt = ? AND state = 1 AND until > ?
AND grp = (SELECT number FROM ms_group WHERE space = ? AND topic = ? AND name = ?)
RETURNING grp, key"""
# An entry is a head where it has no key, or its key has no entry yet.
_ENTER = """INSERT INTO ms_entry (grp, message, key, head)
SELECT ?1, ?2, ?3, ?3 IS NULL OR NOT EXISTS
    (SELECT 1 FROM ms_entry WHERE grp = ?1 AND key = ?3)"""
_NEXT_HEAD = """UPDATE ms_entry SET head = 1 WHERE place =
    (SELECT place FROM ms_entry WHERE grp = ? AND key = ? ORDER BY message LIMIT 1)"""
_FREE = """UPDATE ms_entry SET state = 0, receipt = '', until = 0
WHERE grp = ? AND state > 0 AND until <= ?"""
_LEND = """UPDATE ms_entry SET state = 1, attempt = attempt + 1, receipt = ?1 || '-' || place,
until = ?2 WHERE place IN (SELECT place FROM ms_entry
    WHERE grp = ?3 AND state = 0 AND head = 1 ORDER BY message LIMIT ?4)"""
_LENT = """SELECT m.id, m.payload, m.key, m.headers, m.published, e.attempt, e.receipt
FROM ms_entry e JOIN ms_message m ON m.number = e.message
WHERE e.grp = ? AND e.state = 1 AND e.receipt LIKE ? || '-%' ORDER BY e.message"""
_HELD = """SELECT place, key, message, attempt FROM ms_entry
WHERE grp = ? AND place = ? AND receipt = ? AND state = 1 AND until > ?"""
_RETAINED = (
    "SELECT number, key FROM ms_message WHERE space = ? AND topic = ? AND kept > ? ORDER BY number"
)
_REPLAYED = """SELECT number, key FROM ms_message WHERE space = ? AND topic = ? AND kept > ?
AND published >= ? AND NOT EXISTS
    (SELECT 1 FROM ms_entry WHERE grp = ? AND message = ms_message.number) ORDER BY number"""
_OLD = """DELETE FROM ms_message WHERE number IN (SELECT number FROM ms_message m
    WHERE kept <= ? AND NOT EXISTS (SELECT 1 FROM ms_entry e WHERE e.message = m.number)
    AND NOT EXISTS (SELECT 1 FROM ms_dead d WHERE d.message = m.number) LIMIT 1000)"""

Held = tuple[int, str | None, int, int]
Row = tuple[str, str | None, str, bytes, float, float]


class TopicTables:
    """One topic inside one transaction.

    Args:
        now: The moment of the transaction.
        kept: Seconds that messages and ids are kept.
    """

    def __init__(
        self, db: sqlite3.Connection, space: str, topic: str, now: float, kept: float
    ) -> None:
        self._db = db
        self._topic = (space, topic)
        self._now = now
        self._kept = kept

    def group(self, name: str) -> int | None:
        """The number of a group."""
        row = self._db.execute(
            "SELECT number FROM ms_group WHERE space = ? AND topic = ? AND name = ?",
            (*self._topic, name),
        ).fetchone()
        return None if row is None else int(row[0])

    def known_group(self, name: str) -> int:
        """The number of a group.

        Raises:
            NotFoundError: There is none.
        """
        group = self.group(name)
        if group is None:
            raise NotFoundError("the topic has no such group", hint="subscribe it")
        return group

    def groups(self, name: str | None = None) -> list[int]:
        """The numbers of all groups, or of one if it exists."""
        sql = "SELECT number FROM ms_group WHERE space = ? AND topic = ? AND name = ifnull(?, name)"
        return [row[0] for row in self._db.execute(sql, (*self._topic, name))]

    def publish(self, messages: Iterable[Outgoing]) -> None:
        """Give messages to all groups, those whose id is known left out; what is due, before."""
        self.publish_due()
        kept = self._now + self._kept
        self._insert(
            [
                (one.id, one.key, _headers(one), one.payload, self._now, kept)
                for one in self._new(messages, kept)
            ]
        )

    def schedule(self, messages: Iterable[Outgoing], due: float) -> None:
        """Keep messages until they are due, those whose id is known left out."""
        rows = [
            (*self._topic, due, one.id, one.key, _headers(one), one.payload, self._now)
            for one in self._new(messages, max(due, self._now) + self._kept)
        ]
        self._db.executemany(_SCHEDULE, rows)

    def _new(self, messages: Iterable[Outgoing], until: float) -> list[Outgoing]:
        """Those whose id is not known; it is from now on."""
        return [
            one
            for one in messages
            if self._db.execute(_NEW_ID, (*self._topic, one.id, until, self._now)).rowcount > 0
        ]

    def _insert(self, rows: Sequence[Row]) -> None:
        """Store messages behind all there are, and enter them for each group."""
        if not rows:
            return
        first = int(self._db.execute(_LAST).fetchone()[0]) + 1
        numbered = list(enumerate(rows, first))
        self._db.executemany(_INSERT, [(number, *self._topic, *row) for number, row in numbered])
        groups = self.groups()
        if groups:
            entries = [(group, number, row[1]) for number, row in numbered for group in groups]
            self._db.executemany(_ENTER, entries)

    def publish_due(self) -> None:
        """Publish what was scheduled and is due."""
        where = (*self._topic, self._now)
        if self._db.execute(_DUE, where).fetchone() is None:
            return
        due = sorted(self._db.execute(_TAKE_DUE, where).fetchall(), key=lambda row: row[:2])
        self._insert([(*row[2:], self._now + self._kept) for row in due])

    def tick(self) -> None:
        """Publish what is due and end leases and waits that are over."""
        self.publish_due()
        for group in self.groups():
            self._db.execute(_FREE, (group, self._now))

    def subscribe(self, name: str) -> None:
        """Make the group, with all that is retained before it."""
        if self.group(name) is not None:
            return
        sql = "INSERT INTO ms_group (space, topic, name) VALUES (?, ?, ?) RETURNING number"
        group = self._db.execute(sql, (*self._topic, name)).fetchone()[0]
        retained = self._db.execute(_RETAINED, (*self._topic, self._now))
        for number, key in retained.fetchall():
            self._db.execute(_ENTER, (group, number, key))

    def lend(self, group: int, most: int, until: float, token: str) -> list[tuple[object, ...]]:
        """Lend the first ready ones, under receipts that start with ``token``."""
        lent = self._db.execute(_LEND, (token, until, group, most))
        return self._db.execute(_LENT, (group, token)).fetchall() if lent.rowcount else []

    def held(self, group: str, receipt: str) -> tuple[int, Held] | None:
        """The group and the entry that this receipt is good for."""
        number, place = self.group(group), receipt.rpartition("-")[2]
        if number is None or not place.isdigit():
            return None
        row = self._db.execute(_HELD, (number, int(place), receipt, self._now)).fetchone()
        return None if row is None else (number, row)

    def ack(self, group: str, receipt: str) -> bool:
        """Forget the entry that this receipt is good for; whether it is good for one."""
        place = receipt.rpartition("-")[2]
        if not place.isdigit() or len(place) > 18:
            return False
        where = (int(place), receipt, self._now, *self._topic, group)
        row = self._db.execute(_ACK, where).fetchone()
        if row is not None and row[1] is not None:
            self._db.execute(_NEXT_HEAD, row)
        return row is not None

    def remove(self, group: int, held: Held) -> None:
        """Forget an entry; the next of its key becomes a head."""
        self._db.execute("DELETE FROM ms_entry WHERE place = ?", (held[0],))
        if held[1] is not None:
            self._db.execute(_NEXT_HEAD, (group, held[1]))

    def put_back(self, held: Held, until: float | None, *, counted: bool) -> None:
        """Give an entry back, to be ready then, or at once with ``None``."""
        self._db.execute(
            "UPDATE ms_entry SET state = ?, receipt = '', until = ?, attempt = attempt - ? "
            "WHERE place = ?",
            (READY if until is None else WAITING, until or 0.0, int(not counted), held[0]),
        )

    def bury(self, group: int, held: Held, reason: str) -> None:
        """Make an entry a dead letter."""
        self.remove(group, held)
        self._db.execute(
            "INSERT INTO ms_dead (grp, message, reason, attempts, died) VALUES (?, ?, ?, ?, ?)",
            (group, held[2], reason, held[3], self._now),
        )

    def redrive(self, group: int, ids: tuple[str, ...]) -> int:
        """Put dead letters behind what the group has before it, as copies of their messages."""
        dead = self._db.execute(
            "SELECT d.number, m.id, m.key, m.headers, m.payload, m.published FROM ms_dead d "
            "JOIN ms_message m ON m.number = d.message WHERE d.grp = ? ORDER BY d.number",
            (group,),
        ).fetchall()
        chosen = [row for row in dead if not ids or row[1] in ids]
        for row in chosen:
            self._db.execute("DELETE FROM ms_dead WHERE number = ?", row[:1])
            number = int(self._db.execute(_LAST).fetchone()[0]) + 1
            self._db.execute(_INSERT, (number, *self._topic, *row[1:], 0.0))
            self._db.execute(_ENTER, (group, number, row[2]))
        return len(chosen)

    def replay(self, group: int, since: float) -> int:
        """Put before the group again what it has settled."""
        again = self._db.execute(
            _REPLAYED,
            (*self._topic, self._now, since, group),
        ).fetchall()
        for number, key in again:
            self._db.execute(_ENTER, (group, number, key))
        for key in {key for _, key in again if key is not None}:
            self._right_head(group, key)
        return len(again)

    def _right_head(self, group: int, key: str) -> None:
        """Make the first of a key its head, unless the head is at work."""
        at_work = self._db.execute(
            "SELECT 1 FROM ms_entry WHERE grp = ? AND key = ? AND state > 0", (group, key)
        ).fetchone()
        if at_work is None:
            self._db.execute("UPDATE ms_entry SET head = 0 WHERE grp = ? AND key = ?", (group, key))
            self._db.execute(_NEXT_HEAD, (group, key))

    def sweep(self) -> None:
        """Forget some messages and ids that are old."""
        self._db.execute(_OLD, (self._now,))
        self._db.execute(
            "DELETE FROM ms_id WHERE (space, topic, id) IN "
            "(SELECT space, topic, id FROM ms_id WHERE until <= ? LIMIT 1000)",
            (self._now,),
        )


def _headers(message: Outgoing) -> str:
    if not message.headers:
        return "{}"
    return json.dumps(dict(message.headers), ensure_ascii=False)
