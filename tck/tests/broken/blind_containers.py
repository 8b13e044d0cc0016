"""containers drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import (
    Container,
    EventPage,
    LogPage,
    State,
)
from omnicloud.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from omnicloud.memory.boxes import Box
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import started
from omnicloud_tck.containers import ContainersContract


def containers(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-CN-{number:02}", tier, summary, ContainersContract)


@containers(1, "T0", "find takes no notice of labels")
class FindsAll(MemoryContainers):
    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        return await super().find(replace(op, labels={}))


@containers(2, "T1", "a container that was stopped is told to have ended with 0")
class StopsWell(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        seen = await super().stop(op)
        box = self._boxes[self._space, op.container]
        if box.exit_code in (137, 143):
            box.exit_code = 0
        return replace(seen, exit_code=box.exit_code)


@containers(3, "T1", "a variable's value ends at its second '='")
class SplitsEnv(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        env = {name: value.split("=")[0] for name, value in op.spec.env.items()}
        return await super().run(replace(op, spec=replace(op.spec, env=env)))


@containers(4, "T1", "logs are cut at the limit, and go on behind what was cut")
class SkipsLines(MemoryContainers):
    async def logs(self, op: ops.Logs, /) -> LogPage:
        page = await super().logs(op)
        box = self._boxes.get((self._space, op.container))
        if box is None or len(page.lines) < op.limit:
            return page
        return LogPage(page.lines, str(box.told), box.state is State.EXITED)


@containers(5, "T2", "run looks for the name, awaits, and makes: two at once both succeed")
class RunsTwice(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        await self._store.reading()
        spec = op.spec
        if (self._space, spec.name) in self._boxes:
            raise AlreadyExistsError("there is a container of that name")
        if spec.image is not None and spec.image not in self._images:
            raise NotFoundError("there is no such image")
        started(spec.command, spec.env)
        await pause()
        made = Box(self._space, spec, f"memory-{self._store.number()}", spec.resources)
        self._boxes[self._space, spec.name] = made
        self._engine.begin(made, self._now())
        return made.seen()


@containers(6, "T2", "all who follow the logs of a container share one place in them")
class SharesPlace(MemoryContainers):
    async def logs(self, op: ops.Logs, /) -> LogPage:
        places = self._store.rows("log places")
        place = (self._space, op.container)
        if op.cursor is None:
            places.pop(place, None)
        cursor = places.get(place, op.cursor)
        page = await super().logs(replace(op, cursor=cursor))
        if op.cursor is not None:
            places[place] = page.cursor
        return page


@containers(7, "T3", "a container that waits for its restart restarts although it was stopped")
class RestartsStopped(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is not State.RESTARTING:
            return await super().stop(op)
        return replace(box.seen(), state=State.EXITED)


@containers(8, "T3", "a restart begins the logs anew")
class ForgetsRuns(MemoryContainers):
    async def start(self, op: ops.Start, /) -> Container:
        box: Box = await self._box(op.container)
        if box.state is State.EXITED:
            box.lines.clear()
        return await super().start(op)


@containers(9, "T3", "events go on after an outage from the moment of the reconnection")
class EventsFromNow(MemoryContainers):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._cut = False

    async def events(self, op: ops.Events, /) -> EventPage:
        if self._cut:
            await self._store.reading()
            self._cut = False
            return EventPage((), str(self._store.number()))
        try:
            return await super().events(op)
        except UnavailableError:
            self._cut = True
            raise


@containers(10, "T3", "rest takes a container that waits for its restart for one that has ended")
class RestsTooSoon(MemoryContainers):
    async def rest(self, op: ops.Rest, /) -> Container:
        until = self._now() + op.wait
        box = await self._box(op.container)
        while box.state not in (State.EXITED, State.RESTARTING) and self._now() < until:
            await self._later(until - self._now())
            box = await self._box(op.container)
        if box.state is State.RESTARTING:
            await self._store.clock.sleep(0.05)
        return box.seen()


@containers(11, "T4", "the error of a program that cannot be started shows the environment")
class ShowsEnv(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        try:
            return await super().run(op)
        except (InvalidArgumentError, NotFoundError) as error:
            spec = f"{' '.join(op.spec.command)} with {dict(op.spec.env)!r}"
            raise type(error)(f"{error.message}: {spec}") from None


@containers(12, "T4", "a container is found by its name, whichever service has it")
class FindsAnothers(MemoryContainers):
    async def _box(self, name: str) -> Box:
        try:
            return await super()._box(name)
        except NotFoundError:
            for (_, other), box in self._boxes.items():
                if other == name:
                    return box
            raise
