"""containers drivers written against the contract alone, for a ninth count of what is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import Container, EventKind, Image, State
from omnicloud.contracts.containers.attached import CreateVolume
from omnicloud.contracts.containers.driver import Logs, Pause, Rest, Run, Start, Stop, Update
from omnicloud.contracts.containers.images import ImportImage
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.errors import ConflictError
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract

_VOLUMES = ("containers", "volumes")


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-CON-{number}", tier, summary, ContainersContract)


@containers("01", "T1", "a value of the environment ends with its first line")
class FirstLines(MemoryContainers):
    """ "env: Its environment". A file of variables, one a line, holds no key in PEM."""

    async def run(self, op: Run, /) -> Container:
        env = {name: value.partition("\n")[0] for name, value in op.spec.env.items()}
        return await super().run(replace(op, spec=replace(op.spec, env=env)))


@containers("02", "T2", "two who watch by one client share the events out between them")
class SharesEventsOut(MemoryContainers):
    """ "What happened to the containers under prefix since cursor", whoever else asks."""

    def _since(self, prefix: str, after: int) -> EventPage:
        told: set[int] = self.__dict__.setdefault("_handed", set())
        found = [
            (number, event)
            for number, space, event in self._engine.events
            if number > after and space == self._space and event.name.startswith(prefix)
            if number not in told
        ]
        told.update(number for number, _ in found)
        cursor = found[-1][0] if found else after
        return EventPage(tuple(event for _, event in found), str(cursor))


@containers("03", "T3", "a changed limit is lost when the policy restarts the container")
class LosesLimits(WithEngine):
    """ "They outlast restarts", the engine's own as well."""

    class kind(Engine):
        def _again(self, box: Box, turn: int, at: float) -> None:
            if box.turn == turn and box.state is State.RESTARTING:
                box.resources = box.spec.resources
            super()._again(box, turn, at)


@containers("04", "T3", "a start that is refused forgets how the last run ended")
class RefusalForgets(MemoryContainers):
    """ "ConflictError: A port of the machine is taken; it stays as it is"."""

    async def start(self, op: Start, /) -> Container:
        try:
            return await super().start(op)
        except ConflictError:
            box = await self._box(op.container)
            box.exit_code, box.restarts = None, 0
            raise


@containers("05", "T2", "who waits for the end is answered at a pause")
class PausesAreEnds(MemoryContainers):
    """ "Once it has ended for good, or after wait seconds"."""

    async def rest(self, op: Rest, /) -> Container:
        box = await self._box(op.container)
        until = self._now() + op.wait
        while box.state not in (State.EXITED, State.PAUSED) and self._now() < until:
            await self._later(until - self._now())
            box = await self._box(op.container)
        return box.seen()


@containers("06", "T2", "of two updates at once one undoes the other")
class LosesUpdates(MemoryContainers):
    """ "None leaves one as it is"; here all are read, changed and written."""

    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        wanted = box.resources.changed(op.limits)
        await asyncio.sleep(0.001)
        await super().update(op)
        box.resources = wanted
        return box.seen()


@containers("07", "T3", "an update begins the count of processor time anew")
class CountsAnew(MemoryContainers):
    """ "Processor time since the start of its run; never falls within one"."""

    async def update(self, op: Update, /) -> Container:
        answer = await super().update(op)
        (await self._box(op.container)).cpu_seconds = 0.0
        return answer


@containers("08", "T1", "a pause of what is paused is told as another pause")
class TellsEachPause(MemoryContainers):
    """ "A paused one is left alone"; events tell changes."""

    async def pause(self, op: Pause, /) -> Container:
        box = await self._alive(op.container)
        if box.state is State.PAUSED:
            self._engine.tell(box, EventKind.PAUSED, self._now())
        return await super().pause(op)


@containers("09", "T3", "the log ends while a restart is still to come")
class EndsBetweenRuns(MemoryContainers):
    """ "Over all runs of the container"; what will be restarted has not ended."""

    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(op)
        box = await self._box(op.container)
        rests = box.state is State.RESTARTING and int(page.cursor) >= box.told
        return replace(page, ended=page.ended or rests)


@containers("10", "T3", "a volume that is made again while no container has it is emptied")
class MakesAnew(MemoryContainers):
    """ "Make an empty volume; one that is there is left as it is"."""

    async def create_volume(self, op: CreateVolume, /) -> None:
        await self._store.reading()
        if not any(one.volume == op.volume for box in self._own() for one in box.spec.mounts):
            self._store.rows(_VOLUMES).pop((self._space, op.volume), None)
        await super().create_volume(op)


@containers("11", "T1", "a reference that is imported again stays what it was")
class KeepsTheImage(MemoryContainers):
    """ "Make an image of the root file system in the tar file"."""

    async def import_image(self, op: ImportImage, /) -> Image:
        before = self._images.get(op.reference)
        made = await super().import_image(op)
        if before is not None:
            self._images[op.reference] = before
        return before or made


@containers("12", "T1", "no grace is taken for the default grace")
class NoGraceIsTen(MemoryContainers):
    """ "KILL to all of it grace seconds later": ``op.grace or 10``."""

    async def stop(self, op: Stop, /) -> Container:
        return await super().stop(replace(op, grace=op.grace or 10.0))


@containers("13", "T2", "a port of a paused container is free for others")
class FreesPausedPorts(MemoryContainers):
    """ "One that is taken is a ConflictError"."""

    async def run(self, op: Run, /) -> Container:
        await self._store.reading()
        held = [(box, box.ports) for box in self._boxes.values() if box.state is State.PAUSED]
        for box, _ in held:
            box.ports = {}
        try:
            return await super().run(op)
        finally:
            for box, ports in held:
                box.ports = ports


@containers("14", "T4", "a volume that is missing here is taken from another service")
class TakesAnothers(MemoryContainers):
    """ "Both belong to one service and tenant"; what is missing is a NotFoundError."""

    async def run(self, op: Run, /) -> Container:
        await self._store.reading()
        rows = self._store.rows(_VOLUMES)
        for mount in op.spec.mounts:
            for (_, name), files in list(rows.items()):
                if name == mount.volume:
                    rows.setdefault((self._space, name), files)
        return await super().run(op)
