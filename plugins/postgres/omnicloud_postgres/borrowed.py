"""An application's own connection or session, so that our rows are committed with its rows.

It is lent: its transaction is begun and ended by the application, and what is wrong with a
statement of ours never breaks it, because none of them fails by an error of the server that
its data could cause.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from omnicloud.errors import InvalidArgumentError
from omnicloud_postgres.errors import translated
from omnicloud_postgres.pool import Row
from omnicloud_postgres.runner import Runner

_DEEPEST = 16  # causes of an error that are looked at

__all__ = ["borrowed"]


def borrowed(given: object) -> Runner | None:
    """A runner on what an application lends; ``None`` where it is nothing of the kind.

    Raises:
        InvalidArgumentError: No transaction is open on it, or SQLAlchemy speaks to the server
            through another library than asyncpg.
    """
    if isinstance(given, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy):
        if not given.is_in_transaction():
            raise InvalidArgumentError(
                "no transaction is open on the connection",
                hint="use it inside `async with connection.transaction():`",
            )
        return _Borrowed(given)
    alchemy = sys.modules.get("sqlalchemy.ext.asyncio")
    if alchemy is None or not isinstance(given, alchemy.AsyncSession | alchemy.AsyncConnection):
        return None
    return _Borrowed(_Alchemy(given, isinstance(given, alchemy.AsyncSession)))


class _Alchemy:
    """A session or connection of SQLAlchemy, as a connection; its own bookkeeping is kept."""

    def __init__(self, given: Any, is_session: bool) -> None:
        self._given = given
        self._is_session = is_session
        driver = (given.get_bind() if is_session else given).dialect.driver
        if driver != "asyncpg":
            raise InvalidArgumentError(
                f"SQLAlchemy speaks to the server through {driver}, which cannot be shared",
                hint="use an engine with postgresql+asyncpg://",
            )

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        connection = await self._given.connection() if self._is_session else self._given
        result = await connection.exec_driver_sql(sql, arguments)
        return list(result.fetchall()) if result.returns_rows else []


class _Borrowed:
    """Statements on what was lent, one at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._one_at_a_time = asyncio.Lock()

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        async with self._one_at_a_time:
            return await self._asked(sql, arguments)

    @asynccontextmanager
    async def unit(self, *, snapshot: bool = False) -> AsyncIterator[Runner]:
        yield self

    async def _asked(self, sql: str, arguments: tuple[object, ...]) -> list[Row]:
        try:
            return list(await self._connection.fetch(sql, *arguments))
        except Exception as error:  # noqa: BLE001 - a vendor's call; SQLAlchemy wraps asyncpg's
            raise translated(_native(error), inside=True) from None


def _native(error: BaseException) -> BaseException:
    """What asyncpg raised, inside the wrappers of SQLAlchemy and of its adapter."""
    for _ in range(_DEEPEST):
        inner = getattr(error, "orig", None) or error.__cause__
        if inner is None or getattr(error, "sqlstate", None):
            break
        error = inner
    return error
