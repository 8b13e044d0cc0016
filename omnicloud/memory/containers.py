"""The containers contract in memory: simulated programs in the store's time."""

from __future__ import annotations

import asyncio
import tarfile
from itertools import takewhile
from pathlib import Path

from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers import images
from omnicloud.contracts.containers.lacking import WithoutMakingImages
from omnicloud.contracts.containers.models import (
    Container,
    ContainersFeature,
    ContainersLimits,
    EventKind,
    EventPage,
    ExecResult,
    Image,
    LogPage,
    State,
    Stats,
)
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
)
from omnicloud.memory.attached import MemoryAttached, check_attached, free_ports
from omnicloud.memory.box import OWN_BYTES, Box
from omnicloud.memory.boxes import Engine, output
from omnicloud.memory.shell import Program
from omnicloud.memory.store import MemoryStore

__all__ = ["FEATURES", "MemoryContainers"]

_F = ContainersFeature
FEATURES: frozenset[Feature] = frozenset(_F) - {
    _F.PULL,
    _F.LOAD,
    _F.BUILD,
    _F.REPLICAS,
    _F.PLACEMENT,
    _F.DURABLE,
}
_ALIVE = (State.RUNNING, State.PAUSED)


class MemoryContainers(WithoutMakingImages, MemoryAttached):
    """A containers driver over a :class:`MemoryStore`; its programs are simulated."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._space = namespace
        self._engine = Engine(store)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> ContainersLimits:
        return ContainersLimits()

    async def run(self, op: ops.Run, /) -> Container:
        await self._store.reading()
        spec = op.spec
        if (self._space, spec.name) in self._boxes:
            raise AlreadyExistsError("there is a container of that name")
        if spec.image is not None and spec.image not in self._images:
            raise NotFoundError("there is no such image")
        check_attached(self._store, self._space, spec)
        made = Box(self._space, spec, f"memory-{self._store.number()}", spec.resources)
        self._engine.program(made, spec.command)
        made.ports = free_ports(self._store, spec)
        self._boxes[self._space, spec.name] = made
        self._engine.begin(made, self._now())
        return made.seen()

    async def inspect(self, op: ops.Inspect, /) -> Container | None:
        await self._store.reading()
        found = self._boxes.get((self._space, op.container))
        return None if found is None else found.seen()

    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        await self._store.reading()
        wanted = op.labels.items()
        return tuple(
            box.seen()
            for (space, name), box in sorted(self._boxes.items())
            if space == self._space
            and name.startswith(op.prefix)
            and wanted <= dict(box.spec.labels).items()
        )

    async def start(self, op: ops.Start, /) -> Container:
        box = await self._box(op.container)
        if box.state not in _ALIVE:
            check_attached(self._store, self._space, box.spec)
            if box.state is State.EXITED:
                box.ports = free_ports(self._store, box.spec)
            box.by_hand, box.restarts, box.streak = False, 0, 0
            self._engine.begin(box, self._now())
        return box.seen()

    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.EXITED:
            return box.seen()
        self._resume(box)
        self._engine.terminate(box, op.grace, self._now())
        while box.by_hand and not _rests(box):  # until another has started it again
            await self._later(op.grace)
        return box.seen()

    async def restart(self, op: ops.Restart, /) -> Container:
        await self.stop(op)
        return await self.start(ops.Start(op.container))

    async def pause(self, op: ops.Pause, /) -> Container:
        box = await self._alive(op.container)
        if box.state is State.RUNNING:
            box.state = State.PAUSED
            self._engine.tell(box, EventKind.PAUSED, self._now())
        return box.seen()

    async def unpause(self, op: ops.Unpause, /) -> Container:
        box = await self._alive(op.container)
        self._resume(box)
        return box.seen()

    async def remove(self, op: ops.Remove, /) -> bool:
        await self._store.reading()
        box = self._boxes.get((self._space, op.container))
        if box is None:
            return False
        if box.state is not State.EXITED and not op.force:
            raise ConflictError("the container has not ended", hint="stop it, or give force")
        box.by_hand = True
        self._engine.kill(box, box.turn, self._now())
        self._engine.lie(box)
        del self._boxes[self._space, op.container]
        self._engine.tell(box, EventKind.REMOVED, self._now())
        return True

    async def rest(self, op: ops.Rest, /) -> Container:
        box = await self._box(op.container)
        until = self._now() + op.wait
        while box.state is not State.EXITED and self._now() < until:
            await self._later(until - self._now())
            box = await self._box(op.container)
        return box.seen()

    async def update(self, op: ops.Update, /) -> Container:
        box = await self._alive(op.container)
        if op.memory_bytes is not None and op.memory_bytes < OWN_BYTES:
            raise ConflictError("the container uses more memory than that")
        box.resources = box.resources.changed(op.limits)
        self._engine.tell(box, EventKind.UPDATED, self._now())
        return box.seen()

    async def logs(self, op: ops.Logs, /) -> LogPage:
        box = await self._box(op.container)
        at, until = int(op.cursor or 0), self._now() + op.wait
        while box.told <= at and box.state is not State.EXITED and self._now() < until:
            await self._later(until - self._now())
            box = await self._box(op.container)
        oldest = box.told - len(box.lines)
        lines = tuple(box.lines)[max(0, at - oldest) :][: op.limit]
        told = max(at, oldest) + len(lines)
        ended = box.state is State.EXITED and told >= box.told
        return LogPage(lines, str(told), ended)

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        box = await self._box(op.container)
        if box.state is not State.RUNNING:
            raise ConflictError("the container does not run")
        program = self._engine.program(box, op.command)
        code = await self._ended(program, op.wait)
        out, err = output(program)
        most = self.limits.exec_output_max_bytes
        return ExecResult(code, out[:most], err[:most], max(len(out), len(err)) > most)

    async def sample(self, op: ops.Sample, /) -> Stats:
        box = await self._alive(op.container)
        return box.used(self._store.clock.wall())

    async def events(self, op: ops.Events, /) -> EventPage:
        await self._store.reading()
        if op.cursor is None:
            return EventPage((), str(self._store.number()))
        after, until = int(op.cursor), self._now() + op.wait
        while not (page := self._since(op.prefix, after)).events and self._now() < until:
            await self._later(until - self._now())
        return page

    async def list_images(self, op: images.ListImages, /) -> tuple[Image, ...]:
        await self._store.reading()
        return tuple(image for _, image in sorted(self._images.items()))

    async def import_image(self, op: images.ImportImage, /) -> Image:
        await self._store.reading()
        size = await asyncio.to_thread(_archive_bytes, op.path)
        image = Image(op.reference, f"memory-{self._store.number()}", size)
        self._images[op.reference] = image
        return image

    async def remove_image(self, op: images.RemoveImage, /) -> bool:
        await self._store.reading()
        if any(box.spec.image == op.reference for box in self._boxes.values()):
            raise ConflictError("a container runs from the image")
        return self._images.pop(op.reference, None) is not None

    async def aclose(self) -> None:
        """Nothing is held: the store, and with it the containers, belongs to who made it."""

    # What follows decides without awaiting, but for the first four.

    async def _box(self, name: str) -> Box:
        await self._store.reading()
        box: Box | None = self._boxes.get((self._space, name))
        if box is None:
            raise NotFoundError("there is no container of that name")
        return box

    async def _alive(self, name: str) -> Box:
        box = await self._box(name)
        if box.state not in _ALIVE:
            raise ConflictError("the container does not run")
        return box

    async def _later(self, seconds: float) -> None:
        await self._store.changed(seconds)
        await self._store.reading()

    async def _ended(self, program: Program, wait: float) -> int:
        left = wait
        while not isinstance(step := program.next_nap(), int):
            left -= step.seconds
            if left < 0:
                raise DeadlineExceededError(f"the command had not ended after {wait} s")
            await self._store.clock.sleep(step.seconds)
        return step

    def _resume(self, box: Box) -> None:
        if box.state is State.PAUSED:
            box.state = State.RUNNING
            self._engine.tell(box, EventKind.UNPAUSED, self._now())
            if box.owed:
                box.owed = False
                self._engine.go_on(box, box.turn, self._now())

    def _since(self, prefix: str, after: int) -> EventPage:
        since = takewhile(lambda kept: kept[0] > after, reversed(self._engine.events))
        found = [
            (number, event)
            for number, space, event in since
            if space == self._space and event.name.startswith(prefix)
        ][::-1]
        cursor = found[-1][0] if found else after
        return EventPage(tuple(event for _, event in found), str(cursor))

    @property
    def _boxes(self) -> dict[tuple[str, str], Box]:
        return self._store.rows(("containers", "boxes"))

    @property
    def _images(self) -> dict[str, Image]:
        return self._store.rows(("containers", "images"))

    def _now(self) -> float:
        return self._store.clock.monotonic()


def _rests(box: Box) -> bool:
    return box.state is State.EXITED


def _archive_bytes(path: str) -> int:
    try:
        if not tarfile.is_tarfile(path):
            raise InvalidArgumentError("the file is no tar archive")
        return Path(path).stat().st_size
    except OSError:
        raise InvalidArgumentError("there is no such file that can be read") from None
