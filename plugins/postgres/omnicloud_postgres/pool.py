"""Connections to the server, each with one call or one transaction at a time.

asyncpg's connections, in a pool of our own: asyncpg's resets each connection that comes back,
which is one more question to the server, and asks the server to cancel what was cancelled
here, which waits. A connection that does not come back sound is cut at once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from omnicloud.core.unreachable import no_longer
from omnicloud.errors import OmniCloudError, Outcome, ThrottledError, UnavailableError
from omnicloud_postgres.errors import closed, is_misplaced, translated, unconnected

__all__ = ["Connection", "Pool", "Row"]

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

T = TypeVar("T")

Row = Any
"""One row: its values by position."""

_GOODBYE_SECONDS = 0.5

_SETTLE_SECONDS = 0.1


class Pool:
    """At most ``most`` connections; a call that finds none waits its turn.

    Args:
        connect: Makes a connection.
        where: The server's address, for errors.
        timeout: Seconds for an answer, and for a turn.
        connect_timeout: Seconds to connect.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        where: str,
        *,
        most: int,
        timeout: float,
        connect_timeout: float,
    ) -> None:
        self._connect = connect
        self._where = where
        self._most = most
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._turns = asyncio.Semaphore(most)
        self._idle: list[tuple[Connection, float]] = []  # since when; the oldest first
        self._busy: set[Connection] = set()
        self._closed = False
        self._met = False

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle ones included."""
        return len(self._idle) + len(self._busy)

    async def call(self, sql: str, arguments: tuple[object, ...]) -> list[Row]:
        """One statement, which is committed when it is answered.

        Raises:
            OmniCloudError: As the table in ``errors`` says.
        """
        connection = await self.take()
        try:
            rows = await self.ask(connection, sql, arguments)
        except asyncpg.PostgresError as error:
            self.give_back(connection)
            raise translated(error) from None
        except BaseException:
            self.drop(connection)
            raise
        self.give_back(connection)
        return rows

    async def ask(
        self,
        connection: Connection,
        sql: str,
        arguments: tuple[object, ...] = (),
        *,
        patience: float | None = None,
    ) -> list[Row]:
        """One statement on a connection that was taken; ``patience`` replaces the pool's timeout.

        When cancelled it waits a moment until the server has done the statement or given it up:
        it is on its way, and what the caller does next should come after it, also on another
        connection.

        Raises:
            asyncpg.PostgresError: The server's word; the connection is sound, or closed.
            OmniCloudError: No whole answer; the caller drops the connection.
        """
        try:
            return await self.within_time(connection.fetch(sql, *arguments), patience)
        except asyncio.CancelledError:
            await _settled(connection)
            raise
        except asyncpg.PostgresError as error:
            if connection.is_closed():
                raise self._lost(error) from error
            if is_misplaced(error):
                connection.terminate()
                self._cut_idle()
            raise

    async def within_time(self, answer: Awaitable[T], patience: float | None = None) -> T:
        """What a connection that was taken answers, within ``patience`` or the pool's timeout."""
        most = self._timeout if patience is None else patience
        asked = _now()
        try:
            async with asyncio.timeout(most):
                return await answer
        except asyncpg.PostgresError:
            raise
        except TimeoutError as error:
            # The server may be gone without a word: the next call shall not find out anew.
            self._cut_idle(asked)
            raise UnavailableError(f"the server did not answer within {most:.1f} s") from error
        except (OSError, EOFError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise self._lost(error) from error

    async def take(self) -> Connection:
        """A connection for the caller alone, until it gives it back or drops it.

        Raises:
            UnavailableError: No connection could be made; not done.
            ThrottledError: All connections stayed busy; not done.
        """
        await self._turn()
        try:
            connection = await self._connected()
        except BaseException:
            self._turns.release()
            raise
        self._busy.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Return a sound connection; one that is closed is forgotten."""
        if self._closed or connection.is_closed():
            self.drop(connection)
        elif connection in self._busy:
            self._busy.discard(connection)
            self._idle.append((connection, _now()))
            self._turns.release()

    def drop(self, connection: Connection) -> None:
        """Cut a connection without waiting; twice is silent."""
        connection.terminate()
        if connection in self._busy:
            self._busy.discard(connection)
            self._turns.release()

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        self._closed = True
        for connection in list(self._busy):
            connection.terminate()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_say_goodbye(connection) for connection, _ in idle))
        await asyncio.sleep(0)

    def _lost(self, error: BaseException) -> OmniCloudError:
        # The others date from before what happened to this one: do not try them one by one.
        self._cut_idle()
        return closed() if self._closed else translated(error)

    def _cut_idle(self, moment: float = math.inf) -> None:
        """Cut the idle connections that have answered nothing since that moment."""
        while self._idle and self._idle[0][1] <= moment:
            self._idle.pop(0)[0].terminate()

    async def _turn(self) -> None:
        if self._closed:
            raise closed()
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self._most} connections stayed busy for {self._timeout} s",
                hint="raise max_connections, or send fewer calls at once",
            ) from None

    async def _connected(self) -> Connection:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            async with asyncio.timeout(self._connect_timeout):
                connection = await self._connect()
        except TimeoutError as error:
            raise UnavailableError(
                f"the server at {self._where} did not let us in within {self._connect_timeout} s",
                hint="check the url and the tls option",
                outcome=Outcome.NOT_DONE,
            ) from error
        except (
            OSError,
            EOFError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            told = unconnected(error, self._where)
            raise (no_longer(told) if self._met else told) from None
        self._met = True
        return connection


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _settled(connection: Connection) -> None:
    """Wait until the server has done with what was cancelled, for a moment at most."""
    if connection.is_closed():
        return
    try:
        async with asyncio.timeout(_SETTLE_SECONDS):
            # asyncpg sends this after the end of what was cancelled.
            await connection.execute("SELECT")
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ):
        return


async def _say_goodbye(connection: Connection) -> None:
    """Close an idle connection as the server likes it, or cut it."""
    try:
        await connection.close(timeout=_GOODBYE_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
