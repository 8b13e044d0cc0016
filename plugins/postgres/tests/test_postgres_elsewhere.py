"""Another server at the address after a failover, and one without room."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from bench import bench

from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.errors import (
    ConfigurationError,
    Outcome,
    ResourceExhaustedError,
    UnavailableError,
)
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.errors import translated
from omnicloud_postgres.kv import open_kv
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
