"""A real server for one test, and the ways to open drivers on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from omnicloud_redis.certify import redis_server
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.store import Store
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import ServerProcess

D = TypeVar("D")


class Bench:
    """A server, the proxy before it, and clients of it."""

    def __init__(self, server: ServerProcess, proxy: Proxy, lone: Lone) -> None:
        self.server = server
        self.proxy = proxy
        self.lone = lone

    def config(self, **options: Any) -> RedisConfig:
        """Settings of a client that reaches the server through the proxy."""
        url = f"redis://127.0.0.1:{self.proxy.port}/0"
        return RedisConfig(
            **{"url": url, "answer_timeout": 10.0, "connect_timeout": 10.0, **options}
        )

    async def open(self, opener: Callable[[RedisConfig, Any], Awaitable[D]], **options: Any) -> D:
        """One more driver."""
        return await opener(self.config(**options), self.lone)

    async def store(self, **options: Any) -> Store:
        """A store that asks the server nothing when it is opened; the test closes it."""
        return Store(self.config(**options), self.lone.clock)


@asynccontextmanager
async def bench(*arguments: str) -> AsyncIterator[Bench]:
    """A server started with these arguments."""
    server, lone = redis_server(*arguments), Lone()
    try:
        await server.start()
        async with Proxy(server.port) as proxy:
            yield Bench(server, proxy, lone)
            await lone.aclose()
    finally:
        await lone.aclose()
        server.remove()
