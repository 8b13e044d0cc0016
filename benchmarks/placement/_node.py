"""The node of B6: one core of this machine under a real Docker Engine, and services in containers.

The image is made of this interpreter and the modules that the service imports, so that no
registry is needed. Everything else, the engine and the clients too, is kept on another core.
``OMNICLOUD_TEST_DOCKER_URL`` (unix:///PATH) names a running engine of this machine instead of one
that is started for this; it keeps its own core and its other containers.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from omnicloud.contracts.containers import Containers, ContainerSpec, Stats
from omnicloud.contracts.containers.driver import Sample
from omnicloud.contracts.containers.images import ImportImage, RemoveImage
from omnicloud.core.pipeline import Pipeline
from omnicloud_docker.certify import URL
from omnicloud_docker.client import EngineClient
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.containers import open_containers
from omnicloud_docker.daemon import Daemon
from omnicloud_docker.images import DockerImages
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import NoServerError

R = TypeVar("R")

NODE_CORE, OTHER_CORE = 1, 0
WORK_SECONDS = 0.004
_IMAGE = "omnicloud-b6:local"
_PROGRAM = Path(__file__).parent / "_service.py"
_FIRST_PORT = 21_000  # below those that the kernel gives to clients
_AT_ONCE = 4
_BEGIN_SECONDS = 60.0
_MEMORY = 64 << 20
_HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Node:
    """Services that run, all on one core, by name with their ports."""

    containers: Containers
    ports: dict[str, int]

    async def limit(self, limits: Mapping[str, float]) -> None:
        """Give each of these services its processor limit."""
        await _each(list(limits), lambda name: self.containers.update(name, cpu=limits[name]))

    async def counters(self, names: Sequence[str]) -> list[Stats]:
        """What the engine counts of these services."""
        ask = self.containers.pipeline.send
        return await _each(names, lambda name: ask(Sample(name)), at_once=64)  # all at one tick


def busy_seconds() -> float:
    """How long the node's core has worked since the machine began, for whomever."""
    lines = Path("/proc/stat").read_text().splitlines()
    fields = next(line.split() for line in lines if line.startswith(f"cpu{NODE_CORE} "))
    user, nice, system, _, _, irq, softirq, *_ = map(int, fields[1:])
    return (user + nice + system + irq + softirq) / _HERTZ


@asynccontextmanager
async def node_of(services: int) -> AsyncIterator[Node]:
    """An engine with so many services on the node's core, ended with the block.

    Raises:
        NoServerError: No engine can be started on this machine.
    """
    before = _cores()
    os.sched_setaffinity(0, {OTHER_CORE})  # the engine inherits it, and the clients
    try:
        async with _engine() as url, _client(url) as raw, _image(raw), _opened(url) as containers:
            ports = {f"s{n:02}": _FIRST_PORT + n for n in range(services)}
            try:
                await _each(list(ports), lambda name: _begun(containers, raw, name, ports[name]))
                yield Node(containers, ports)
            finally:
                begun = [one.name for one in await containers.list()]
                await _each(begun, lambda name: containers.remove(name, force=True))
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def _engine() -> AsyncIterator[str]:
    """Where the engine is: one that was named, or one that is started and ended here."""
    running = os.environ.get(URL)
    if running:
        yield running
        return
    daemon = Daemon()
    try:
        await daemon.start()
        _first_in_line(daemon)
        yield daemon.url
    finally:
        await asyncio.to_thread(daemon.remove)


def _cores() -> set[int]:
    """The cores that this process may use, if the node's and another are among them."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if not {NODE_CORE, OTHER_CORE} <= mine:
        raise NoServerError(f"cores {OTHER_CORE} and {NODE_CORE} of a Linux are needed")
    return mine


def _first_in_line(daemon: Daemon) -> None:
    """Let other programs of the machine have of the node's core what the services leave.

    They are the node's only ones in a cluster; it changes nothing between the services.
    """
    group = Path("/sys/fs/cgroup/cpu") / daemon.socket.parent.name
    with contextlib.suppress(OSError):  # version 2: other programs are kept away by hand
        group.mkdir(exist_ok=True)
        (group / "cpu.shares").write_text("262144")


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[EngineClient]:
    client = EngineClient(DockerConfig(url=url))
    try:
        await client.meet()
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Containers]:
    config = DockerConfig(url=url, default_image=_IMAGE, network="host")
    containers = Containers(Pipeline(await open_containers(config, Lone(service="b6"))))
    try:
        yield containers
    finally:
        await containers.aclose()


async def _begun(containers: Containers, raw: EngineClient, name: str, port: int) -> None:
    """Start a service, put it on the node's core, and wait until it answers."""
    command = (os.path.realpath(sys.executable), "-I", "-S", "/service.py")
    env = {"PORT": str(port), "WORK_SECONDS": str(WORK_SECONDS)}
    spec = ContainerSpec(name=name, command=command, env=env, cpu=1.0, memory_bytes=_MEMORY)
    made = await containers.run(spec)
    core = {"CpusetCpus": str(NODE_CORE)}  # the contract has no such word: it is the node
    await raw.ask("POST", f"/containers/{made.id}/update", body=core)
    async with asyncio.timeout(_BEGIN_SECONDS):
        async for line in containers.logs(name, follow=True):
            if line.text == "ready":
                return
            raise RuntimeError(f"{name} does not begin: {line.text}")


async def _each(
    names: Sequence[str], work: Callable[[str], Awaitable[R]], at_once: int = _AT_ONCE
) -> list[R]:
    turns = asyncio.Semaphore(at_once)

    async def one(name: str) -> R:
        async with turns:
            return await work(name)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one(name)) for name in names]
    return [task.result() for task in running]


@asynccontextmanager
async def _image(raw: EngineClient) -> AsyncIterator[None]:
    """Make the image, and remove it again."""
    images = DockerImages(raw)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "root.tar"
        await asyncio.to_thread(_write_root, archive)
        await images.import_image(ImportImage(_IMAGE, path=str(archive)))
    try:
        yield
    finally:
        await images.remove_image(RemoveImage(_IMAGE))


def _write_root(archive: Path) -> None:
    """A root file system: the interpreter, what it loads, and the program."""
    with tarfile.open(archive, "w") as tar:
        for folder in ("tmp", "etc", "proc", "dev", "sys"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for path in sorted(_needed()):
            data = Path(path).read_bytes()
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
        tar.add(_PROGRAM, "service.py")


def _needed() -> set[str]:
    """Files of the interpreter, of the modules that the program imports, and their libraries."""
    python = os.path.realpath(sys.executable)
    imports = "import encodings.idna, hashlib, os, select, socket, time, sys, json\n"
    files = "[m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)]"
    told = subprocess.run(
        [python, "-I", "-S", "-c", imports + f"print(json.dumps({files}))"],
        capture_output=True,
        check=True,
    )
    found = {python, *json.loads(told.stdout)}
    return found | {library for file in found for library in _libraries(file)}


def _libraries(file: str) -> Iterator[str]:
    """The shared libraries that a program or a module is linked with."""
    if file.endswith(".py"):
        return
    told = subprocess.run(["/usr/bin/ldd", file], capture_output=True, check=False)
    yield from re.findall(r"(/\S+) \(0x", told.stdout.decode())
