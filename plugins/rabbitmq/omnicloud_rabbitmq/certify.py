"""Worlds for the compatibility kit: a real broker behind the kit's proxy.

Imported by the kit alone, which must be installed. The broker is RabbitMQ of the system, with a
port mapper of its own, started once and kept for all worlds of a thread, each with names of its
own; ``OMNICLOUD_TEST_RABBITMQ_URL`` (amqp://HOST:PORT) names a running one instead, which the kit
does not kill.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pamqp import commands
from pamqp.base import Frame

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.errors import OmniCloudError
from omnicloud.registry.provider import load
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.config import RabbitConfig
from omnicloud_rabbitmq.plugin import omnicloud_providers
from omnicloud_tck import kept_servers as kept
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.servers import NoServerError, free_port
from omnicloud_tck.world import Backend, World

__all__ = ["KeptBroker", "kept_broker", "rabbit_world", "world"]

URL = "OMNICLOUD_TEST_RABBITMQ_URL"
_READY_SECONDS = 120.0
_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +A 16 +sbwt none"


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return rabbit_world(load(provider.offers[contract].opens))


def rabbit_world(open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = urlsplit(os.environ.get(URL, ""))
    service = f"tck-{uuid.uuid4().hex[:16]}"

    async def dial(port: int, lone: Lone) -> Any:
        settings = {"answer_timeout": 5.0, "connect_timeout": 5.0, **options}
        config = RabbitConfig(urls=(f"amqp://127.0.0.1:{port}",), **settings)
        if made.backend is None:
            await _swept(config, brokers)
            made.backend = Backend("RabbitMQ", await _version(config))
        driver = await open_(config, lone)
        brokers.append(driver.broker)
        return driver

    brokers: list[Broker] = []
    _left.append(brokers)
    if running.hostname:
        made = served_world(dial, server=None, port=running.port or 5672, service=service)
    else:
        made = served_world(dial, server=kept_broker(), service=service)
    return made


_left: list[list[Broker]] = []
"""Of each world the brokers on which it has made queues."""


async def _swept(config: RabbitConfig, but: list[Broker]) -> None:
    """Remove what worlds before have left: a broker slows down with thousands of queues."""
    old = [brokers for brokers in _left if brokers is not but]
    methods: list[Frame] = []
    for brokers in old:
        for broker in brokers:
            methods += [commands.Queue.Delete(queue=name) for name in broker.queues]
            methods += [commands.Exchange.Delete(exchange=name) for name in broker.exchanges]
            broker.queues.clear()
            broker.exchanges.clear()
        _left.remove(brokers)
    sweeper = Broker(config.model_copy(update={"answer_timeout": 60.0}), SYSTEM_CLOCK)
    try:
        if methods:
            await sweeper.ask(*methods)
    finally:
        await sweeper.aclose()


class KeptBroker(KeptServer):
    """A broker that worlds leave running, and the port mapper that Erlang wants.

    It is killed with all that it has started: the program is a script that starts the machine.
    """

    def __init__(self) -> None:
        self._mapper: subprocess.Popen[bytes] | None = None
        self._ports = (free_port(), free_port())
        super().__init__(self._command, _answers, within=_READY_SECONDS)

    async def start(self) -> None:
        """Start it, where it does not run."""
        if not self.running:
            self._start_mapper()
        await super().start()

    def kill(self) -> None:
        """End it without a word, and the machine below it."""
        process = self._process
        if process is not None and process.poll() is None:
            for child in _below(process.pid):
                _killed(child)
        super().kill()

    def end(self) -> None:
        """End it and remove its folder."""
        super().end()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()

    def _start_mapper(self) -> None:
        if self._mapper is None or self._mapper.poll() is not None:
            found = shutil.which("epmd") or _first("/usr/lib/erlang", "erts-*/bin/epmd")
            where = ("-port", str(self._ports[1]), "-address", "127.0.0.1")
            self._mapper = subprocess.Popen((found, *where), stdin=subprocess.DEVNULL)  # noqa: S603

    def _command(self, port: int, folder: Path) -> Sequence[str]:
        if not _PROGRAM.exists():
            raise NoServerError(
                f"there is no RabbitMQ to certify over: install rabbitmq-server, or set {URL}"
            )
        for name, text in (("plugins", "[]."), ("rabbit.conf", ""), ("adv.config", "[].")):
            (folder / name).write_text(text)
        settings = {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"omni{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_DIST_PORT": self._ports[0],
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
            "RABBITMQ_CONFIG_FILE": folder / "rabbit.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": folder / "adv.config",
            "RABBITMQ_CONF_ENV_FILE": folder / "none",
            "ERL_EPMD_PORT": self._ports[1],
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }
        return ("env", *(f"{name}={value}" for name, value in settings.items()), str(_PROGRAM))


def kept_broker() -> KeptServer:
    """The one broker of this thread."""
    return kept.kept_server(KeptBroker)


async def _answers(port: int) -> None:
    """A queue can be made: the port is open before that."""
    config = RabbitConfig(
        urls=(f"amqp://127.0.0.1:{port}",), answer_timeout=5.0, connect_timeout=5.0
    )
    broker = Broker(config, SYSTEM_CLOCK)
    try:
        await broker.count("ready")
    except OmniCloudError as error:
        await asyncio.sleep(0.1)
        raise OSError("it is not ready yet") from error
    finally:
        await broker.aclose()


async def _version(config: RabbitConfig) -> str:
    broker = Broker(config, SYSTEM_CLOCK)
    try:
        await broker.link()
    finally:
        await broker.aclose()
    return broker.version


def _below(parent: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after[1]) == parent:
            child = int(stat.parent.name)
            found += [child, *_below(child)]
    return found


def _killed(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _first(folder: str, pattern: str) -> str:
    found = next(Path(folder).glob(pattern), None)
    if found is None:
        raise NoServerError("there is no epmd, which comes with Erlang")
    return str(found)
