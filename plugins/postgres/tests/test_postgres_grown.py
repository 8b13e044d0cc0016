"""Tables that have grown: what a call reads of them, moves at once, and may take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bench import Bench, bench

from omnicloud.contracts.kv.driver import Delete
from omnicloud.contracts.messaging.driver import (
    Ack,
    Kill,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_postgres import kv_sql, locks_sql, messaging_sql, outbox_sql
from omnicloud_postgres.kv import open_kv
from omnicloud_postgres.locks import open_locks
from omnicloud_postgres.messaging import PostgresMessaging, open_messaging
from omnicloud_postgres.outbox import open_outbox
from omnicloud_postgres.pool import Row
from omnicloud_postgres.runner import Runner
from omnicloud_postgres.sweeping import Sweeping

_ROWS = 20_000
_PLACE = ("s", b"t", 7)

_GROWN = (
    """INSERT INTO omnicloud.kv SELECT 's', convert_to('l' || n, 'UTF8'), '', n,
    now() + interval '1 h', '3', now() FROM generate_series(1, {0}) AS n""",
    """INSERT INTO omnicloud.kv SELECT 's', convert_to('d' || n, 'UTF8'), NULL, n,
    NULL, '3', now() FROM generate_series(1, {0}) AS n""",
    """INSERT INTO omnicloud.message (space, topic, id, headers, payload, published, kept)
    SELECT 's', 't', '', '', '', now(), now() + interval '1 h' FROM generate_series(1, {0})""",
    """INSERT INTO omnicloud.message_entry (grp, number, head)
    SELECT 1, number, true FROM omnicloud.message""",
    """INSERT INTO omnicloud.message_id SELECT 's', 't', convert_to('i' || n, 'UTF8'),
    now() + interval '1 h' FROM generate_series(1, {0}) AS n""",
    """INSERT INTO omnicloud.message_scheduled
        (space, topic, due, id, headers, payload, published)
    SELECT 's', 't', now() + interval '1 h', '', '', '', now() FROM generate_series(1, {0})""",
    """INSERT INTO omnicloud.outbox_event (name, space, event_id, topic, payload, status, processed)
    SELECT 's', 's', convert_to('e' || n, 'UTF8'), '', '', 2, now()
    FROM generate_series(1, {0}) AS n""",
    """INSERT INTO omnicloud.lock_place (space, name, owner, until)
    SELECT 's', convert_to('l' || n, 'UTF8'), '', now() + interval '1 h'
    FROM generate_series(1, {0}) AS n""",
    "SELECT setval('omnicloud.lock_token', 2560000000000000 - 1)",  # the next one sweeps
)

_ONE = ([b"x"], [1], [None], [b""], [b""])
_CALLS: dict[str, tuple[Any, ...]] = {
    "ends of lives": (kv_sql.BURY, "s"),
    "deleted keys": (kv_sql.SWEEP, "s", 3600.0),
    "messages": (messaging_sql.SWEEP[0],),
    "ids of messages": (messaging_sql.SWEEP[1],),
    "publishing": (messaging_sql.PUBLISH, *_PLACE, *_ONE, None, 3600.0, True),
    "receiving": (messaging_sql.LEND, *_PLACE, b"nobody", 1, 9.0, "t", 3600.0),
    "moving what is due": (messaging_sql.TICK, *_PLACE, 3600.0),
    "processed events": (outbox_sql.PURGE, "s", b"s", 3600.0, 1000),
    "locks": (locks_sql.ACQUIRE, "s", b"n", 7, b"o", 9.0, 1, None),
}

_READ = """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
FROM pg_stat_xact_user_tables WHERE schemaname = 'omnicloud'"""


@pytest.mark.parametrize("analysed", [False, True])
async def test_what_has_not_ended_is_not_read_to_find_what_has(analysed: bool) -> None:
    async with _moved() as one:
        for opener in (open_kv, open_messaging, open_outbox, open_locks):
            await one.open(opener)
        async with one.native() as admin:
            for statement in _GROWN:
                await admin.execute(statement.format(_ROWS))
            if analysed:
                await admin.execute("ANALYZE")
            read = {name: await _rows_read(admin, *call) for name, call in _CALLS.items()}
        assert {name: count for name, count in read.items() if count > 50} == {}


async def _rows_read(connection: Any, statement: str, *arguments: object) -> int:
    """How many rows a statement reads, those that its functions read included."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        before = await connection.fetchval(_READ)
        await connection.fetch(statement, *arguments)
        return int(await connection.fetchval(_READ)) - int(before)
    finally:
        await transaction.rollback()


@asynccontextmanager
async def _moved(*settings: str) -> AsyncIterator[Bench]:
    async with bench(*settings) as one:
        await one.move()
        yield one


_DUE = """INSERT INTO omnicloud.message_scheduled
    (space, topic, due, id, key, headers, payload, published)
SELECT $1, 't', now() - (20000 - n) * interval '1 ms', convert_to('i' || n, 'UTF8'),
    convert_to('k' || n, 'UTF8'), '', '', now() FROM generate_series(1, $2::int) AS n"""


