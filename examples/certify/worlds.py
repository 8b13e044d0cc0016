"""Worlds of libraries that live in this process or in a folder."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omnicloud.testing.virtual import LoopClock
from omnicloud_tck.law import Ability
from omnicloud_tck.world import World

__all__ = ["folder_world", "process_world"]

_NO_SERVER = "embedded: there is no server that could be out of reach"


def process_world(make: Callable[[], Any], *, virtual: bool = False) -> World[Any]:
    """A world whose clients are all one object, made inside the event loop.

    Args:
        make: Makes it; called once.
        virtual: Whether the library keeps time by the running event loop.
    """
    made: list[Any] = []

    async def client() -> Any:
        await asyncio.sleep(0)
        if not made:
            made.append(make())
        return made[0]

    no_server = {Ability.OUTAGE: _NO_SERVER}
    if virtual:
        return World(client, clock=LoopClock(), virtual=True, cannot_happen=no_server)
    return World(client, cannot_happen=no_server)


def folder_world(make: Callable[[Path], Any]) -> World[Any]:
    """A world whose clients are objects of their own over one temporary folder.

    The folder lies deep below another one, so that a name that climbs out of the library's
    root still writes nowhere but into what is removed at the end.
    """
    above = Path(tempfile.mkdtemp(prefix="omnicloud-certify-"))
    folder = above.joinpath(*("d" * 8), "root")
    folder.mkdir(parents=True)

    async def client() -> Any:
        await asyncio.sleep(0)
        return make(folder)

    async def close() -> None:
        await asyncio.to_thread(shutil.rmtree, above, ignore_errors=True)

    async def restart() -> None:
        """Files stay as they are."""
        await asyncio.sleep(0)

    return World(client, restart=restart, close=close, cannot_happen={Ability.OUTAGE: _NO_SERVER})
