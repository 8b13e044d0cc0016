"""Worlds for the compatibility kit: projects on a real Barbican behind the kit's proxy.

Imported by the kit alone, which must be installed. ``OMNICLOUD_TEST_BARBICAN_URL``
(http://HOST:PORT, without Keystone) names a server that runs already, which the kit does not kill.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omnicloud.core.http import Bounds, Wire
from omnicloud.registry.provider import load
from omnicloud_barbican.config import BarbicanConfig
from omnicloud_barbican.environment import installed
from omnicloud_barbican.plugin import omnicloud_providers
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.world import Backend, World

__all__ = ["barbican", "kept_server", "settings", "world"]

URL = "OMNICLOUD_TEST_BARBICAN_URL"
_READY_SECONDS = 90.0
_SERVING = Path(__file__).with_name("serving.py")


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    open_: Any = load(provider.offers[contract].opens)
    running = urlsplit(os.environ.get(URL, ""))
    project = f"tck-{uuid.uuid4().hex}"

    async def dial(port: int, lone: Lone) -> Any:
        return await open_(settings(port, project), lone)

    if running.hostname:
        made = served_world(dial, server=None, port=running.port or 9311)
        made.backend = Backend("OpenStack Barbican", "unknown")
    else:
        made = served_world(dial, server=kept_server())
        made.backend = Backend("OpenStack Barbican", _version())
    return made


def settings(port: int, project: str, **options: Any) -> BarbicanConfig:
    """Settings of a client of a project."""
    patience = {"answer_timeout": 15.0, "connect_timeout": 5.0, "watch_every": 0.2}
    own = {"endpoint": f"http://127.0.0.1:{port}", "project": project}
    return BarbicanConfig(**{**own, **patience, **options})


def kept_server() -> KeptServer:
    """The one server of this thread."""
    return kept.kept_server(barbican)


def barbican() -> KeptServer:
    """A server that is not started yet."""
    python = installed() / "bin" / "python"

    def command(port: int, folder: Path) -> Sequence[str]:
        return (str(python), "-I", str(_SERVING), str(port), str(folder))

    return KeptServer(command, _answers, within=_READY_SECONDS)


def _version() -> str:
    found = sorted(installed().glob("lib/python*/site-packages/barbican-*.dist-info"))
    return found[-1].name.removeprefix("barbican-").removesuffix(".dist-info") if found else "23"


async def _answers(port: int) -> None:
    """It lists secrets: its port is open before its database is there."""
    wire = Wire(Bounds(timeout=5.0, connect_timeout=1.0))
    who = {"x-project-id": "ready", "x-roles": "creator"}
    try:
        answer = await wire.ask("GET", f"http://127.0.0.1:{port}/v1/secrets?limit=1", who)
        if answer.status != 200:
            raise OSError(f"it answers {answer.status}")
    except Exception as error:
        await asyncio.sleep(0.1)
        raise OSError("it does not answer yet") from error
    finally:
        await wire.aclose()
