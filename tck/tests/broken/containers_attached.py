"""containers drivers that lose volumes, mix them up, or let containers meet wrongly."""

from __future__ import annotations

from dataclasses import replace

from broken.containers_lives import Asking, WithEngine, containers
from omnicloud.contracts.containers import Container, Mount, State
from omnicloud.contracts.containers.attached import (
    CreateNetwork,
    CreateVolume,
    ListNetworks,
    ListVolumes,
    RemoveNetwork,
    RemoveVolume,
)
from omnicloud.contracts.containers.driver import Remove, Run, Start
from omnicloud.memory.attached import Reach
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import Program, started

_VOLUMES, _NETWORKS = ("containers", "volumes"), ("containers", "networks")


@containers("CV01", "T0", "volumes are not mounted")
class Unmounted(Asking):
    def asked(self, op: Run) -> Run:
        return replace(op, spec=replace(op.spec, mounts=()))


@containers("CV02", "T0", "volumes go with the container that had them")
class WithContainer(MemoryContainers):
    async def remove(self, op: Remove, /) -> bool:
        box = self._boxes.get((self._space, op.container))
        removed = await super().remove(op)
        for mount in box.spec.mounts if box and removed else ():
            self._store.rows(_VOLUMES)[self._space, mount.volume] = {}
        return removed


@containers("CV03", "T1", "read_only is forgotten")
class Writable(Asking):
    def asked(self, op: Run) -> Run:
        mounts = tuple(replace(one, read_only=False) for one in op.spec.mounts)
        return replace(op, spec=replace(op.spec, mounts=mounts))


@containers("CV04", "T1", "create empties a volume that is there")
class Empties(MemoryContainers):
    async def create_volume(self, op: CreateVolume, /) -> None:
        await super().create_volume(op)
        self._store.rows(_VOLUMES)[self._space, op.volume] = {}


