"""A real server for one test, and the ways to open drivers on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from omnicloud_nats.certify import nats_server
from omnicloud_nats.config import NatsConfig
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

    def config(self, **options: Any) -> NatsConfig:
        """Settings of a client that reaches the server through the proxy."""
        url = f"nats://127.0.0.1:{self.proxy.port}"
        return NatsConfig(
            **{"url": url, "answer_timeout": 10.0, "connect_timeout": 10.0, **options}
        )

    async def open(self, opener: Callable[[NatsConfig, Any], Awaitable[D]], **options: Any) -> D:
        """One more driver."""
        return await opener(self.config(**options), self.lone)


@asynccontextmanager
async def bench(**settings: str) -> AsyncIterator[Bench]:
    """A server started with these settings."""
    server, lone = nats_server(**settings), Lone()
    try:
        await server.start()
        async with Proxy(server.port) as proxy:
            yield Bench(server, proxy, lone)
            await lone.aclose()
    finally:
        await lone.aclose()
        server.remove()