async def test_very_many_messages_that_are_due_at_once_are_delivered_before_later_ones() -> None:
    settings = ("max_connections=20", "max_locks_per_transaction=16", "log_min_messages=fatal")
    async with bench(*settings) as one:
        messaging = await one.open(open_messaging)
        await messaging.subscribe(Subscribe("t", "g"))
        async with one.native() as admin:
            await admin.execute(_DUE, messaging._space, 12_000)
        (early,) = await messaging.receive(Receive("t", "g", lease=60.0))
        assert early.id == "i1"
        await messaging.publish(Publish("t", (Outgoing("late", b"", "k12000"),)))
        taken = [
            one
            for _ in range(12)
            for one in await messaging.receive(Receive("t", "g", most=1000, lease=60.0))
        ]
        assert [one.id for one in taken] == [f"i{n}" for n in range(2, 12_001)]
        await messaging.ack(Ack("t", "g", taken[-1].receipt))
        (late,) = await messaging.receive(Receive("t", "g"))
        assert late.id == "late"


async def test_publishing_behind_more_than_can_be_moved_in_time_ends_and_helps() -> None:
    async with _moved("log_min_messages=fatal") as one:
        messaging = await one.open(open_messaging, answer_timeout=0.5)
        async with one.native() as admin:
            await admin.execute(_DUE, messaging._space, 600)
            await _slow(admin, "message", 0.4, "STATEMENT")
        late = Publish("t", (Outgoing("late", b"", "k600"),))
        with pytest.raises(UnavailableError) as told:
            await messaging.publish(late)
        assert told.value.outcome is Outcome.NOT_DONE
        await messaging.publish(late)


async def _slow(admin: Any, table: str, seconds: float, each: str) -> None:
    """Let insertion into a table take so long, for each ``STATEMENT`` or each ``ROW``."""
    await admin.execute(
        f"""CREATE OR REPLACE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;
        CREATE OR REPLACE TRIGGER slow AFTER INSERT ON omnicloud.{table}
        FOR EACH {each} EXECUTE FUNCTION public.slow()"""
    )


async def test_a_new_group_replay_and_redrive_may_take_longer_than_one_answer() -> None:
    async with _moved() as one:
        messaging = await one.open(open_messaging, answer_timeout=0.5)
        await messaging.subscribe(Subscribe("t", "g"))
        await messaging.publish(Publish("t", (Outgoing("i", b""),)))
        await _killed(messaging)
        async with one.native() as admin:
            await _slow(admin, "message_entry", 1.0, "ROW")
        await messaging.subscribe(Subscribe("t", "h"))
        assert len(await messaging.receive(Receive("t", "h"))) == 1
        assert await messaging.redrive(Redrive("t", "g")) == 1
        assert await messaging.replay(Replay("t", "g", 0.0)) == 1


async def _killed(messaging: PostgresMessaging) -> None:
    (lent,) = await messaging.receive(Receive("t", "g"))
    assert await messaging.kill(Kill("t", "g", lent.receipt, "why"))


async def test_a_new_group_takes_no_longer_than_a_transaction_and_is_not_made_then() -> None:
    async with _moved("log_min_messages=fatal") as one:
        options = {"answer_timeout": 0.5, "transaction_timeout": 1.0}
        messaging = await one.open(open_messaging, **options)
        async with one.native() as admin:
            await messaging.publish(Publish("t", (Outgoing("i", b""),)))
            await _slow(admin, "message_entry", 3.0, "ROW")
            with pytest.raises(UnavailableError) as told:
                await messaging.subscribe(Subscribe("t", "g"))
            assert told.value.outcome is Outcome.NOT_DONE
            assert not await admin.fetchval("SELECT count(*) FROM omnicloud.message_group")


_OLD = """INSERT INTO omnicloud.kv SELECT $1, convert_to('d' || n, 'UTF8'), NULL, n,
NULL, '3', now() - interval '9 h' FROM generate_series(1, 3500) AS n"""


async def test_clients_that_write_little_and_end_sweep_as_well() -> None:
    notes = _Notes()
    for _ in range(200):  # none of them would at odds of 10^25 to 1
        await Sweeping(notes, 4).before_writing(1, ("sweep",))
    assert "sweep" in notes.asked
    assert len(notes.asked) < 200


class _Notes:
    """A runner that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def rows(self, sql: str, *_: object) -> list[Row]:
        self.asked.append(sql)
        return []

    @asynccontextmanager
    async def unit(self, *, snapshot: bool = False) -> AsyncIterator[Runner]:
        yield self


async def test_a_full_sweep_is_followed_by_another_one() -> None:
    async with _moved() as one, one.native() as admin:
        kv = await one.open(open_kv)
        await admin.execute(_OLD, kv._space)
        for turn in range(1024 + 3):
            await kv.delete(Delete(f"none-{turn}"))
        assert await admin.fetchval("SELECT count(*) FROM omnicloud.kv") == 0


_OLD_MESSAGES = (
    """INSERT INTO omnicloud.message (space, topic, id, headers, payload, published, kept)
    SELECT 's', 't', '', '', '', now(), now() - interval '1 h' FROM generate_series(1, 2500)""",
    """INSERT INTO omnicloud.message_id SELECT 's', 't', convert_to('i' || n, 'UTF8'),
    now() - interval '1 h' FROM generate_series(1, 2500) AS n""",
)


async def test_a_full_sweep_of_messages_is_followed_by_another_one() -> None:
    async with _moved() as one, one.native() as admin:
        messaging = await one.open(open_messaging)
        for statement in _OLD_MESSAGES:
            await admin.execute(statement)
        for turn in range(4 + 3):
            many = tuple(Outgoing(f"n{turn}-{n}", b"") for n in range(128))
            await messaging.publish(Publish("t", many, dedupe=True))
        for table in ("message", "message_id"):
            assert await admin.fetchval(f"SELECT count(*) FROM omnicloud.{table}") == 7 * 128
