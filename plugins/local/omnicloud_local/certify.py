"""Worlds for the compatibility kit: a temporary folder whose clients share nothing else.

Imported by the kit alone, which must be installed.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from omnicloud.registry.provider import load
from omnicloud_local.config import LocalConfig
from omnicloud_local.plugin import omnicloud_providers
from omnicloud_tck.law import Ability
from omnicloud_tck.served import Lone
from omnicloud_tck.world import World

__all__ = ["local_world", "world"]


def local_world(open_: Callable[[LocalConfig, Any], Awaitable[Any]], **options: Any) -> World[Any]:
    """A world whose backend is one folder and whose clients share nothing else.

    Its crash leaves the files as they are at that moment, as ``kill -9`` does: what clients
    still hold in memory is lost.
    """
    root = Path(tempfile.mkdtemp(prefix="omnicloud-local-"))
    lives = [root / "life-0"]
    opening = Lone()

    def config(**more: Any) -> LocalConfig:
        return LocalConfig(path=lives[-1], **{"durability": "process", **options, **more})

    async def client() -> Any:
        return await open_(config(), opening)

    async def service(name: str) -> Any:
        return await open_(config(namespace=name), opening)

    async def restart() -> None:
        lives.append(root / f"life-{len(lives)}")
        await asyncio.to_thread(shutil.copytree, lives[-2], lives[-1])

    async def close() -> None:
        await opening.aclose()
        shutil.rmtree(root, ignore_errors=True)

    return World(
        client, restart=restart, close=close, cannot_happen=_CANNOT_HAPPEN, services=service
    )


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    open_: Any = load(provider.offers[contract].opens)
    return local_world(open_)


_CANNOT_HAPPEN = {
    Ability.OUTAGE: "embedded: there is no server that could be out of reach",
    Ability.STEP_WALL: "processes share only the wall clock, so times to live follow it",
}
