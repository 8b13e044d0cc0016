"""Worlds for the compatibility kit: a temporary folder whose containers end with the world.

Imported by the kit alone, which must be installed.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

from omnicloud.contracts.containers.driver import Find, Remove
from omnicloud_process.config import ProcessConfig
from omnicloud_process.containers import open_containers
from omnicloud_tck.containers import EngineWorld
from omnicloud_tck.law import Ability
from omnicloud_tck.served import Lone
from omnicloud_tck.world import Backend, World

__all__ = ["process_world", "world"]

_SERVICES = ("tck", "elsewhere")


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    return process_world()


def process_world(**options: Any) -> World[Any]:
    """A world of one folder; ``options`` are settings."""
    root = Path(tempfile.mkdtemp(prefix="omnicloud-process-"))
    # Small files, so that logs rotate while they are followed.
    settings = {"path": root, "log_bytes": 32 << 10, "log_files": 20, **options}
    lent: set[str] = set()

    async def client(service: str) -> Any:
        return await open_containers(ProcessConfig(**settings), Lone(service=service))

    async def service(name: str) -> Any:
        lent.add(name)
        return await client(name)

    async def close() -> None:
        for name in (*_SERVICES, *lent):
            driver = await client(name)
            for one in await driver.find(Find()):
                await driver.remove(Remove(one.name, force=True))
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)

    return EngineWorld(
        lambda: client(_SERVICES[0]),
        lambda: client(_SERVICES[1]),
        close=close,
        services=service,
        cannot_happen=_CANNOT_HAPPEN,
        backend=Backend("processes", f"{platform.system()} {platform.release()}"),
    )


_CANNOT_HAPPEN = {
    Ability.OUTAGE: "there is no server between the client and its processes",
}
