"""Waking those who wait for a change, in this process or another, by LISTEN and NOTIFY.

A commit that notifies holds a lock over the whole server while it is written, so writers
notify only while somebody waits: who waits says so in the table ``waiting``, and writers look
there. That a notification may be missed, between the look and the commit or when a connection
is lost, costs no more than a poll: nobody waits longer than :data:`POLL_SECONDS` at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress

from omnicloud.core.clock import Clock
from omnicloud_postgres.pool import Connection
from omnicloud_postgres.runner import Runner

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
        connect: Makes that connection.
        runner: Says who waits.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], runner: Runner, clock: Clock
    ) -> None:
        self._connect = connect
        self._runner = runner
        self._clock = clock
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._rung: dict[int, asyncio.Event] = {}
        self._said: dict[int, float] = {}
        self._closed = False

    @property
    def open_connections(self) -> int:
        """0 or 1."""
        return int(self._connection is not None)

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
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        self._ring_all()
        await asyncio.sleep(0)

    async def _say(self, bell: int) -> None:
        async with self._connecting:
            if self._connection is None:
                self._connection = await self._listening()
        await self._runner.rows(_WAIT, bell, _SAID_SECONDS)
        now = self._clock.monotonic()
        self._said = {one: until for one, until in self._said.items() if until > now}
        self._said[bell] = now + _SAID_AGAIN_SECONDS

    async def _listening(self) -> Connection:
        connection = await self._connect()
        try:
            await connection.add_listener(_CHANNEL, self._heard)
            connection.add_termination_listener(self._lost)
        except BaseException:
            connection.terminate()
            raise
        if self._closed:
            connection.terminate()
        return connection

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        with suppress(ValueError):
            self._ring(int(str(payload)))

    def _lost(self, connection: object) -> None:
        if connection is self._connection:
            self._connection = None
        self._ring_all()

    def _ring(self, bell: int) -> None:
        event = self._rung.pop(bell, None)
        if event is not None:
            event.set()

    def _ring_all(self) -> None:
        for bell in list(self._rung):
            self._ring(bell)
