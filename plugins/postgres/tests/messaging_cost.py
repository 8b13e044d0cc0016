"""What messaging costs the server: ``python plugins/postgres/tests/messaging_cost.py``.

Microseconds of the server's own CPU for each call, over a server of its own, in blocks: of a plain
``INSERT``, of publishing one message and 100 in a batch (for each message), and of receiving and
settling one while the backlog grows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from omnicloud import OmniCloud
from omnicloud_postgres import messaging_sql as sql
from omnicloud_postgres.server import postgres_server

_CALLS, _BLOCKS, _BATCH = 2000, 5, 100
_PLACE = ("cost", b"topic", 77)
_PAYLOAD = b"x" * 100

Call = Callable[[int], Awaitable[object]]


class Session:
    """One connection, whose backend is measured."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._ask = connection.fetch
        self._stat = Path(f"/proc/{connection.get_server_pid()}/stat")

    async def insert(self, _: int) -> None:
        await self._ask("INSERT INTO plain (value) VALUES ($1)", _PAYLOAD)

    async def publish(self, number: int, count: int = 1) -> None:
        ids = [b"%d-%d-%d" % (count, number, place) for place in range(count)]
        keys = [b"key-%d" % (number % 50) if number % 2 else None] * count
        order = list(range(1, count + 1))
        payloads = (keys, [b""] * count, [_PAYLOAD] * count)
        await self._ask(sql.PUBLISH, *_PLACE, ids, order, *payloads, None, 3600.0, True)

    async def batch(self, number: int) -> None:
        await self.publish(number, _BATCH)

    async def receive(self, _: int) -> None:
        asked = (b"group", 1, 60.0, "token", 3600.0)
        for row in await self._ask(sql.LEND, *_PLACE, *asked):
            number = int(row["receipt"].rpartition("-")[2])
            await self._ask(sql.SETTLE, *_PLACE, b"group", number, row["receipt"], None)

    async def cost(self, call: Call, first: int, count: int) -> float:
        """Microseconds of the backend's CPU for one call."""
        before = self._ticks()
        for number in range(first, first + count):
            await call(number)
        return (self._ticks() - before) / os.sysconf("SC_CLK_TCK") / count * 1e6

    def _ticks(self) -> int:
        fields = self._stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


async def main() -> None:
    """Measure and print."""
    server = postgres_server()
    await server.start()
    try:
        url = f"postgresql://127.0.0.1:{server.port}/postgres"
        await _schema(url)
        connection = await asyncpg.connect(url, user="postgres")
        try:
            await connection.execute("CREATE TABLE plain (id bigserial PRIMARY KEY, value bytea)")
            await connection.fetch(sql.SUBSCRIBE, *_PLACE, b"group")
            await _blocks(Session(connection))
        finally:
            await connection.close()
    finally:
        server.end()


async def _schema(url: str) -> None:
    service = {"contract": "messaging", "provider": "postgres", "url": url, "username": "postgres"}
    async with OmniCloud({"services": {"m": service}}) as cloud:
        await cloud.messaging("m").publish("t", b"")


async def _blocks(session: Session) -> None:
    print("backlog  insert  publish  in a batch  receive and settle   (us of the server's CPU)")
    for block in range(_BLOCKS):
        first = block * _CALLS
        plain = await session.cost(session.insert, first, _CALLS)
        one = await session.cost(session.publish, first, _CALLS)
        many = await session.cost(session.batch, first, 10) / _BATCH
        taken = await session.cost(session.receive, first, 400)
        backlog = (block + 1) * (_CALLS + 10 * _BATCH - 400)
        print(f"{backlog:7}  {plain:6.0f}  {one:7.0f}  {many:10.0f}  {taken:18.0f}")


if __name__ == "__main__":
    asyncio.run(main())
