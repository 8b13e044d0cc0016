"""containers drivers whose faults are kin to those that the ninth count showed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import Container, EventKind, ExecResult, Image, State
from omnicloud.contracts.containers.attached import CreateVolume
from omnicloud.contracts.containers.driver import (
    Exec,
    Logs,
    Rest,
    Restart,
    Run,
    Start,
    Stop,
    Unpause,
    Update,
)
from omnicloud.contracts.containers.images import ImportImage, ListImages
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.errors import AlreadyExistsError, NotFoundError
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract

_VOLUMES = ("containers", "volumes")


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-CONK-{number}", tier, summary, ContainersContract)


@containers("01", "T1", "line breaks in arguments become spaces")
class OneLineCommands(MemoryContainers):
    """ "The program and its arguments; no shell is between"."""

    async def run(self, op: Run, /) -> Container:
        command = tuple(part.replace("\n", " ") for part in op.spec.command)
        return await super().run(replace(op, spec=replace(op.spec, command=command)))


@containers(
    "02", "T2", "a client keeps one place in the events of each prefix, whatever the cursor"
)
class OnePlaceAClient(MemoryContainers):
    """ "Since cursor": a question that is asked again is answered again."""

    def _since(self, prefix: str, after: int) -> EventPage:
        places: dict[str, int] = self.__dict__.setdefault("_places", {})
        page = super()._since(prefix, max(after, places.get(prefix, 0)))
        places[prefix] = int(page.cursor)
        return page


@containers("03", "T3", "changed limits of reads and writes are lost when the policy restarts")
class LosesRates(WithEngine):
    """ "A changed one outlasts restarts", of all limits."""

    class kind(Engine):
        def _again(self, box: Box, turn: int, at: float) -> None:
            if box.turn == turn and box.state is State.RESTARTING:
                kept = box.resources
                box.resources = replace(
                    box.spec.resources, cpu=kept.cpu, memory_bytes=kept.memory_bytes
                )
            super()._again(box, turn, at)


@containers("04", "T3", "a run of a name that is taken leaves its labels with what has the name")
class RefusalLabels(MemoryContainers):
    """ "AlreadyExistsError: A container has the name; it is left as it is"."""

    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except AlreadyExistsError:
            box = await self._box(op.spec.name)
            box.spec = replace(box.spec, labels=dict(op.spec.labels))
            raise


@containers("05", "T3", "a start that fails for want of a network has forgotten the last run")
class LackForgets(MemoryContainers):
    """What failed with an outcome of "not done" had no effect."""

    async def start(self, op: Start, /) -> Container:
        try:
            return await super().start(op)
        except NotFoundError:
            box = self._boxes.get((self._space, op.container))
            if box is not None:
                box.exit_code = None
            raise


@containers("06", "T2", "who waits for the end is answered at the next event of the container")
class EventsAreEnds(MemoryContainers):
    """ "How a container stands once it has ended for good, or after wait seconds"."""

    async def rest(self, op: Rest, /) -> Container:
        box = await self._box(op.container)
        until, told = self._now() + op.wait, self._told(op.container)
        while box.state is not State.EXITED and self._now() < until:
            await self._later(until - self._now())
            box = await self._box(op.container)
            if self._told(op.container) != told:
                break
        return box.seen()

    def _told(self, name: str) -> int:
        return sum(event.name == name for _, _, event in self._engine.events)


@containers("07", "T2", "of two updates of rates at once one undoes the other")
class LosesRateUpdates(MemoryContainers):
    """Read, changed and written as one file of rates."""

    async def update(self, op: Update, /) -> Container:
        before = (await self._alive(op.container)).resources
        await asyncio.sleep(0.001)
        await super().update(op)
        box = await self._box(op.container)
        if op.limits.limits_io:
            rates = before.changed(op.limits)
            now = box.resources
            box.resources = replace(rates, cpu=now.cpu, memory_bytes=now.memory_bytes)
        return box.seen()


@containers("08", "T3", "an update begins the counts of throttling anew")
class ThrottlesAnew(MemoryContainers):
    """ "This and the next two never fall within a run"."""

    async def update(self, op: Update, /) -> Container:
        answer = await super().update(op)
        box = await self._box(op.container)
        box.limited_seconds = box.held_seconds = box.throttled_seconds = 0.0
        return answer


@containers("09", "T3", "a pause begins the count of processor time anew")
class PausesCountAnew(MemoryContainers):
    """ "Processor time since the start of its run"."""

    async def unpause(self, op: Unpause, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.PAUSED:
            box.cpu_seconds = 0.0
        return await super().unpause(op)


@containers("10", "T1", "a stop of what has ended is told as another end")
class TellsEachStop(MemoryContainers):
    """ "One that has ended already is left alone"."""

    async def stop(self, op: Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.EXITED:
            self._engine.tell(box, EventKind.EXITED, self._now(), box.exit_code)
        return await super().stop(op)


@containers("11", "T1", "a start of what runs is told as another start")
class TellsEachStart(MemoryContainers):
    """ "One that runs is left alone"."""

    async def start(self, op: Start, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.RUNNING:
            self._engine.tell(box, EventKind.STARTED, self._now())
        return await super().start(op)


@containers("12", "T3", "the log of a paused container has ended")
class PausedLogsEnd(MemoryContainers):
    """ "Where the container has ended and all was told"; a paused one goes on."""

    async def logs(self, op: Logs, /) -> LogPage:
        box = await self._box(op.container)
        page = await super().logs(replace(op, wait=min(op.wait, 0.2)))
        held = box.state is State.PAUSED and int(page.cursor) >= box.told
        return replace(page, ended=page.ended or held)


@containers("13", "T3", "a volume made again is emptied where only ended containers have it")
class EmptiesForTheEnded(MemoryContainers):
    """ "One that is there is left as it is"."""

    async def create_volume(self, op: CreateVolume, /) -> None:
        await self._store.reading()
        users = [box for box in self._own() if any(m.volume == op.volume for m in box.spec.mounts)]
        if users and all(box.state is State.EXITED for box in users):
            self._store.rows(_VOLUMES)[self._space, op.volume] = {}
        await super().create_volume(op)


@containers("14", "T1", "a second import of a reference is answered, but not listed")
class ListsTheFirst(MemoryContainers):
    """The list tells the engine's images, as they are."""

    async def import_image(self, op: ImportImage, /) -> Image:
        made = await super().import_image(op)
        self._store.rows("first imports").setdefault(op.reference, made)
        return made

    async def list_images(self, op: ListImages, /) -> tuple[Image, ...]:
        first: dict[str, Image] = self._store.rows("first imports")
        return tuple(first.get(one.reference, one) for one in await super().list_images(op))


