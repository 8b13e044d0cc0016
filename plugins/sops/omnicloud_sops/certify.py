"""Worlds for the compatibility kit: a temporary folder with one SOPS file and one identity.

Imported by the kit alone, which must be installed. The kit's outage takes the folder away, as
a disk that is not mounted does.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]  # it ships no types
from pydantic import SecretStr

from omnicloud_sops.config import SopsConfig
from omnicloud_sops.secrets import open_secrets
from omnicloud_tck.law import Ability
from omnicloud_tck.served import Lone
from omnicloud_tck.world import Backend, World

__all__ = ["sops_world", "world"]

_NO_WIRE = "in process over a file: nothing is sent to a server"


def world(contract: str) -> World[Any]:
    """A fresh world of this provider; it serves one contract."""
    return sops_world()


def sops_world() -> World[Any]:
    """A world whose backend is one file and whose clients share nothing else.

    Its crash leaves the files as they are at that moment, as ``kill -9`` does.
    """
    root = Path(tempfile.mkdtemp(prefix="omnicloud-sops-"))
    lives = [root / "life-0"]
    lives[0].mkdir()
    lone = Lone()
    identity = SecretStr(str(pyrage.x25519.Identity.generate()))

    async def client() -> Any:
        path = lives[-1] / "secrets.json"
        return await open_secrets(SopsConfig(path=path, identity=identity, create=True), lone)

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
        outage=outage,
        close=close,
        cannot_happen=dict.fromkeys((Ability.SLOW, Ability.PARTITION, Ability.CUT), _NO_WIRE),
        backend=Backend("SOPS file, age by pyrage", version("pyrage")),
    )
