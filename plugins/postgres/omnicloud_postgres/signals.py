"""Waking those who wait for a change, in this process or another, by LISTEN and NOTIFY.

A commit that notifies holds a lock over the whole server while it is written, so writers
notify only while somebody waits: who waits says so in the table ``waiting``, and writers look
there. That a notification may be missed, between the look and the commit or when a connection
is lost, costs no more than a poll: nobody waits longer than :data:`POLL_SECONDS` at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress

import asyncpg

from omnicloud.core.clock import Clock
from omnicloud_postgres.errors import translated
from omnicloud_postgres.pool import Connection, Pool

__all__ = ["POLL_SECONDS", "SCHEMA", "TELL", "Signals", "bell_of"]

POLL_SECONDS = 0.5

_CHANNEL = "omnicloud"
_SAID_SECONDS = 20.0
_SAID_AGAIN_SECONDS = 10.0

SCHEMA = (
    """CREATE UNLOGGED TABLE IF NOT EXISTS omnicloud.waiting (
    bell bigint PRIMARY KEY,
    until timestamptz NOT NULL
)""",
)

TELL = """(SELECT pg_notify('omnicloud', w.bell::text) FROM omnicloud.waiting w
WHERE w.bell = {} AND w.until > statement_timestamp())"""
"""SQL of one value that rings the bell of that number, if anybody waits for it."""

_WAIT = """INSERT INTO omnicloud.waiting VALUES ($1, clock_timestamp() + $2 * interval '1 s')
ON CONFLICT (bell) DO UPDATE SET until = excluded.until"""


def bell_of(*names: str) -> int:
    """The number of what these names say; two that share one by chance wake each other."""
    text = "\0".join(f"{len(name)}:{name}" for name in names)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Signals:
    """The bells of one server that this process waits for, on one connection.

    Args:
        pool: Gives that connection; it has one.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._connection: Connection | None = None
        self._one_at_a_time = asyncio.Lock()
        self._rung: dict[int, asyncio.Event] = {}
        self._said: dict[int, float] = {}

    @property
    def open_connections(self) -> int:
        """0 or 1."""
        return self._pool.open_connections

    def mark(self, bell: int) -> asyncio.Event:
        """The present, to wait from. Take it before the read that may find nothing."""
        return self._rung.setdefault(bell, asyncio.Event())

    async def rung(self, bell: int, mark: asyncio.Event, wait: float) -> None:
        """Wait for the bell, ``wait`` seconds, or a poll. May come back for nothing.

        Raises:
            OmniCloudError: The server cannot be reached.
        """
        if self._clock.monotonic() >= self._said.get(bell, 0.0) or self._connection is None:
            await self._say(bell)
            return  # what came before this was said was not told: read again
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(wait, POLL_SECONDS))):
                await mark.wait()

    async def aclose(self) -> None:
        """Close the connection."""
        self._hang_up()
        await self._pool.aclose()

    async def _say(self, bell: int) -> None:
        """Say that this bell is waited for; on the connection, which shows that it is alive."""
        async with self._one_at_a_time:
            try:
                connection = self._connection or await self._listening()
                await self._pool.ask(connection, _WAIT, (bell, _SAID_SECONDS))
            except BaseException as error:
                self._hang_up()
                if isinstance(error, asyncpg.PostgresError):
                    raise translated(error) from None
                raise
        now = self._clock.monotonic()
        self._said = {one: until for one, until in self._said.items() if until > now}
        self._said[bell] = now + _SAID_AGAIN_SECONDS

    async def _listening(self) -> Connection:
        self._connection = connection = await self._pool.take()
        connection.add_termination_listener(self._lost)
        await self._pool.within_time(connection.add_listener(_CHANNEL, self._heard))
        return connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.drop(connection)
        self._said.clear()
        self._ring_all()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        with suppress(ValueError):
            self._ring(int(str(payload)))

    def _lost(self, connection: object) -> None:
        if connection is self._connection:
            self._hang_up()

    def _ring(self, bell: int) -> None:
        event = self._rung.pop(bell, None)
        if event is not None:
            event.set()

    def _ring_all(self) -> None:
        for bell in list(self._rung):
            self._ring(bell)
