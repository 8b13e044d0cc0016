"""A transaction: one connection of its own, from its beginning to its end.

It runs at READ COMMITTED and is serializable all the same, because drivers lock what they read
inside (strict two-phase locking): others that would write it wait. Two that wait for each other
are told apart by the server, which ends one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from omnicloud.errors import OmniCloudError, Outcome
from omnicloud_postgres.errors import over, translated
from omnicloud_postgres.pool import Connection, Pool, Row
from omnicloud_postgres.runner import Runner

__all__ = ["PostgresTransaction"]

_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTransaction:
    """Begun on a connection of ``pool``; cut off after ``most_seconds``.

    Args:
        single: Whether it is a single request, which is told of no conflict where it had to
            give way, but that it may come again.
        patience: Seconds for each answer, in place of the pool's timeout.
    """

    def __init__(
        self,
        store: object,
        pool: Pool,
        connection: Connection,
        most_seconds: float,
        *,
        single: bool = False,
        patience: float | None = None,
    ) -> None:
        self._store = store
        self._patience = patience
        self._single = single
        self._pool = pool
        self._connection: Connection | None = connection
        self._one_at_a_time = asyncio.Lock()
        loop = asyncio.get_running_loop()
        self._cut: Callable[[], None] = loop.call_later(most_seconds, self._drop).cancel

    @classmethod
    async def begin(
        cls,
        store: object,
        pool: Pool,
        most_seconds: float,
        *,
        snapshot: bool = False,
        single: bool = False,
        patience: float | None = None,
    ) -> PostgresTransaction:
        """Take a connection and begin on it; with ``snapshot`` to read only, as of one moment."""
        connection = await pool.take()
        try:
            await pool.ask(connection, _SNAPSHOT if snapshot else "BEGIN")
        except BaseException as error:
            pool.drop(connection)
            if isinstance(error, asyncpg.PostgresError):
                raise translated(error, inside=True) from None
            raise
        return cls(store, pool, connection, most_seconds, single=single, patience=patience)

    @property
    def store(self) -> object:
        """The server it is a transaction of."""
        return self._store

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        """One statement inside.

        Raises:
            ConflictError: It has ended; or the server ended it so that another could go on.
        """
        async with self._one_at_a_time:
            return await self._asked(sql, *arguments)

    @asynccontextmanager
    async def unit(self, *, snapshot: bool = False) -> AsyncIterator[Runner]:
        """Several statements with no other of the transaction's between them."""
        async with self._one_at_a_time:
            yield _Inside(self._asked)

    async def commit(self) -> None:
        """Make all writes visible at once.

        Raises:
            ConflictError: It has ended, and nothing was written.
            UnavailableError: No answer; unknown.
        """
        async with self._one_at_a_time:
            await self._asked("COMMIT", inside=False)
            self._give_back()

    async def rollback(self) -> None:
        """Forget all writes; at once, where a call of it is under way."""
        if self._one_at_a_time.locked():
            self._drop()
        await asyncio.sleep(0)
        if self._connection is None:
            return
        try:
            await self._asked("ROLLBACK")
        except OmniCloudError:
            return  # the connection is gone, and the transaction with it
        self._give_back()

    async def _asked(self, sql: str, *arguments: object, inside: bool = True) -> list[Row]:
        connection = self._connection
        if connection is None:
            await asyncio.sleep(0)
            raise over()
        try:
            return await self._pool.ask(connection, sql, arguments, patience=self._patience)
        except asyncpg.PostgresError as error:
            # The server has rolled back already.
            self._drop()
            said = translated(error, inside=not self._single)
            said.outcome = Outcome.NOT_DONE
            raise said from None
        except OmniCloudError as error:
            overdue = self._connection is None
            self._drop()
            if inside:
                error.outcome = Outcome.NOT_DONE  # what is not committed is not done
            if inside and overdue:
                raise over() from error
            raise
        except BaseException:
            self._drop()
            raise

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        self._cut()
        if connection is not None:
            self._pool.give_back(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._cut()
        if connection is not None:
            self._pool.drop(connection)


class _Inside:
    """A transaction whose turn is taken."""

    def __init__(self, ask: Callable[..., Awaitable[list[Row]]]) -> None:
        self._ask = ask

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        return await self._ask(sql, *arguments)

    @asynccontextmanager
    async def unit(self, *, snapshot: bool = False) -> AsyncIterator[Runner]:
        yield self
