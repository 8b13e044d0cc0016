"""What a right outbox driver does to its table, one function for each request."""

from __future__ import annotations

import math
import sqlite3
from typing import Any

from omnicloud.contracts.outbox.driver import Fail, Keep, ListAggregates, ListEvents, Mark, Purge
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent, OutboxLag

__all__ = [
    "SCHEMA",
    "aggregates",
    "blob",
    "claim",
    "claimable",
    "events",
    "fail",
    "keep",
    "lag",
    "mark",
    "next_moment",
    "purge",
    "requeue",
    "save",
]

DB = sqlite3.Connection

SCHEMA = """
create table event (
    n integer primary key autoincrement,
    space blob not null,
    id blob not null,
    topic text not null,
    payload blob not null,
    message_key text,
    aggregate blob,
    sequence integer,
    status text not null default 'pending',
    attempts integer not null default 0,
    saved_at real not null,
    born real not null,
    owner text,
    claimed_until real not null default -1e300,
    ready_at real not null default -1e300,
    processed real,
    hot integer not null default 0,
    unique (space, id)
);
create index by_status on event (space, status, n);
create index by_heat on event (space, hot, status);
create index by_aggregate on event (space, aggregate, n);
create table number (
    space blob not null, aggregate blob not null, last integer not null,
    primary key (space, aggregate)
) without rowid;
"""

_COLUMNS = "id, topic, payload, message_key, aggregate, sequence, status, attempts, saved_at"
_OWNED = "space = ? and id = ? and status = 'pending' and owner = ? and claimed_until > ?"


def save(db: DB, space: str, event: NewEvent, stamp: float, now: float) -> None:
    """Put an event behind all; told in whole milliseconds when."""
    key, place = blob(event.aggregate_key), (blob(space), blob(event.event_id))
    if db.execute("select 1 from event where space = ? and id = ?", place).fetchone():
        return
    sequence = None
    if key is not None:
        ((sequence,),) = db.execute(
            "insert into number values (?, ?, 1) on conflict do update set last = last + 1"
            " returning last",
            (blob(space), key),
        ).fetchall()
    rest = (event.destination_topic, bytes(event.payload), event.message_key, key, sequence)
    db.execute(
        "insert into event (space, id, topic, payload, message_key, aggregate, sequence,"
        " saved_at, born) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*place, *rest, math.floor(stamp * 1000) / 1000, now),
    )


def events(db: DB, op: ListEvents) -> tuple[EventRecord, ...]:
    """A page; behind an event that is gone there is nothing."""
    after = -1
    if op.after is not None:
        place = (blob(op.space), blob(op.after))
        found = db.execute("select n from event where space = ? and id = ?", place).fetchone()
        if found is None:
            return ()
        (after,) = found
    of, given = ("1", ()) if op.every else ("aggregate is ?", (blob(op.aggregate_key),))
    rows = db.execute(
        f"select {_COLUMNS} from event where space = ? and status = ? and n > ? and {of}"
        " order by n limit ?",
        (blob(op.space), op.status.value, after, *given, op.limit),
    )
    return tuple(map(_record, rows.fetchall()))


def aggregates(db: DB, op: ListAggregates) -> tuple[str, ...]:
    """Keys of aggregates with a pending event."""
    rows = db.execute(
        "select distinct aggregate from event where space = ? and status = 'pending'"
        " and aggregate > ? order by aggregate limit ?",
        (blob(op.space), b"" if op.after is None else blob(op.after), op.limit),
    )
    return tuple(key.decode() for (key,) in rows.fetchall())


def mark(db: DB, op: Mark, now: float) -> None:
    """Say that they are processed."""
    db.executemany(
        "update event set status = 'processed', processed = ?"
        " where space = ? and id = ? and status <> 'processed'",
        [(now, blob(op.space), blob(one)) for one in op.event_ids],
    )


