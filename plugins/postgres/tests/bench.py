"""A real server for one test, and the ways to open drivers on it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.server import PostgresServer, postgres_server, some_server
from omnicloud_postgres.store import Store
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.served import Lone

D = TypeVar("D")


class Together(Lone):
    """An opening whose services share one client, as within a cloud."""

    def __init__(self) -> None:
        super().__init__(service=f"test-{uuid.uuid4().hex}")
        self._by_key: dict[Hashable, Any] = {}

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self._by_key:
            self._by_key[key] = await super().share(key, open_)
        return self._by_key[key]


class Bench:
    """A server, the proxy before it, and clients of it."""

    def __init__(self, server: PostgresServer, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.opening = Together()
        self.database = "postgres"

    def config(self, **options: Any) -> PostgresConfig:
        """Settings of a client that reaches the server through the proxy."""
        settings = {
            "url": f"postgresql://127.0.0.1:{self.proxy.port}/{self.database}",
            "username": "postgres",
            "answer_timeout": 10.0,
            "connect_timeout": 10.0,
            **options,
        }
        return PostgresConfig(**settings)

    async def open(self, opener: Callable[[Any, Any], Awaitable[D]], **options: Any) -> D:
        """One more driver; those of equal settings share their client."""
        return await opener(self.config(**options), self.opening)

    def store(self, **options: Any) -> Store:
        """A store that asks the server nothing when it is opened; the test closes it."""
        return Store(self.config(**options), self.opening.clock)

    @property
    def dsn(self) -> str:
        """Where an application's own client finds the server."""
        return f"postgresql://postgres@127.0.0.1:{self.server.port}/{self.database}"

    async def move(self) -> None:
        """Go on in a database of its own, in which nothing has been made."""
        name = f"d{uuid.uuid4().hex}"
        async with self.native() as admin:
            await admin.execute(f"CREATE DATABASE {name}")
        self.database = name

    @asynccontextmanager
    async def native(self) -> AsyncIterator[Any]:
        """An application's own connection, not through the proxy."""
        connection = await asyncpg.connect(self.dsn, ssl=False)
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def bench(*settings: str) -> AsyncIterator[Bench]:
    """A server with these settings; one that others use too, where there are none."""
    server = postgres_server(*settings) if settings else some_server()
    try:
        await server.start()
        async with Proxy(server.port) as proxy:
            one = Bench(server, proxy)
            try:
                yield one
            finally:
                await one.opening.aclose()
    finally:
        if settings:
            server.end()
        else:
            server.remove()
