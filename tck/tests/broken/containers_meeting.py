"""Drivers of containers that are wrong where calls meet, are cut off, or have rare options."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import Container, ExecResult, Port, State
from omnicloud.contracts.containers.attached import RemoveNetwork, RemoveVolume
from omnicloud.contracts.containers.driver import (
    Exec,
    Logs,
    Pause,
    Remove,
    Rest,
    Run,
    Stop,
    Update,
)
from omnicloud.contracts.containers.images import RemoveImage
from omnicloud.contracts.containers.models import EventKind, LogPage, Resources
from omnicloud.errors import UnavailableError
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"MEET-CON-{number}", tier, summary, ContainersContract)


@containers("01", "T2", "of two updates at once of different limits one is lost")
class LosesAnUpdate(MemoryContainers):
    """ "None leaves one as it is"."""

    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        changed = box.resources.changed(op.limits)
        await asyncio.sleep(0)
        box.resources = changed
        self._engine.tell(box, EventKind.UPDATED, self._now())
        return box.seen()


@containers("02", "T2", "a container that is stopped while it is being paused is told as paused")
class PausesTheEnded(MemoryContainers):
    """ "ConflictError: It does not run"."""

    async def pause(self, op: Pause, /) -> Container:
        box = await self._alive(op.container)
        await asyncio.sleep(0)
        box.state = State.PAUSED
        self._engine.tell(box, EventKind.PAUSED, self._now())
        return box.seen()


@containers("03", "T2", "a volume is removed although a container was run with it meanwhile")
class RemovesTheMounted(MemoryContainers):
    """ "ConflictError: A container has it mounted, running or not; it stays"."""

    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        await self._store.reading()
        mounts = [one.volume for box in self._own() for one in box.spec.mounts]
        if op.volume in mounts:
            return await super().remove_volume(op)
        await asyncio.sleep(0)
        rows = self._store.rows(("containers", "volumes"))
        return rows.pop((self._space, op.volume), None) is not None


@containers("04", "T2", "a network is removed although a container on it was started meanwhile")
class RemovesTheJoined(MemoryContainers):
    """ "ConflictError: A container that has not ended is on it; it stays"."""

    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        await self._store.reading()
        on_it = [box for box in self._own() if op.network in box.spec.networks]
        if any(box.state is not State.EXITED for box in on_it):
            return await super().remove_network(op)
        await asyncio.sleep(0)
        rows = self._store.rows(("containers", "networks"))
        return rows.pop((self._space, op.network), None) is not None


@containers("05", "T2", "a removal that is cancelled has removed the name, and the program runs on")
class LeavesItRunning(MemoryContainers):
    """A cancelled call is done or not, whole: ``force`` is "KILL, then remove"."""

    async def remove(self, op: Remove, /) -> bool:
        await self._store.reading()
        box = self._boxes.get((self._space, op.container))
        if box is None or (box.state is not State.EXITED and not op.force):
            return await super().remove(op)
        del self._boxes[self._space, op.container]
        await asyncio.sleep(0)
        box.by_hand = True
        self._engine.kill(box, box.turn, self._now())
        self._engine.lie(box)
        self._engine.tell(box, EventKind.REMOVED, self._now())
        return True


@containers("06", "T2", "two who remove one container at once are both told that they did")
class BothRemoved(MemoryContainers):
    """ "Forget a container and its logs, and answer whether there was one"."""

    async def remove(self, op: Remove, /) -> bool:
        there = (self._space, op.container) in self._boxes
        return await super().remove(op) or there


@containers("08", "T3", "what is asked in an outage is told as not done, and done after it")
class DoesItLater(MemoryContainers):
    """An error says what became of the request; what was given up is not done later."""

    async def remove(self, op: Remove, /) -> bool:
        try:
            return await super().remove(op)
        except UnavailableError:
            clock = self._store.clock

            async def later() -> None:
                await clock.sleep(0.5)
                await super(DoesItLater, self).remove(op)

            self._later_on = asyncio.ensure_future(later())
            raise


@containers("09", "T3", "a run that is cancelled leaves a container that never began")
class LeavesAnEmptyOne(MemoryContainers):
    """A cancelled call is done or not, whole."""

    async def run(self, op: Run, /) -> Container:
        made = await super().run(op)
        box = self._boxes[self._space, op.spec.name]
        kept, program, said = self._engine.events.pop(), box.program, list(box.lines)
        box.state, box.program = State.EXITED, None
        box.lines.clear()
        await asyncio.sleep(0)
        self._engine.events.append(kept)
        box.state, box.program = State.RUNNING, program
        box.lines.extend(said)
        return made


@containers("10", "T1", "an update of memory takes away the processor limit")
class ForgetsTheProcessor(MemoryContainers):
    """ "None leaves one as it is"."""

    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        before = box.resources
        box.resources = replace(before, cpu=op.cpu)
        return await super().update(op)


class _AsMade(Engine):
    def begin(self, box: Box, at: float) -> None:
        if box.turn:
            box.resources = replace(box.resources, read_iops=box.spec.read_iops)
        super().begin(box, at)


@containers("11", "T1", "a changed limit of reads is the one of the spec again after a restart")
class ForgetsRates(WithEngine):
    """ "They outlast restarts"."""

    kind = _AsMade


@containers("12", "T4", "an image is removed from which another service's container runs")
class RemovesTheirImage(MemoryContainers):
    """ "ConflictError: A container runs from it; it stays", whoever's it is."""

    async def remove_image(self, op: RemoveImage, /) -> bool:
        await self._store.reading()
        if any(box.spec.image == op.reference for box in self._own()):
            return await super().remove_image(op)
        return self._images.pop(op.reference, None) is not None