@containers("CV05", "T1", "a volume that is missing is made by run")
class MakesVolumes(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        for mount in op.spec.mounts:
            await self.create_volume(CreateVolume(mount.volume))
        return await super().run(op)


@containers("CV06", "T1", "only containers that run keep a volume")
class EndedLoseIt(MemoryContainers):
    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        await self._store.reading()
        return self._store.rows(_VOLUMES).pop((self._space, op.volume), None) is not None


@containers("CV07", "T1", "a removed volume is only hidden, and comes back with its files")
class Hidden(MemoryContainers):
    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        kept = self._store.rows(_VOLUMES).get((self._space, op.volume))
        removed = await super().remove_volume(op)
        if kept is not None and removed:
            self._store.rows(("hidden",))[self._space, op.volume] = kept
        return removed

    async def create_volume(self, op: CreateVolume, /) -> None:
        await super().create_volume(op)
        kept = self._store.rows(("hidden",)).pop((self._space, op.volume), None)
        if kept is not None:
            self._store.rows(_VOLUMES)[self._space, op.volume] = kept


@containers("CV08", "T1", "of several mounts only the first is made")
class FirstMount(Asking):
    def asked(self, op: Run) -> Run:
        return replace(op, spec=replace(op.spec, mounts=op.spec.mounts[:1]))


@containers("CV09", "T4", "volumes are the engine's: services share them")
class SharedVolumes(MemoryContainers):
    def _shared(self) -> None:
        rows = self._store.rows(_VOLUMES)
        for (space, name), files in list(rows.items()):
            first = rows.setdefault(("", name), files)
            rows[space, name] = first

    async def create_volume(self, op: CreateVolume, /) -> None:
        await super().create_volume(op)
        self._shared()


@containers("CV10", "T4", "list_volumes tells those of other services")
class ListsAll(MemoryContainers):
    async def list_volumes(self, op: ListVolumes, /) -> tuple[str, ...]:
        await self._store.reading()
        names = {name for _, name in self._store.rows(_VOLUMES)}
        return tuple(sorted(name for name in names if name.startswith(op.prefix)))


class _Meeting(Reach):
    """Meets others in a way of its own."""

    def _meets(self, other: Box) -> bool:
        return self._box.space == other.space


@containers("CV11", "T0", "all containers of a service reach each other")
class OneNetwork(WithEngine):
    class kind(Engine):
        def program(self, box: Box, command: object) -> Program:
            return started(command, box.spec.env, _Meeting(self._store, box))  # type: ignore[arg-type]


@containers("CV12", "T1", "a container is on the first of its networks alone")
class FirstNetwork(Asking):
    def asked(self, op: Run) -> Run:
        return replace(op, spec=replace(op.spec, networks=op.spec.networks[:1]))


@containers("CV13", "T1", "host is forgotten: only the name is known")
class NoHost(Asking):
    def asked(self, op: Run) -> Run:
        host = op.spec.name if op.spec.networks else None
        return replace(op, spec=replace(op.spec, host=host))


@containers("CV14", "T1", "a network is removed under a container that runs")
class RemovesUnder(MemoryContainers):
    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        await self._store.reading()
        return self._store.rows(_NETWORKS).pop((self._space, op.network), None) is not None


@containers("CV15", "T1", "a network that is missing is made by run and by start")
class MakesNetworks(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        for network in op.spec.networks:
            await self.create_network(CreateNetwork(network))
        return await super().run(op)

    async def start(self, op: Start, /) -> Container:
        for network in (await self._box(op.container)).spec.networks:
            await self.create_network(CreateNetwork(network))
        return await super().start(op)


@containers("CV16", "T1", "remove_network tells True of what is not there")
class AlwaysRemoved(MemoryContainers):
    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        await super().remove_network(op)
        return True


@containers("CV17", "T1", "networks are listed in the order of their making")
class Unordered(MemoryContainers):
    async def list_networks(self, op: ListNetworks, /) -> tuple[str, ...]:
        told = set(await super().list_networks(op))
        rows = self._store.rows(_NETWORKS)
        return tuple(name for space, name in rows if space == self._space and name in told)


class _Everywhere(Reach):
    """Meets those of other services and tenants on networks of the same last name."""

    def _meets(self, other: Box) -> bool:
        own = {name.rpartition("/")[2] for name in self._box.spec.networks}
        return bool(own & {name.rpartition("/")[2] for name in other.spec.networks})


@containers("CV18", "T4", "networks of one name are one network, whoever made them")
class SharedNetworks(WithEngine):
    class kind(Engine):
        def program(self, box: Box, command: object) -> Program:
            return started(command, box.spec.env, _Everywhere(self._store, box))  # type: ignore[arg-type]


@containers("CV19", "T1", "the volume is mounted, at the path of another")
class Crossed(Asking):
    def asked(self, op: Run) -> Run:
        paths = sorted(one.path for one in op.spec.mounts)
        named = sorted(op.spec.mounts, key=lambda one: one.volume)
        mounts = tuple(
            Mount(one.volume, path, one.read_only) for one, path in zip(named, paths, strict=True)
        )
        return replace(op, spec=replace(op.spec, mounts=mounts))


@containers("CV20", "T3", "a container that was removed still answers on its network")
class Ghosts(MemoryContainers):
    async def remove(self, op: Remove, /) -> bool:
        box = self._boxes.get((self._space, op.container))
        program = box.program if box else None
        removed = await super().remove(op)
        if removed and box is not None and box.spec.networks and program is not None:
            ghost = replace(box, program=program)
            ghost.state = State.RUNNING
            self._store.rows(("containers", "boxes"))["ghost", op.container] = ghost
        return removed


@containers("CV21", "T1", "with a volume go all whose names begin with its name")
class ByPrefix(MemoryContainers):
    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        removed = await super().remove_volume(op)
        for name in await self.list_volumes(ListVolumes(op.volume)):
            self._store.rows(_VOLUMES).pop((self._space, name))
        return removed


@containers("CV22", "T1", "with a network go all whose names begin with its name")
class NetworksByPrefix(MemoryContainers):
    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        removed = await super().remove_network(op)
        for name in await self.list_networks(ListNetworks(op.network)):
            self._store.rows(_NETWORKS).pop((self._space, name))
        return removed


@containers("CV23", "T1", "read_only at one path counts for the volume at all paths")
class ReadOnlyEverywhere(Asking):
    def asked(self, op: Run) -> Run:
        held = {one.volume for one in op.spec.mounts if one.read_only}
        mounts = tuple(replace(one, read_only=one.volume in held) for one in op.spec.mounts)
        return replace(op, spec=replace(op.spec, mounts=mounts))


@containers("CV24", "T3", "a container that is started again has lost its own files")
class FreshFiles(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        (await self._box(op.container)).files.clear()
        return await super().start(op)
