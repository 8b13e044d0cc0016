"""Worlds for the compatibility kit: a real server behind the kit's proxy.

Imported by the kit alone, which must be installed. The server is ``etcd`` of the system, started
once and kept for all worlds of a thread, each with names of its own;
``OMNICLOUD_TEST_ETCD_URL`` (http://HOST:PORT) names a running one instead, which the kit does not
kill.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.errors import OmniCloudError
from omnicloud.registry.provider import load
from omnicloud_etcd.client import Client
from omnicloud_etcd.config import EtcdConfig
from omnicloud_etcd.plugin import omnicloud_providers
from omnicloud_etcd.wire import Range
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError, free_port
from omnicloud_tck.world import Backend, World

__all__ = ["etcd_server", "etcd_world", "kept_server", "world"]

URL = "OMNICLOUD_TEST_ETCD_URL"
_READY_SECONDS = 60.0


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return etcd_world(load(provider.offers[contract].opens))


def etcd_world(open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = urlsplit(os.environ.get(URL, ""))
    service = f"tck-{uuid.uuid4().hex}"

    async def dial(port: int, lone: Lone) -> Any:
        settings = {"answer_timeout": 2.5, "connect_timeout": 5.0, **options}
        config = EtcdConfig(urls=(f"http://127.0.0.1:{port}",), **settings)
        if made.backend is None:
            made.backend = Backend("etcd", await _version(config))
        return await open_(config, lone)

    if running.hostname:
        made = served_world(dial, server=None, port=running.port or 2379, service=service)
    else:
        made = served_world(dial, server=kept_server(), service=service)
    return made


def kept_server() -> KeptServer:
    """The one server of this thread."""
    return kept.kept_server(etcd_server)


def etcd_server(*arguments: str) -> KeptServer:
    """A server that is not started yet; ``arguments`` are further flags.

    What it acknowledges is in the hands of the system, not on the disk: it is killed, the machine
    is not.

    Raises:
        NoServerError: There is no such program.
    """
    binary = shutil.which("etcd")
    if binary is None:
        raise NoServerError(f"there is no etcd to certify over: install etcd-server, or set {URL}")
    peer = f"http://127.0.0.1:{free_port()}"

    def command(port: int, folder: Path) -> Sequence[str]:
        client = f"http://127.0.0.1:{port}"
        return (
            *(binary, "--name", "tck", "--data-dir", str(folder / "data")),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"tck={peer}", "--log-level", "warn", "--unsafe-no-fsync"),
            *arguments,
        )

    return KeptServer(command, _answers, within=_READY_SECONDS)


async def _answers(port: int) -> None:
    config = EtcdConfig(urls=(f"http://127.0.0.1:{port}",), answer_timeout=2.0)
    client = Client(config, SYSTEM_CLOCK)
    try:
        await client.range(Range(key=b"ready"))
    except OmniCloudError as error:
        await asyncio.sleep(0.02)
        raise OSError("it is not ready yet") from error
    finally:
        await client.aclose()


async def _version(config: EtcdConfig) -> str:
    client = Client(config, SYSTEM_CLOCK)
    try:
        await client.meet()
    finally:
        await client.aclose()
    return client.version
