"""A fresh backend for the compatibility kit: a temporary folder."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from omnicloud_shelf.kv import ShelfKV
from omnicloud_tck.law import Ability
from omnicloud_tck.world import World

__all__ = ["world"]

_EMBEDDED = "embedded: there is no server that could be out of reach"
_NO_TIME = "nothing in it depends on a clock"


def world(contract: str) -> World[Any]:
    """A folder that no other world sees; ``contract`` is always ``kv``."""
    folder = Path(tempfile.mkdtemp(prefix=f"omnicloud-shelf-{contract}-"))

    async def client() -> ShelfKV:
        await asyncio.sleep(0)
        return ShelfKV(folder)

    async def restart() -> None:
        """Files stay as they are, and nothing else is held."""
        await asyncio.sleep(0)

    async def close() -> None:
        await asyncio.to_thread(shutil.rmtree, folder)

    return World(
        client,
        restart=restart,
        close=close,
        cannot_happen={Ability.OUTAGE: _EMBEDDED, Ability.STEP_WALL: _NO_TIME},
    )
