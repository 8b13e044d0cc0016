"""containers drivers that an eleventh count of what the kit finds showed to live, and their kin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import attached
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, ExecResult, LogPage
from omnicloud.memory.attached import Reach
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import Program, started
from omnicloud_tck.containers import ContainersContract

_VOLUMES, _FILES = ("containers", "volumes"), ("containers", "files of volumes")


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND11-CO-{number}", tier, summary, ContainersContract)


@containers("06", "T2", "followers of one container through one client share the lines")
class OneFollower(MemoryContainers):
    """One stream from the engine per container and client: who reads a line has taken it."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._taken: dict[str, int] = {}

    async def logs(self, op: ops.Logs, /) -> LogPage:
        page = await super().logs(op)
        box = self._boxes.get((self._space, op.container))
        if op.wait <= 0 or box is None:
            return page
        end = int(page.cursor)
        first = end - len(page.lines)
        taken = self._taken.get(box.id, 0)
        self._taken[box.id] = max(taken, end)
        return replace(page, lines=page.lines[max(0, taken - first) :])


@containers("06d", "T2", "who follows a new container begins where the last of its name ended")
class GoesOnByName(MemoryContainers):
    """Keeps for each name how far its logs were told, for who gives no cursor."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._cursors: dict[str, str] = {}

    async def logs(self, op: ops.Logs, /) -> LogPage:
        if op.wait > 0 and op.cursor is None:
            op = replace(op, cursor=self._cursors.get(op.container))
        page = await super().logs(op)
        if page.ended:
            self._cursors[op.container] = page.cursor
        return page


@containers("06e", "T2", "who gives up takes the lines that others follow with it")
class LostWithOne(MemoryContainers):
    """The page under way is answered to who asked first, also where that one is gone."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._gone = 0

    async def logs(self, op: ops.Logs, /) -> LogPage:
        try:
            page = await super().logs(op)
        except asyncio.CancelledError:
            self._gone += 1
            raise
        if self._gone and op.cursor is not None and page.lines:
            self._gone -= 1
            return replace(page, lines=page.lines[1:])
        return page


@containers("06a", "T2", "who waits for a container with others gives up for all of them")
class OneWait(MemoryContainers):
    """One task per container waits for its end; a cancelled caller cancels it."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._waits: dict[str, asyncio.Future[Container]] = {}

    async def rest(self, op: ops.Rest, /) -> Container:
        found = self._waits.get(op.container)
        if found is None or found.done():
            found = asyncio.ensure_future(super().rest(op))
            self._waits[op.container] = found
        return await found


@containers("06b", "T2", "a client that runs a further command asks for no logs until its end")
class OneConnection(MemoryContainers):
    """Commands and logs go over one connection, one after another."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._held = asyncio.Lock()

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        async with self._held:
            return await super().exec(op)

    async def logs(self, op: ops.Logs, /) -> LogPage:
        async with self._held:
            return await super().logs(op)


@containers("06c", "T2", "two reads at once through one client answer with one page")
class OnePage(MemoryContainers):
    """The read under way answers whoever asks meanwhile, whatever the cursor."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._reads: dict[str, asyncio.Task[LogPage]] = {}

    async def logs(self, op: ops.Logs, /) -> LogPage:
        found = self._reads.get(op.container)
        if found is None or found.done():
            found = asyncio.ensure_future(super().logs(op))
            self._reads[op.container] = found
        return await asyncio.shield(found)


class VolumesOfTheEngine(MemoryContainers):
    """The engine's volumes under the names of the service's: another service has the same."""

    clears = True

    @property
    def _files(self) -> dict[str, Any]:
        return self._store.rows(_FILES)

    async def create_volume(self, op: attached.CreateVolume, /) -> None:
        await self._store.reading()
        files = self._files.setdefault(op.volume, {})
        self._store.rows(_VOLUMES).setdefault((self._space, op.volume), files)

    async def remove_volume(self, op: attached.RemoveVolume, /) -> bool:
        was = await super().remove_volume(op)
        if not any(name == op.volume for _, name in self._store.rows(_VOLUMES)):
            self._files.pop(op.volume, None)
        return was


containers("08", "T4", "two services with a volume of one name have one volume")(VolumesOfTheEngine)


@containers("08a", "T4", "a volume that a service removes is emptied in another one that has it")
class EmptiesOthers(MemoryContainers):
    """Deletes the folder of the name wherever one is."""

    async def remove_volume(self, op: attached.RemoveVolume, /) -> bool:
        was = await super().remove_volume(op)
        if was:
            for (_, name), files in self._store.rows(_VOLUMES).items():
                if name == op.volume:
                    files.clear()
        return was


@containers("08c", "T4", "a network that a service removes is gone in another one that has it")
class RemovesOthers(MemoryContainers):
    """Removes all that have the label of the name."""

    async def remove_network(self, op: attached.RemoveNetwork, /) -> bool:
        was = await super().remove_network(op)
        networks = self._store.rows(("containers", "networks"))
        for space, name in [*networks]:
            if was and name == op.network:
                del networks[space, name]
        return was


class _LastOnNetwork(Reach):
    """Finds the host wherever a network of the name is, the latest first."""

    def fetch(self, host: str, port: int, path: str) -> list[str] | None:
        if super().fetch(host, port, path) is None:
            return None
        boxes = self._store.rows(("containers", "boxes")).values()
        for other in reversed([*boxes]):
            common = set(self._box.spec.networks) & set(other.spec.networks)
            if common and other.spec.host == host and other.program is not None:
                folder = other.program.serving.get(port)
                if folder is not None:
                    return Reach(self._store, other).read(f"{folder}/{path}")
        return None


class _Latest(Engine):
    def program(self, box: Box, command: tuple[str, ...]) -> Program:
        env = {"PWD": box.spec.working_dir or "/", **box.spec.env}
        return started(command, env, _LastOnNetwork(self._store, box))


@containers("08b", "T4", "a host that two services have on networks of one name is the latest")
class HostsOfTheEngine(WithEngine):
    """Names are told for the engine, and asked for by the service."""

    kind = _Latest
