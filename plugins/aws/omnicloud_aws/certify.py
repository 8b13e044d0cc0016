"""Worlds for the compatibility kit: names of their own in an emulator behind the kit's proxy.

Imported by the kit alone, which must be installed, and ``moto[server]`` with it. The emulator
is started once and kept for all worlds of a thread; ``OMNICLOUD_TEST_AWS_URL``
(http://ACCESS:SECRET@HOST:PORT) names one that runs already, which the kit does not kill.
"""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Sequence
from http.client import HTTPConnection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from pydantic import SecretStr

from omnicloud.registry.provider import load
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.plugin import omnicloud_providers
from omnicloud_tck import kept_servers
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError
from omnicloud_tck.world import Backend, World

__all__ = ["aws_world", "kept_server", "settings", "world"]

URL = "OMNICLOUD_TEST_AWS_URL"
_READY_SECONDS = 60.0
_SERVICES = {
    "documents": ("Amazon DynamoDB", "2012-08-10"),
    "kv": ("Amazon DynamoDB", "2012-08-10"),
    "messaging": ("Amazon SNS and SQS", "2010-03-31, 2012-11-05"),
    "secrets": ("AWS Secrets Manager", "2017-10-17"),
}
"""By contract, the service and the version of its interface."""


class _Emulator(KeptServer):
    """One that forgets all when no world is left: it gets slow."""

    _worlds = 0

    async def start(self) -> None:
        """Start it, where it does not run, for one world more."""
        self._worlds += 1
        await super().start()

    async def restart(self) -> None:
        """Kill it and start it again, which leaves it empty."""
        self.kill()
        await super().start()

    def remove(self) -> None:
        """Leave it to the end of this process, empty when no world is left."""
        self._worlds -= 1
        if self._worlds <= 0 and self.running:
            try:
                with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as line:
                    line.request("POST", "/moto-api/reset")
                    line.getresponse().read()
            except OSError:  # it is too busy to forget: the next one starts empty as well
                self.kill()


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return aws_world(contract, load(provider.offers[contract].opens))


def aws_world(contract: str, open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = urlsplit(os.environ.get(URL, ""))
    name = f"tck-{uuid.uuid4().hex}"

    async def dial(port: int, lone: Lone) -> Any:
        return await open_(settings(port, name, **options), lone)

    if running.hostname:
        made = served_world(dial, server=None, port=running.port or 80)
    else:
        made = served_world(dial, server=kept_server())
    service, interface = _SERVICES[contract]
    made.backend = Backend(service, interface, emulator=_emulator())
    return made


def settings(port: int, name: str, **options: Any) -> AWSConfig:
    """Settings of a client that has ``name`` for itself."""
    running = urlsplit(os.environ.get(URL, ""))
    own: dict[str, Any] = {"endpoint": f"http://127.0.0.1:{port}", "prefix": f"{name}/"}
    table = {"table": name, "create_table": True, "partitions": 2}
    messages = {"namespace": name, "look_seconds": 0}
    patience = {"answer_timeout": 10.0, "connect_timeout": 5.0, "watch_every": 0.2}
    return AWSConfig(
        access_key=unquote(running.username or "any"),
        secret_key=SecretStr(unquote(running.password or "any")),
        **{**own, **table, **messages, **patience, **options},
    )


def kept_server() -> KeptServer:
    """The one server of this thread, which is not started yet."""
    return kept_servers.kept_server(_moto)


def _moto() -> KeptServer:
    _emulator()

    def command(port: int, folder: Path) -> Sequence[str]:
        return (sys.executable, "-m", "omnicloud_aws.emulator", str(port))

    return _Emulator(command, _ready, within=_READY_SECONDS)


def _emulator() -> str:
    if os.environ.get(URL):
        return "what OMNICLOUD_TEST_AWS_URL names"
    try:
        return f"moto {version('moto')}"
    except PackageNotFoundError:
        raise NoServerError(
            f"there is no emulator of AWS to certify over: install moto[server], or set {URL}"
        ) from None


async def _ready(port: int) -> None:
    try:
        url = f"http://127.0.0.1:{port}/moto-api/"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()
    except aiohttp.ClientError as error:
        raise OSError("it does not answer yet") from error
