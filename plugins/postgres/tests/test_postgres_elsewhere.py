"""Another server at the address after a failover, one that fell silent, and one without room."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import asyncpg
import pytest
from bench import bench

from omnicloud.contracts.kv.driver import Changes, Get, Set
from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud.errors import (
    ConfigurationError,
    NotFoundError,
    Outcome,
    ResourceExhaustedError,
    UnavailableError,
)
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.errors import translated
from omnicloud_postgres.kv import open_kv
from omnicloud_postgres.locks import PostgresLocks, open_locks
from omnicloud_tck.served import Lone


async def test_a_primary_that_became_a_standby_is_left_for_the_one_at_the_address_now() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=2)
        asked = "SET default_transaction_read_only = on"  # of this connection alone
        await asyncio.gather(*(kv._store.rows(f"{asked} -- {n}") for n in range(2)))
        before = kv._store.open_connections
        with pytest.raises(UnavailableError) as told:
            await kv.set(Set("k", b"x"))
        assert told.value.outcome is Outcome.NOT_DONE
        assert kv._store.open_connections < before
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"y")) for n in range(4)))
        record = await kv.get(Get("k0"))
        assert record is not None
        assert record.value == b"y"


async def test_a_server_that_fell_silent_costs_one_timeout_and_not_one_for_each_connection() -> (
    None
):
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=4, answer_timeout=0.5)
        one.proxy.weather.latency = 0.02
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(8)))
        assert kv._store.open_connections == 4
        one.proxy.weather.blackhole = True
        with pytest.raises(UnavailableError):
            await kv.get(Get("k"))
        assert kv._store.open_connections == 0
        one.proxy.clear()


async def test_one_slow_answer_costs_no_connection_that_answers() -> None:
    async with bench() as one:
        store = one.store(max_connections=2, answer_timeout=1.0)
        forever = "SELECT set_config('statement_timeout', '0', false), pg_sleep(0.2)"
        await asyncio.gather(*(store.rows(f"{forever} -- {n}") for n in range(2)))
        slow = asyncio.ensure_future(store.rows("SELECT pg_sleep(3)"))
        await asyncio.sleep(0.5)
        await store.rows("SELECT 1")
        await asyncio.gather(slow, return_exceptions=True)
        assert isinstance(slow.exception(), UnavailableError)
        assert store.open_connections == 1
        await store.aclose()


async def test_the_system_asks_whether_a_silent_server_is_there() -> None:
    async with bench() as one:
        store = one.store()
        connection = await store._calls.take()
        transport = cast("Any", connection)._transport
        made = transport.get_extra_info("socket")
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        if all(hasattr(socket, name) for name in options):
            told = [made.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in options]
            assert told == [30, 5, 3]
        store._calls.drop(connection)
        await store.aclose()


@pytest.mark.parametrize("behind", [1, 1_000_000_000_000_000])
async def test_tokens_grow_on_where_the_sequence_is_that_of_an_older_replica(behind: int) -> None:
    async with bench() as one, one.native() as admin:
        locks = await one.open(open_locks)
        tokens = [await _token(locks, "before") for _ in range(5)]
        await admin.execute("SELECT setval('omnicloud.lock_token', $1::bigint)", behind)
        tokens += [await _token(locks, "after") for _ in range(5)]
        assert tokens == sorted(set(tokens))


async def test_tokens_grow_on_where_the_clock_is_behind_the_sequence() -> None:
    async with bench() as one:
        await one.move()
        locks = await one.open(open_locks)
        async with one.native() as admin:
            await admin.execute("SELECT setval('omnicloud.lock_token', 3000000000000000)")
        assert await _token(locks, "a") == 3_000_000_000_000_001
        assert await _token(locks, "b") == 3_000_000_000_000_002


async def _token(locks: PostgresLocks, owner: str) -> int:
    grant = await locks.acquire(Acquire("l", owner, 30.0))
    await locks.release(Release("l", owner))
    assert grant is not None
    return grant.token or 0


@pytest.mark.parametrize("cursor", ["{0}:{0}:", "1:1:/{0}:{0}:/7"])
async def test_a_watch_that_saw_what_the_server_has_lost_is_told_to_begin_anew(
    cursor: str,
) -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        with pytest.raises(NotFoundError) as told:
            await kv.changes(Changes(cursor=cursor.format(10**12)))
        assert told.value.hint
        page = await kv.changes(Changes())
        assert (await kv.changes(Changes(cursor=page.cursor))).changes == ()


@pytest.mark.parametrize(
    ("state", "words", "why"),
    [
        ("42704", 'unrecognized configuration parameter "x"', "too old"),  # PostgreSQL 13
        ("22023", 'invalid value for parameter "x": 1000', "lost clients"),  # on Windows
        ("08P01", "unsupported startup parameter: x", "pooler"),  # PgBouncer
    ],
)
async def test_a_server_that_takes_no_settings_of_sessions_is_told_with_what_to_do(
    state: str, words: str, why: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
        fields = b"".join(
            kind + text.encode() + b"\0"
            for kind, text in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", state), (b"M", words))
        )
        writer.write(b"E" + (len(fields) + 5).to_bytes(4) + fields + b"\0")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as front:
        url = f"postgresql://127.0.0.1:{front.sockets[0].getsockname()[1]}/postgres"
        with pytest.raises(ConfigurationError, match=why) as told:
            await open_kv(PostgresConfig(url=url, username="u", tls="off"), Lone())
    assert told.value.hint
    assert words not in str(told.value)


async def test_a_server_that_is_too_old_is_refused_by_name() -> None:
    async with bench() as one, one.native() as admin:
        number = int(await admin.fetchval("SHOW server_version_num")).to_bytes(4)
        rewriting = Rewriting(one.proxy.port, number, (130_022).to_bytes(4))
        async with await asyncio.start_server(rewriting.carry, "127.0.0.1", 0) as front:
            port = front.sockets[0].getsockname()[1]
            url = f"postgresql://127.0.0.1:{port}/postgres"
            config = PostgresConfig(url=url, username="postgres", tls="off")
            with pytest.raises(ConfigurationError, match="too old") as told:
                await open_kv(config, one.opening)
    assert told.value.hint == "run PostgreSQL 14 or newer"


class Rewriting:
    """A front that says something else where the server says that."""

    def __init__(self, port: int, said: bytes, instead: bytes) -> None:
        self._port, self._said, self._instead = port, said, instead

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._there(reader, ours))
            both.create_task(self._back(theirs, writer))

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _next(reader):
            writer.write(data)
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _next(reader):
            writer.write(data.replace(self._said, self._instead))
        writer.close()


async def _next(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65_536)
    except OSError:
        return b""


@pytest.mark.parametrize(
    "native", [asyncpg.DiskFullError, asyncpg.OutOfMemoryError, asyncpg.PostgresIOError]
)
def test_a_full_disk_and_memory_are_exhausted_and_nothing_was_done(
    native: type[asyncpg.PostgresError],
) -> None:
    said = translated(native("could not extend file"))
    assert type(said) is ResourceExhaustedError
    assert said.outcome is Outcome.NOT_DONE