@containers("13", "T1", "a page of the log that is full to its limit passes over the next line")
class SkipsAfterAFullPage(MemoryContainers):
    """ "Every line is told once"."""

    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(op)
        if len(page.lines) < op.limit or op.limit == 1000:
            return page
        return replace(page, cursor=str(int(page.cursor) + 1))


@containers("14", "T2", "of two who wait for one end, the one who may wait longer is told late")
class WaitsOn(MemoryContainers):
    """ "How a container stands once it has ended for good, or after wait seconds"."""

    async def rest(self, op: Rest, /) -> Container:
        found = await super().rest(op)
        if op.wait > 550:
            await self._store.clock.sleep(op.wait)
        return found


@containers(
    "15", "T1", "one of two ports that the engine chooses is one that a container asked for"
)
class ChoosesTheTaken(MemoryContainers):
    """ "A port that is taken is a ConflictError", and what is chosen is free."""

    async def run(self, op: Run, /) -> Container:
        made = await super().run(op)
        box = self._boxes[self._space, op.spec.name]
        asked = [port.host for one in self._boxes.values() for port in one.spec.ports if port.host]
        if len(op.spec.ports) == 2 and not any(one.host for one in op.spec.ports) and asked:
            box.ports[op.spec.ports[1].container] = asked[0]
        ports = tuple(Port(*pair) for pair in sorted(box.ports.items()))
        return replace(made, ports=ports)


@containers("16", "T1", "a further command's exit code above 127 is told as a signal's, 128 more")
class AddsToCodes(MemoryContainers):
    """ "exit_code: Its own, 128 and the signal's number where one ended it"."""

    async def exec(self, op: Exec, /) -> ExecResult:
        done = await super().exec(op)
        code = done.exit_code
        return replace(done, exit_code=code - 128 if code > 128 else code)


@containers("17", "T1", "limits of the spec are told only once the container was updated")
class TellsNoLimitsYet(MemoryContainers):
    """ "resources: Its limits, as the kernel has them while it runs"."""

    async def inspect(self, op: Any, /) -> Container | None:
        found = await super().inspect(op)
        box = self._boxes.get((self._space, op.container))
        if found is None or box is None or box.resources != box.spec.resources:
            return found
        return replace(found, resources=Resources())


@containers(
    "18", "T2", "a stop waits on where another starts the container as soon as it has ended"
)
class StopsForEver(MemoryContainers):
    """ "It is answered when the container has ended"."""

    async def stop(self, op: Stop, /) -> Container:
        box = await self._box(op.container)
        box.by_hand = True
        self._resume(box)
        self._engine.terminate(box, op.grace, self._now())
        while box.state is not State.EXITED:
            await self._later(op.grace)
        return box.seen()


@containers("19", "T2", "a pause amid the grace of a stop puts the end off for ever")
class PausesTheEnding(MemoryContainers):
    """ "KILL to all of it grace seconds later"."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._engine = _Sparing(store)


class _Sparing(Engine):
    def kill(self, box: Box, turn: int, at: float) -> None:
        if box.state is State.PAUSED:
            self._store.at(at + 1, lambda: self.kill(box, turn, at + 1))
        else:
            super().kill(box, turn, at)
