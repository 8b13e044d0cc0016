"""Volumes and networks of containers in memory, and what simulated programs reach by them."""

from __future__ import annotations

import math
from typing import TypeAlias

from omnicloud.contracts.containers import attached as ops
from omnicloud.contracts.containers.models import ContainerSpec, State
from omnicloud.errors import ConflictError, NotFoundError, ResourceExhaustedError
from omnicloud.memory.box import Box
from omnicloud.memory.store import MemoryStore

__all__ = ["MemoryAttached", "Reach", "check_attached", "free_ports"]

Files: TypeAlias = dict[str, list[str]]
"""Lines by path."""
_VOLUMES, _NETWORKS = ("containers", "volumes"), ("containers", "networks")
_BOXES = ("containers", "boxes")
_FIRST_CHOSEN_PORT = 49152  # of those that are nobody's, RFC 6335


class Reach:
    """Files and hosts as the programs of one container see them."""

    def __init__(self, store: MemoryStore, box: Box) -> None:
        self._store = store
        self._box = box

    def read(self, path: str) -> list[str] | None:
        """The lines of a file, where there is one."""
        files, inside, _ = self._place(path)
        return files.get(inside)

    def write(self, path: str, lines: list[str], *, more: bool = False) -> bool:
        """Write a file anew, or at its end; whether that is allowed."""
        files, inside, read_only = self._place(path)
        if not read_only:
            files[inside] = [*files.get(inside, ()), *lines] if more else lines
        return not read_only

    def fetch(self, host: str, port: int, path: str) -> list[str] | None:
        """The lines that another container on a common network serves, if one does."""
        for other in self._store.rows(_BOXES).values():
            if self._meets(other) and other.spec.host == host and other.program is not None:
                folder = other.program.serving.get(port)
                if folder is not None and other.state is State.RUNNING:
                    return Reach(self._store, other).read(f"{folder}/{path}")
        return None

    def transfer_seconds(self, *, read_bytes: int, written_bytes: int) -> float:
        """How long the container's limits make one transfer take."""
        limits = self._box.resources
        took = (
            read_bytes / (limits.read_bps or math.inf),
            written_bytes / (limits.write_bps or math.inf),
            bool(read_bytes) / (limits.read_iops or math.inf),
            bool(written_bytes) / (limits.write_iops or math.inf),
        )
        return max(took)

    def _place(self, path: str) -> tuple[Files, str, bool]:
        """The files that hold a path, the path inside, and whether they are read only."""
        mounts = [one for one in self._box.spec.mounts if path.startswith(f"{one.path}/")]
        if not mounts:
            return self._box.files, path, False
        mount = max(mounts, key=lambda one: len(one.path))
        files: Files = self._store.rows(_VOLUMES)[self._box.space, mount.volume]
        return files, path.removeprefix(mount.path), mount.read_only

    def _meets(self, other: Box) -> bool:
        common = set(self._box.spec.networks) & set(other.spec.networks)
        return self._box.space == other.space and bool(common)


class MemoryAttached:
    """Serves what is asked about volumes and networks."""

    _store: MemoryStore
    _space: str

    async def create_volume(self, op: ops.CreateVolume, /) -> None:
        await self._store.reading()
        empty: Files = {}
        self._store.rows(_VOLUMES).setdefault((self._space, op.volume), empty)

    async def list_volumes(self, op: ops.ListVolumes, /) -> tuple[str, ...]:
        await self._store.reading()
        return self._listed(_VOLUMES, op.prefix)

    async def remove_volume(self, op: ops.RemoveVolume, /) -> bool:
        await self._store.reading()
        if any(mount.volume == op.volume for box in self._own() for mount in box.spec.mounts):
            raise ConflictError("a container has the volume mounted", hint="remove it first")
        return self._store.rows(_VOLUMES).pop((self._space, op.volume), None) is not None

    async def create_network(self, op: ops.CreateNetwork, /) -> None:
        await self._store.reading()
        self._store.rows(_NETWORKS)[self._space, op.network] = True

    async def list_networks(self, op: ops.ListNetworks, /) -> tuple[str, ...]:
        await self._store.reading()
        return self._listed(_NETWORKS, op.prefix)

    async def remove_network(self, op: ops.RemoveNetwork, /) -> bool:
        await self._store.reading()
        on_it = (box for box in self._own() if op.network in box.spec.networks)
        if any(box.state is not State.EXITED for box in on_it):
            raise ConflictError("a container is on the network", hint="stop it first")
        return self._store.rows(_NETWORKS).pop((self._space, op.network), None) is not None

    def _listed(self, table: tuple[str, str], prefix: str) -> tuple[str, ...]:
        names = (name for space, name in self._store.rows(table) if space == self._space)
        return tuple(sorted(name for name in names if name.startswith(prefix)))

    def _own(self) -> list[Box]:
        boxes = self._store.rows(_BOXES).items()
        return [box for (space, _), box in boxes if space == self._space]


def check_attached(store: MemoryStore, space: str, spec: ContainerSpec) -> None:
    """See that all is there that a container is attached to.

    Raises:
        NotFoundError: A volume or a network is missing.
    """
    if any((space, one.volume) not in store.rows(_VOLUMES) for one in spec.mounts):
        raise NotFoundError("there is no volume of a name in mounts", hint="create it first")
    if any((space, name) not in store.rows(_NETWORKS) for name in spec.networks):
        raise NotFoundError("there is no network of a name in networks", hint="create it first")


def free_ports(store: MemoryStore, spec: ContainerSpec) -> dict[int, int]:
    """Ports of the one machine that all services share, by the container's.

    Raises:
        ConflictError: One that is asked for is taken.
        ResourceExhaustedError: All that are to be chosen from are.
    """
    if not spec.ports:
        return {}
    taken = {port for box in store.rows(_BOXES).values() for port in box.ports.values()}
    if any(one.host in taken for one in spec.ports):
        raise ConflictError("a port of the machine is taken", hint="give 0, or another one")
    taken |= {one.host for one in spec.ports}
    free = [number for number in range(_FIRST_CHOSEN_PORT, 1 << 16) if number not in taken]
    if len(free) < len(spec.ports):
        raise ResourceExhaustedError("the machine has no port left")
    return {one.container: one.host or free.pop() for one in spec.ports}
