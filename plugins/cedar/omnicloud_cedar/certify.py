"""Worlds for the compatibility kit: a temporary folder with one file of policies.

The kit's outage takes the folder away, as a disk that is not mounted does.

Imported by the kit alone, which must be installed.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from omnicloud_cedar.config import CedarConfig
from omnicloud_cedar.iam import engine_version, open_iam
from omnicloud_tck.served import Lone
from omnicloud_tck.world import Backend, World

__all__ = ["cedar_world", "world"]


def world(contract: str) -> World[Any]:
    """A fresh world of this provider; it serves one contract."""
    return cedar_world()


def cedar_world() -> World[Any]:
    """A world whose backend is one file and whose clients share nothing else.

    Its crash leaves the files as they are at that moment, as ``kill -9`` does.
    """
    root = Path(tempfile.mkdtemp(prefix="omnicloud-cedar-"))
    lives = [root / "life-0"]
    lives[0].mkdir()
    lone = Lone()

    async def client() -> Any:
        return await open_iam(CedarConfig(path=lives[-1] / "policies.cedar"), lone)

    async def restart() -> None:
        lives.append(root / f"life-{len(lives)}")
        await asyncio.to_thread(shutil.copytree, lives[-2], lives[-1])

    async def outage() -> AsyncIterator[None]:
        away = lives[-1].rename(root / "away")
        try:
            yield
        finally:
            away.rename(lives[-1])

    async def close() -> None:
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)

    return World(
        client,
        restart=restart,
        close=close,
        outage=outage,
        backend=Backend("Cedar (cedarpy)", engine_version()),
    )