@containers("15", "T1", "a restart without a grace waits for the default one")
class RestartsWithTen(MemoryContainers):
    """ "Stop a container, where it runs, and start it": with the grace that was given."""

    async def restart(self, op: Restart, /) -> Container:
        return await super().restart(replace(op, grace=op.grace or 10.0))


@containers("16", "T2", "what is started takes the port of a paused container")
class StartsOnPausedPorts(MemoryContainers):
    """ "Of start before one runs" a taken port is a ConflictError."""

    async def start(self, op: Start, /) -> Container:
        await self._store.reading()
        held = [(box, box.ports) for box in self._boxes.values() if box.state is State.PAUSED]
        for box, _ in held:
            box.ports = {}
        try:
            return await super().start(op)
        finally:
            for box, ports in held:
                box.ports = ports


@containers("17", "T1", "bytes of a line that are no text are replaced")
class TextLines(WithEngine):
    """ "Its bytes": an engine that keeps its logs as JSON has text alone."""

    class kind(Engine):
        def _take_lines(self, box: Box, at: float) -> None:
            super()._take_lines(box, at)
            for _ in range(len(box.lines)):
                line = box.lines.popleft()
                box.lines.append(replace(line, data=line.text.encode()))


@containers("18", "T1", "a last line without an end is lost")
class WholeLinesAlone(WithEngine):
    """ "Every line is told once": the last words of a program that says no more."""

    class kind(Engine):
        def _take_lines(self, box: Box, at: float) -> None:
            for stream in set(box.program.cut) if box.program is not None else ():
                said = box.program.said if box.program is not None else []
                last = max((at for at, one in enumerate(said) if one[0] is stream), default=None)
                if last is not None:
                    del said[last]
            super()._take_lines(box, at)


@containers("19", "T1", "bytes of a further command's output that are no text are replaced")
class TextOutput(MemoryContainers):
    """ "What it wrote there"."""

    async def exec(self, op: Exec, /) -> ExecResult:
        said = await super().exec(op)
        out, err = (one.decode(errors="replace").encode() for one in (said.stdout, said.stderr))
        return replace(said, stdout=out, stderr=err)


@containers("20", "T1", "the output of a further command ends with a new line, whatever it wrote")
class EndsLines(MemoryContainers):
    """ "What it wrote there": read by lines, and written by lines."""

    async def exec(self, op: Exec, /) -> ExecResult:
        said = await super().exec(op)
        ends = said.stdout.endswith(b"\n") or not said.stdout
        return replace(said, stdout=said.stdout if ends else said.stdout + b"\n")


@containers("21", "T1", "the directory to begin in is not looked at")
class BeginsAnywhere(MemoryContainers):
    """ "working_dir: Where it starts"."""

    async def run(self, op: Run, /) -> Container:
        return await super().run(replace(op, spec=replace(op.spec, working_dir=None)))


@containers("22", "T3", "the directory to begin in is forgotten when the policy restarts")
class BeginsAgainAnywhere(WithEngine):
    """Where it starts, each time."""

    class kind(Engine):
        def _again(self, box: Box, turn: int, at: float) -> None:
            box.spec = replace(box.spec, working_dir=None)
            super()._again(box, turn, at)
