"""Containers drivers that are wrong as those over an engine's client would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, ExecResult, LogPage, State
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.attached import Reach
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import Program, started
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract


def containers(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, ContainersContract)


@containers("B6-CT-01", "T0", "a container that has ended has no logs")
class LogsOfRunning(MemoryContainers):
    async def logs(self, op: ops.Logs, /) -> LogPage:
        page = await super().logs(op)
        box = await self._box(op.container)
        return LogPage((), page.cursor, True) if box.state is State.EXITED else page


@containers("B6-CT-02", "T1", "a prefix is found anywhere in a name, as an engine's filter does")
class FindsWithin(MemoryContainers):
    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        every = await super().find(replace(op, prefix=""))
        return tuple(one for one in every if op.prefix in one.name)


@containers("B6-CT-03", "T1", "what a further command writes to stderr comes as stdout")
class OneStream(MemoryContainers):
    async def exec(self, op: ops.Exec, /) -> ExecResult:
        result = await super().exec(op)
        return replace(result, stdout=result.stdout + result.stderr, stderr=b"")


@containers("B6-CT-04", "T1", "restarts are counted since the container was made")
class CountsRestartsForLife(MemoryContainers):
    async def start(self, op: ops.Start, /) -> Container:
        before = (await self._box(op.container)).restarts
        await super().start(op)
        box = await self._box(op.container)
        box.restarts = before
        return box.seen()


@containers("B6-CT-05", "T2", "of two who follow, each new line reaches one")
class OneFollower(MemoryContainers):
    async def logs(self, op: ops.Logs, /) -> LogPage:
        box = await self._box(op.container)
        at, until = int(op.cursor or 0), self._now() + op.wait
        waits = box.told <= at and box.state is not State.EXITED and op.wait > 0
        page = await super().logs(op)
        taken, call = self._store.rows("lines taken"), object()
        if not waits or not page.lines or taken.setdefault((box.id, at), call) is call:
            return page
        if page.ended:
            return replace(page, lines=())
        return await self.logs(replace(op, cursor=page.cursor, wait=max(0.0, until - self._now())))


@containers("B6-CT-06", "T2", "a second stop is answered at once, while the first still waits")
class StopsOnce(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        stopping = self._store.rows("stopping")
        if stopping.get(box.id) == box.turn:
            return box.seen()
        stopping[box.id] = box.turn
        return await super().stop(op)


@containers("B6-CT-07", "T3", "a paused container is not let go on to be stopped, so it is killed")
class StopsFrozen(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is not State.PAUSED:
            return await super().stop(op)
        box.by_hand, turn, then = True, box.turn, self._now() + op.grace
        self._store.at(then, lambda: self._engine.kill(box, turn, then))
        while box.turn == turn:
            await self._later(op.grace)
        return box.seen()


class _NeverSteady(Engine):
    def end(self, box: Box, code: int, at: float) -> None:
        box.began = at
        super().end(box, code, at)


@containers("B6-CT-08", "T3", "the waits before restarts grow for ever, however long runs were")
class WaitsGrow(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._engine = _NeverSteady(store)


@containers("B6-CT-09", "T4", "the error of a program that cannot be started shows its environment")
class ShowsEnvironment(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        try:
            return await super().run(op)
        except InvalidArgumentError as error:
            shown = " ".join(f"-e {name}={value}" for name, value in op.spec.env.items())
            raise InvalidArgumentError(f"run {shown} failed: {error}") from None


class _Bridged(Reach):
    def _meets(self, other: Box) -> bool:
        both = self._box.spec.networks and other.spec.networks
        return self._box.space == other.space and bool(both)


class _BridgedEngine(Engine):
    def program(self, box: Box, command: Sequence[str]) -> Program:
        return started(command, box.spec.env, _Bridged(self._store, box))


@containers("B6-CT-10", "T4", "all networks are one bridge: hosts of others are reached")
class OneBridge(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._engine = _BridgedEngine(store)
