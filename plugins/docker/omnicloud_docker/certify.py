"""Worlds for the compatibility kit: a real engine, started once, and a part of it for each world.

Imported by the kit alone, which must be installed. It starts ``dockerd`` on a private socket in
a temporary folder, which needs root and the packages ``docker.io`` and ``busybox-static``;
``OMNICLOUD_TEST_DOCKER_URL`` (unix:///PATH) names a running engine instead, which the kit does
not kill and which must have an image ``omnicloud-tck:local`` with ``sh`` in it.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from omnicloud.contracts.containers.attached import (
    ListNetworks,
    ListVolumes,
    RemoveNetwork,
    RemoveVolume,
)
from omnicloud.contracts.containers.driver import Find, Remove
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.containers import open_containers
from omnicloud_docker.daemon import IMAGE, Daemon
from omnicloud_tck.containers import EngineWorld
from omnicloud_tck.served import Lone
from omnicloud_tck.world import Backend, World

__all__ = ["docker_world", "the_daemon", "world"]

URL = "OMNICLOUD_TEST_DOCKER_URL"
_DAEMONS: list[Daemon] = []
_MAKING = threading.Lock()  # the kit tries laws in several threads


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    return docker_world()


def the_daemon() -> Daemon:
    """The engine of this process, started at the first asking and stopped with the process."""
    with _MAKING:
        if not _DAEMONS:
            _DAEMONS.append(Daemon())
        return _DAEMONS[0]


def docker_world(**options: Any) -> World[Any]:
    """A world of two services on one engine; ``options`` are settings."""
    running = os.environ.get(URL)
    return _World(None if running else the_daemon(), running, options).world()


class _World:
    """Reaches the engine by a link of its own, so that it can be out of reach for it alone."""

    def __init__(self, daemon: Daemon | None, running: str | None, options: dict[str, Any]) -> None:
        self._daemon = daemon
        self._options = options
        self._id = uuid.uuid4().hex[:12]
        socket = daemon.socket if daemon else Path((running or "").removeprefix("unix://"))
        self._socket = socket
        self._drivers: list[Any] = []
        self._services = {"ours", "theirs"}
        self._link = Path(f"/tmp/omnicloud-{self._id}.sock")  # noqa: S108 - short, as sockets need

    def world(self) -> World[Any]:
        made: World[Any] = EngineWorld(
            lambda: self._client("ours"),
            lambda: self._client("theirs"),
            restart=None if self._daemon is None else self._restart,
            outage=self._outage,
            close=self._close,
            services=self._client,
        )
        self._made = made
        return made

    async def _client(self, service: str) -> Any:
        self._services.add(service)
        if self._daemon is not None:
            await self._daemon.start()
        if not self._link.is_symlink():
            self._link.symlink_to(self._socket)
        driver = await self._opened(service)
        self._drivers.append(driver)
        self._made.backend = Backend("Docker Engine", driver.server_version)
        return driver

    async def _opened(self, service: str) -> Any:
        settings = {
            "url": f"unix://{self._link}",
            "default_image": IMAGE,
            "network": "none",
            "log_bytes": 64 << 10,
            "log_files": 20,
            **self._options,
        }
        return await open_containers(
            DockerConfig(**settings), Lone(service=f"tck-{self._id}-{service}")
        )

    async def _restart(self) -> None:
        # Clients of before the crash are forgotten by the world: their sessions end here.
        while self._drivers:
            await self._drivers.pop().aclose()
        if self._daemon is not None:
            await self._daemon.restart()

    async def _outage(self) -> AsyncIterator[None]:
        self._link.unlink()
        try:
            yield
        finally:
            self._link.symlink_to(self._socket)

    async def _close(self) -> None:
        if not self._link.is_symlink():
            return
        for service in self._services:
            driver = await self._opened(service)
            try:
                for one in await driver.find(Find()):
                    await driver.remove(Remove(one.name, force=True))
                for network in await driver.list_networks(ListNetworks()):
                    await driver.remove_network(RemoveNetwork(network))
                for volume in await driver.list_volumes(ListVolumes()):
                    await driver.remove_volume(RemoveVolume(volume))
            finally:
                await driver.aclose()
        self._link.unlink()
