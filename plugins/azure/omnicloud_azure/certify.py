"""Worlds for the compatibility kit: a container of its own on an emulator behind the kit's proxy.

Imported by the kit alone, which must be installed. Azure cannot be had in a test: the server is
Azurite, started once and kept for all worlds of a thread. ``OMNICLOUD_TEST_AZURE_URL``
(http://ACCOUNT:KEY@HOST:PORT, the key percent-encoded) names a running one instead.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.http import Bounds, Wire
from omnicloud.errors import OmniCloudError
from omnicloud.registry.provider import load
from omnicloud_azure.azurite import ACCOUNT, KEY, VERSION, azurite
from omnicloud_azure.client import Client
from omnicloud_azure.config import AzureConfig
from omnicloud_azure.credentials import credentials_of
from omnicloud_azure.plugin import omnicloud_providers
from omnicloud_azure.signing import API_VERSION
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError
from omnicloud_tck.world import Backend, World

__all__ = ["azure_world", "kept_server", "made_container", "settings_of", "world"]

URL = "OMNICLOUD_TEST_AZURE_URL"
_OPTIONS: dict[str, Any] = {"answer_timeout": 15.0, "connect_timeout": 5.0, "lacks": ["durable"]}
"""It keeps what it was told in memory; on disk it would lose the last seconds when killed."""


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return azure_world(load(provider.offers[contract].opens))


def azure_world(open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = urlsplit(os.environ.get(URL, ""))
    container = f"tck-{uuid.uuid4().hex}"
    made = asyncio.Lock()
    worlds: list[World[Any]] = []

    async def dial(port: int, lone: Lone) -> Any:
        settings = {**settings_of(port, container), **_OPTIONS, **options}
        async with made:
            if worlds[0].backend is None:
                worlds[0].backend = await made_container(settings_of(port, container))
        return await open_(AzureConfig(**settings), lone)

    if running.hostname:
        worlds.append(served_world(dial, server=None, port=running.port or 80))
    else:
        worlds.append(served_world(dial, server=kept_server()))
    return worlds[0]


def settings_of(port: int, container: str) -> dict[str, Any]:
    """The settings of a client of the server on a port of this machine."""
    running = urlsplit(os.environ.get(URL, ""))
    account = unquote(running.username or ACCOUNT)
    return {
        "endpoint": f"http://127.0.0.1:{port}/{account}",
        "account": account,
        "container": container,
        "account_key": SecretStr(unquote(running.password or KEY)),
    }


def kept_server() -> KeptServer:
    """The one server of this thread."""
    return kept.kept_server(_emulator)


def _emulator() -> KeptServer:
    return azurite(_answers)


async def made_container(settings: dict[str, Any]) -> Backend:
    """Make the container, and say what the server is."""
    config, wire = AzureConfig(**settings), Wire(Bounds())
    try:
        client = Client(config, wire, await credentials_of(config, SYSTEM_CLOCK))
        answer = await client.ask("PUT", query={"restype": "container"})
    finally:
        await wire.aclose()
    if answer.status != 201:
        raise NoServerError(f"the server makes no container: it answers {answer.status}")
    name = answer.headers.get("server", f"Azurite {VERSION}")
    return Backend("Azure Blob Storage", API_VERSION, name.replace("Azurite-Blob/", "Azurite "))


async def _answers(port: int) -> None:
    wire = Wire(Bounds(timeout=5.0))
    try:
        await wire.ask("GET", f"http://127.0.0.1:{port}/{ACCOUNT}?comp=list", {})
    except OmniCloudError as error:
        await asyncio.sleep(0.1)
        raise OSError("it does not answer yet") from error
    finally:
        await wire.aclose()
