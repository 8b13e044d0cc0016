"""containers drivers that are wrong about ports of the machine."""

from __future__ import annotations

from dataclasses import replace

from broken.containers_lives import Asking, WithEngine, containers
from omnicloud.contracts.containers import Container, Port, State
from omnicloud.contracts.containers.driver import Find, Remove, Run, Start, Stop
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers

_HELD = ("containers", "held")


class _Publishing(MemoryContainers):
    """Publishes other ports than the engine would."""

    def published(self, box: Box, free: dict[int, int]) -> dict[int, int]:
        return free

    async def run(self, op: Run, /) -> Container:
        await super().run(op)
        box = await self._box(op.spec.name)
        box.ports = self.published(box, box.ports)
        return box.seen()


@containers("CPO01", "T1", "a port that the engine chooses is told as 0")
class NotTold(_Publishing):
    def published(self, box: Box, free: dict[int, int]) -> dict[int, int]:
        return {one.container: one.host for one in box.spec.ports}


@containers("CPO02", "T1", "every container gets the same port")
class OnePort(_Publishing):
    def published(self, box: Box, free: dict[int, int]) -> dict[int, int]:
        return {one.container: one.host or 50_000 for one in box.spec.ports}


@containers("CPO03", "T1", "of several ports the first is published")
class FirstPort(Asking):
    def asked(self, op: Run) -> Run:
        return replace(op, spec=replace(op.spec, ports=op.spec.ports[:1]))


@containers("CPO04", "T1", "the container's port and the machine's are mixed up")
class Crossed(_Publishing):
    def published(self, box: Box, free: dict[int, int]) -> dict[int, int]:
        return {host: container for container, host in free.items()}


@containers("CPO05", "T1", "instead of a port that is taken another is given")
class AnotherPort(Asking):
    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except ConflictError:
            ports = tuple(Port(one.container) for one in op.spec.ports)
            return await super().run(replace(op, spec=replace(op.spec, ports=ports)))


@containers("CPO06", "T1", "a run whose port is taken leaves a container that has ended")
class LeavesEnded(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except ConflictError:
            await super().run(replace(op, spec=replace(op.spec, ports=())))
            await super().stop(Stop(op.spec.name, 0.0))
            raise


@containers("CPO07", "T1", "a port that is taken is told as a mistake in the spec")
class TakenIsBad(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except ConflictError as taken:
            raise InvalidArgumentError("a port is taken") from taken


class _Holding(MemoryContainers):
    """Keeps ports for longer than containers run."""

    async def run(self, op: Run, /) -> Container:
        held = self._store.rows(_HELD)
        if any(
            one.host and held.get(one.host, op.spec.name) != op.spec.name for one in op.spec.ports
        ):
            raise ConflictError("a port of the machine is taken")
        made = await super().run(op)
        held.update({one.host: op.spec.name for one in op.spec.ports if one.host})
        return made


@containers("CPO08", "T1", "a port is not free again after its container was removed")
class KeptForEver(_Holding):
    pass


@containers("CPO09", "T1", "what has ended holds its port until it is removed")
class KeptUntilRemoved(_Holding):
    async def remove(self, op: Remove, /) -> bool:
        held = self._store.rows(_HELD)
        for port in [port for port, name in held.items() if name == op.container]:
            del held[port]
        return await super().remove(op)


@containers("CPO10", "T1", "what ends by itself holds its port")
class KeptAtItsEnd(WithEngine):
    class kind(Engine):
        def end(self, box: Box, code: int, at: float) -> None:
            ports = box.ports
            super().end(box, code, at)
            box.ports = box.ports if box.by_hand else ports


@containers("CPO11", "T1", "ports of what has ended are told as if it ran")
class ToldThough(MemoryContainers):
    async def rest(self, op: object, /) -> Container:
        found = await super().rest(op)  # type: ignore[arg-type]  # passed on
        box = await self._box(found.name)
        return replace(found, ports=found.ports or box.spec.ports)


@containers("CPO12", "T1", "start does not look whether its port was taken meanwhile")
class StartsAnyway(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        box = await self._box(op.container)
        ports, spec = box.spec.ports, box.spec
        if box.state is State.EXITED:
            box.spec = replace(spec, ports=())
        await super().start(op)
        box.spec = spec
        box.ports = box.ports or {one.container: one.host or 60_000 for one in ports}
        return box.seen()


@containers("CPO13", "T1", "what is started again has no ports")
class LostAtStart(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        await super().start(op)
        box = await self._box(op.container)
        box.ports = {}
        return box.seen()


@containers("CPO14", "T2", "each service has ports of its own")
class PerService(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        others = [box for (space, _), box in self._boxes.items() if space != self._space]
        held = [box.ports for box in others]
        for box in others:
            box.ports = {}
        try:
            return await super().run(op)
        finally:
            for box, ports in zip(others, held, strict=True):
                box.ports = ports


@containers("CPO15", "T2", "another client is told other ports")
class ToldOnce(MemoryContainers):
    async def find(self, op: Find, /) -> tuple[Container, ...]:
        return tuple(replace(one, ports=()) for one in await super().find(op))


@containers("CPO16", "T1", "a start that is refused for its port leaves the container running")
class HalfStarted(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        box = await self._box(op.container)
        try:
            return await super().start(op)
        except ConflictError:
            self._engine.begin(box, self._now())
            raise


@containers("CPO17", "T1", "a port that the engine chooses may be one that was asked for before")
class ChoosesTaken(_Publishing):
    def published(self, box: Box, free: dict[int, int]) -> dict[int, int]:
        taken = [port for other in self._boxes.values() for port in other.ports.values()]
        chosen = {one.container for one in box.spec.ports if not one.host}
        return {own: taken[0] if own in chosen else host for own, host in free.items()}
