"""The containers contract over supervised processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from omnicloud.contracts.containers import (
    Container,
    ContainersFeature,
    ContainersLimits,
    Event,
    EventKind,
    ExecResult,
    LogLine,
    State,
    Stats,
    Stream,
)
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.lacking import WithoutAttached, WithoutImages
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.contracts.containers.restarts import begun_anew
from omnicloud.core.clock import Clock
from omnicloud.core.disks import disk_below
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, InvalidArgumentError, NotFoundError
from omnicloud_process.commands import run_beside
from omnicloud_process.config import ProcessConfig
from omnicloud_process.errors import translated
from omnicloud_process.home import Home
from omnicloud_process.plugin import DECLARED
from omnicloud_process.supervise.cgroups import permitted, permitted_on
from omnicloud_process.supervise.segments import Place, Reader
from omnicloud_process.usage import used

__all__ = ["ProcessContainers", "open_containers"]

P = ParamSpec("P")
R = TypeVar("R")

_POLL_SECONDS = 0.03
_LIMITS = frozenset({ContainersFeature.CPU, ContainersFeature.MEMORY, ContainersFeature.THROTTLING})
_RATES = frozenset({ContainersFeature.IO, ContainersFeature.IO_UPDATE})


class ProcessContainers(WithoutImages, WithoutAttached):
    """A containers driver whose containers are folders with a supervisor each."""

    def __init__(self, home: Home, clock: Clock, features: frozenset[Feature]) -> None:
        self._home = home
        self._clock = clock
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> ContainersLimits:
        return ContainersLimits()

    async def run(self, op: ops.Run, /) -> Container:
        return await _threaded(self._home.make, op.spec)

    async def inspect(self, op: ops.Inspect, /) -> Container | None:
        try:
            return await _threaded(self._home.get, op.container)
        except NotFoundError:
            return None

    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        wanted = op.labels.items()
        return tuple(
            one
            for one in await _threaded(self._home.all)
            if one.name.startswith(op.prefix) and wanted <= dict(one.labels).items()
        )

    async def start(self, op: ops.Start, /) -> Container:
        return await _threaded(self._home.start, op.container)

    async def stop(self, op: ops.Stop, /) -> Container:
        found = asked = await _threaded(self._home.ask_to_end, op.container, op.grace)
        while found.state is not State.EXITED and not begun_anew(found, asked):
            await self._clock.sleep(_POLL_SECONDS)
            found = await _threaded(self._home.get, op.container)
        return found

    async def restart(self, op: ops.Restart, /) -> Container:
        await self.stop(op)
        return await _threaded(self._home.start, op.container)

    async def pause(self, op: ops.Pause, /) -> Container:
        return _running(await _threaded(self._home.order, op.container, "pause", "paused"))

    async def unpause(self, op: ops.Unpause, /) -> Container:
        return _running(await _threaded(self._home.order, op.container, "unpause", "running"))

    async def remove(self, op: ops.Remove, /) -> bool:
        return await _threaded(self._home.remove, op.container, force=op.force)

    async def rest(self, op: ops.Rest, /) -> Container:
        until = self._clock.monotonic() + op.wait
        while True:
            found = await _threaded(self._home.get, op.container)
            if found.state is State.EXITED or self._clock.monotonic() >= until:
                return found
            await self._clock.sleep(_POLL_SECONDS)

    async def update(self, op: ops.Update, /) -> Container:
        return await _threaded(self._home.limit, op.container, op.limits)

    async def logs(self, op: ops.Logs, /) -> LogPage:
        place, until = _placed(op.cursor), self._clock.monotonic() + op.wait
        reader = Reader(self._home.logs(op.container))
        while True:
            # Looked at before reading: what an ended container said is all there.
            found = await _threaded(self._home.get, op.container)
            records, place = await _threaded(reader.read, place, op.limit)
            ended = found.state is State.EXITED and not records
            if records or ended or self._clock.monotonic() >= until:
                lines = tuple(_line(head, body) for head, body in records)
                return LogPage(lines, f"{place[0]}:{place[1]}", ended)
            await self._clock.sleep(_POLL_SECONDS)

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        launched, standing = await _threaded(self._home.launched, op.container)
        if standing["state"] != "running":
            raise ConflictError("the container does not run")
        groups = await _threaded(self._home.groups, op.container)
        most = self.limits.exec_output_max_bytes
        return await run_beside(
            op.command, launched["env"], launched["cwd"], groups, wait=op.wait, most=most
        )

    async def sample(self, op: ops.Sample, /) -> Stats:
        _, standing = await _threaded(self._home.launched, op.container)
        if not standing["pid"]:
            raise ConflictError("the container does not run")
        groups = await _threaded(self._home.groups, op.container)
        return await _threaded(used, standing["pid"], self._clock.wall(), groups)

    async def events(self, op: ops.Events, /) -> EventPage:
        reader = Reader(self._home.events)
        if op.cursor is None:
            place = await _threaded(reader.end)
            return EventPage((), f"{place[0]}:{place[1]}")
        place, until = _placed(op.cursor), self._clock.monotonic() + op.wait
        while True:
            records, place = await _threaded(reader.read, place, 1000)
            told = tuple(_event(body) for _, body in records)
            found = tuple(event for event in told if event.name.startswith(op.prefix))
            if found or self._clock.monotonic() >= until:
                return EventPage(found, f"{place[0]}:{place[1]}")
            await self._clock.sleep(_POLL_SECONDS)

    async def aclose(self) -> None:
        """Nothing is held: supervisors belong to their containers."""
        await asyncio.sleep(0)


async def open_containers(config: ProcessConfig, opening: Opening) -> ProcessContainers:
    """A containers driver over the configured folder."""
    name = opening.service.name if config.namespace is None else config.namespace
    home, features = await _threaded(_opened, config, name)
    return ProcessContainers(home, opening.clock, features)


def _opened(config: ProcessConfig, name: str) -> tuple[Home, frozenset[Feature]]:
    """The folder, made where it was none, and what this machine lets be declared."""
    config.path.mkdir(parents=True, exist_ok=True)
    disk = _limited_disk(config)
    enforced = disk is not None or (config.control_groups and permitted())
    home = Home(config, name, enforced=enforced, disk=disk)
    home.open()
    offered = DECLARED if disk is not None else DECLARED - _RATES
    return home, offered if enforced else offered - _LIMITS


def _limited_disk(config: ProcessConfig) -> str | None:
    """The number of the folder's disk, where its reads and writes can be limited."""
    disk = disk_below(config.path) if config.control_groups else None
    return disk.number if disk is not None and permitted_on(disk.number) else None


async def _threaded(work: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    """Do what waits for disks and processes in a thread."""
    try:
        return await asyncio.to_thread(work, *given, **named)
    except OSError as error:
        raise translated(error) from error


def _running(container: Container) -> Container:
    if container.state is State.EXITED:
        raise ConflictError("the container ended meanwhile")
    return container


def _placed(cursor: str | None) -> Place:
    number, _, offset = (cursor or "0:0").partition(":")
    try:
        return int(number), int(offset)
    except ValueError:
        raise InvalidArgumentError("the cursor is none that this provider gave") from None


def _line(head: str, body: bytes) -> LogLine:
    stream, _, at = head.partition(" ")
    return LogLine(body, Stream.STDOUT if stream == "O" else Stream.STDERR, float(at))


def _event(body: bytes) -> Event:
    told = json.loads(body)
    return Event(told["name"], EventKind(told["kind"]), told["at"], told["code"])
