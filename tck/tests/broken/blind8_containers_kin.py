"""containers drivers whose faults are kin to those that the eighth count showed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import Container, Image, State
from omnicloud.contracts.containers.attached import CreateNetwork, RemoveNetwork
from omnicloud.contracts.containers.driver import (
    Find,
    Inspect,
    Pause,
    Remove,
    Rest,
    Restart,
    Run,
    Unpause,
)
from omnicloud.contracts.containers.images import ListImages
from omnicloud.errors import ConflictError, NotFoundError
from omnicloud.memory.attached import Reach
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import Program, started
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-CONK-{number}", tier, summary, ContainersContract)


@containers("01", "T1", "keys of labels come back in small letters")
class SmallLabels(MemoryContainers):
    """ "labels: As the spec has them"."""

    async def run(self, op: Run, /) -> Container:
        small = {key.lower(): value for key, value in op.spec.labels.items()}
        return await super().run(replace(op, spec=replace(op.spec, labels=small)))


@containers("02", "T2", "the labels of an answer are the engine's own: who changes them changes it")
class SharedLabels(MemoryContainers):
    """ "A container as it stood at the moment of the answer"."""

    async def inspect(self, op: Inspect, /) -> Container | None:
        found = await super().inspect(op)
        spec = None if found is None else self._boxes[self._space, op.container].spec
        return None if found is None or spec is None else replace(found, labels=spec.labels)


class _Hides(Reach):
    def _place(self, path: str) -> Any:
        for mount in self._box.spec.mounts:
            if path.startswith(f"{mount.path}/"):
                files = self._store.rows(("containers", "volumes"))
                held = files[self._box.space, mount.volume]
                return held, path.removeprefix(mount.path), mount.read_only
        return super()._place(path)


class _Hiding(Engine):
    def program(self, box: Box, command: Any) -> Program:
        return started(command, box.spec.env, _Hides(self._store, box))


@containers("03", "T2", "a volume at a path inside another volume's path is hidden by that")
class HiddenVolume(WithEngine):
    """ "A volume in the files of a container", at its own path."""

    kind = _Hiding


class _Forgets(Reach):
    def _meets(self, other: Box) -> bool:
        return super()._meets(other) and other.turn <= 1


class _Forgetting(Engine):
    def program(self, box: Box, command: Any) -> Program:
        return started(command, box.spec.env, _Forgets(self._store, box))


@containers("04", "T3", "a container that was started again is not reached by its host any more")
class OldAddress(WithEngine):
    """ "Containers on a common network reach each other by host"."""

    kind = _Forgetting


@containers("05", "T1", "a network is removed under a container that is paused")
class UnderThePaused(MemoryContainers):
    """ "ConflictError: A container that has not ended is on it; it stays"."""

    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        await self._store.reading()
        on_it = [box for box in self._own() if op.network in box.spec.networks]
        if any(box.state is State.RUNNING for box in on_it):
            raise ConflictError("a container is on the network")
        rows = self._store.rows(("containers", "networks"))
        return rows.pop((self._space, op.network), None) is not None


@containers("06", "T1", "a paused container is paused again after its restart")
class PausedAgain(MemoryContainers):
    """ "Stop a container, where it runs, and start it"."""

    async def restart(self, op: Restart, /) -> Container:
        before = (await self._box(op.container)).state
        found = await super().restart(op)
        return await self.pause(Pause(op.container)) if before is State.PAUSED else found


@containers("07", "T3", "after a restart by hand the restart policy holds no more")
class PolicyLost(MemoryContainers):
    """ "What was stopped by hand stays stopped": until it is started."""

    async def restart(self, op: Restart, /) -> Container:
        found = await super().restart(op)
        self._boxes[self._space, op.container].by_hand = True
        return found


@containers("08", "T1", "unpause of a container that is not there is a ConflictError")
class UnpausesNothing(MemoryContainers):
    """ "A request about a name that the service has no container of is a NotFoundError"."""

    async def unpause(self, op: Unpause, /) -> Container:
        try:
            return await super().unpause(op)
        except NotFoundError:
            raise ConflictError("the container does not run") from None


class _Pooled(MemoryContainers):
    """Has eight connections."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._pool = asyncio.Semaphore(8)


def _in_turn(verb: str) -> Callable[[Any, Any], Awaitable[Any]]:
    async def called(self: Any, op: Any, /) -> Any:
        async with self._pool:
            return await getattr(MemoryContainers, verb)(self, op)

    return called


containers("09", "T2", "polls that wait take all connections of a client, and other requests wait")(
    type("SmallPool", (_Pooled,), {verb: _in_turn(verb) for verb in ("rest", "inspect", "logs")})
)


@containers("10", "T2", "a poll that is cancelled keeps its connection, so in the end none is left")
class LeakyPool(_Pooled):
    """ "concurrent callers never see each other …, also after a cancelled call"."""

    async def rest(self, op: Rest, /) -> Container:
        await self._pool.acquire()
        found = await super().rest(op)
        self._pool.release()
        return found

    async def inspect(self, op: Inspect, /) -> Container | None:
        async with self._pool:
            return await super().inspect(op)


@containers("11", "T2", "a list during which another client removes a container is a NotFoundError")
class ListsOneByOne(MemoryContainers):
    """The names are listed, then each container is looked at."""

    async def find(self, op: Find, /) -> tuple[Container, ...]:
        found = []
        for one in await super().find(op):
            seen = await self.inspect(Inspect(one.name))
            if seen is None:
                raise NotFoundError("there is no container of that name")
            found.append(seen)
        return tuple(found)


@containers("12", "T1", "images are listed in the order in which they came")
class ImagesAsTheyCame(MemoryContainers):
    """ "The engine's images that have a reference, by reference"."""

    async def list_images(self, op: ListImages, /) -> tuple[Image, ...]:
        await super().list_images(op)
        return tuple(self._images.values())


@containers("13", "T1", "a container made later under a name has the id of the one before")
class OneIdAName(MemoryContainers):
    """ "id: … another one for a container made later"."""

    async def run(self, op: Run, /) -> Container:
        await super().run(op)
        box = self._boxes[self._space, op.spec.name]
        box.id = f"id-{self._space}-{re.sub(r'[^a-z]', '', op.spec.name)}"
        return box.seen()


@containers("14", "T3", "closing a client takes the networks along that it made and nothing is on")
class TakesNetworks(MemoryContainers):
    """ "Closing": nothing of a service's goes with one client of it."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._made: set[str] = set()

    async def create_network(self, op: CreateNetwork, /) -> None:
        await super().create_network(op)
        self._made.add(op.network)

    async def aclose(self) -> None:
        used = {name for box in self._own() for name in box.spec.networks}
        for name in self._made - used:
            self._store.rows(("containers", "networks")).pop((self._space, name), None)


@containers("15", "T3", "what a container wrote to its volumes goes with it where that is by force")
class ForcedWithVolumes(MemoryContainers):
    """ "holds files that outlive the containers that have it"."""

    async def remove(self, op: Remove, /) -> bool:
        box = self._boxes.get((self._space, op.container))
        done = await super().remove(op)
        for mount in box.spec.mounts if box is not None and op.force else ():
            self._store.rows(("containers", "volumes"))[self._space, mount.volume] = {}
        return done