def claimable(db: DB, space: str, most: int, now: float) -> list[int]:
    """The oldest free ones; of an aggregate none behind, or beside, one that is not free."""
    blocked = {
        key
        for (key,) in db.execute(
            "select distinct aggregate from event where space = ? and hot = 1 and status in"
            " ('pending', 'parked') and aggregate is not null"
            " and (status = 'parked' or claimed_until > ? or ready_at > ?)",
            (blob(space), now, now),
        )
    }
    rows = db.execute(
        "select n, aggregate from event where space = ? and status = 'pending'"
        " and claimed_until <= ? and ready_at <= ? order by n",
        (blob(space), now, now),
    )
    found: list[int] = []
    for number, key in rows:
        if key is None or key not in blocked:
            found.append(number)
            if len(found) >= most:
                break
    return found


def claim(
    db: DB, space: str, owner: str, most: int, now: float, until: float
) -> tuple[EventRecord, ...]:
    """Lend some; a claim that has ended is not cleared, but outlived."""
    found = claimable(db, space, most, now)
    db.executemany(
        "update event set owner = ?, claimed_until = ?, hot = 1 where n = ?",
        [(owner, until, number) for number in found],
    )
    marks = ",".join("?" * len(found))
    rows = db.execute(f"select {_COLUMNS} from event where n in ({marks}) order by n", found)
    return tuple(map(_record, rows.fetchall()))


def next_moment(db: DB, space: str, now: float) -> float:
    """When a claim or a pause ends."""
    ((claimed, ready),) = db.execute(
        "select min(case when claimed_until > ? then claimed_until end),"
        " min(case when ready_at > ? then ready_at end)"
        " from event where space = ? and hot = 1 and status = 'pending'",
        (now, now, blob(space)),
    )
    return min(one for one in (claimed, ready, math.inf) if one is not None)


def keep(db: DB, op: Keep, now: float) -> None:
    """Let claims end later."""
    db.executemany(
        f"update event set claimed_until = ? where {_OWNED}",
        [(now + op.lease, blob(op.space), blob(one), op.owner, now) for one in op.event_ids],
    )


def fail(db: DB, op: Fail, now: float) -> None:
    """End a claim in vain."""
    status = "parked" if op.park else "pending"
    db.execute(
        "update event set attempts = attempts + 1, claimed_until = -1e300, status = ?,"
        f" ready_at = ? where {_OWNED}",
        (status, now + op.delay, blob(op.space), blob(op.event_id), op.owner, now),
    )


def requeue(db: DB, space: str, event_id: str) -> bool:
    """Try it again, as if it were new."""
    done = db.execute(
        "update event set status = 'pending', attempts = 0, ready_at = -1e300"
        " where space = ? and id = ? and status = 'parked'",
        (blob(space), blob(event_id)),
    )
    return done.rowcount > 0


def lag(db: DB, space: str, now: float) -> OutboxLag:
    """How far publishing is behind."""
    ((pending, parked, oldest),) = db.execute(
        "select count(*) filter (where status = 'pending'),"
        " count(*) filter (where status = 'parked'),"
        " min(case when status = 'pending' then born end)"
        " from event where space = ? and status in ('pending', 'parked')",
        (blob(space),),
    )
    return OutboxLag(pending, parked, 0.0 if oldest is None else max(0.0, now - oldest))


def purge(db: DB, op: Purge, now: float) -> int:
    """Delete what was marked long ago, the oldest first."""
    gone = db.execute(
        "delete from event where n in (select n from event where space = ?"
        " and status = 'processed' and processed <= ? order by processed, n limit ?)",
        (blob(op.space), now - op.older_than, op.most),
    )
    return gone.rowcount


def _record(row: tuple[Any, ...]) -> EventRecord:
    event_id, topic, payload, message_key, key, sequence, status, attempts, saved_at = row
    told = None if key is None else key.decode()
    rest = (sequence, EventStatus(status), attempts, saved_at)
    return EventRecord(event_id.decode(), topic, bytes(payload), message_key, told, *rest)


def blob(text: str | None) -> bytes | None:
    """Text in UTF-8: its order is that of code points, and NUL is a byte like others."""
    return None if text is None else text.encode()
