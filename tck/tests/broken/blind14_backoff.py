"""Containers that wait for a restart while a hand is laid on them, and outages of who waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import (
    Container,
    EventKind,
    EventPage,
    ExecResult,
    LogPage,
    State,
)
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.box import Box
from omnicloud.memory.boxes import Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract


def _entered(number: str, about: str, tier: str = "T2") -> Any:
    return broken(f"BLIND14-CN-{number}", tier, about, ContainersContract)


class _Own(MemoryContainers):
    """With an engine of its own."""

    engine: type[Engine] = Engine

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._engine = type(self).engine(self._store)


class _TimerStays(Engine):
    def lie(self, box: Box) -> None:
        turn = box.turn
        super().lie(box)
        if box.by_hand:
            box.turn = turn

    def _again(self, box: Box, turn: int, at: float) -> None:
        if box.turn == turn and box.state is State.EXITED and box.by_hand and box.streak:
            box.state = State.RESTARTING
        super()._again(box, turn, at)


@_entered("21", "a stop in the wait for a restart does not call it off")
class StopLeavesTimer(_Own):
    engine = _TimerStays


class _PortsStay(Engine):
    def lie(self, box: Box) -> None:
        ports = box.ports
        super().lie(box)
        if box.by_hand and box.program is None:
            box.ports = ports


@_entered("22", "a stop in the wait for a restart keeps the ports from others")
class StopKeepsPorts(_Own):
    engine = _PortsStay


@_entered("23", "a start after a stop in the wait for a restart goes on counting restarts")
class CountsOn(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        self._waited()[box.id] = box.restarts if box.state is State.RESTARTING else 0
        return await super().stop(op)

    async def start(self, op: ops.Start, /) -> Container:
        box = await self._box(op.container)
        ended = box.state is State.EXITED
        await super().start(op)
        if ended:
            box.restarts = self._waited().pop(box.id, 0)
        return box.seen()

    def _waited(self) -> dict[str, int]:
        return self._store.rows(("containers", "waited"))


@_entered("24", "a restart in the wait for a restart is left to the policy")
class RestartWaits(MemoryContainers):
    async def restart(self, op: ops.Restart, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.RESTARTING:
            return box.seen()
        return await super().restart(op)


@_entered("25", "limits are changed of one that waits for a restart")
class UpdatesWaiting(MemoryContainers):
    async def update(self, op: ops.Update, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.RESTARTING:
            box.resources = box.resources.changed(op.limits)
            return box.seen()
        return await super().update(op)


@_entered("26", "a stop in the wait for a restart forgets with what code it ended")
class StopForgetsCode(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        waits = box.state is State.RESTARTING
        found = await super().stop(op)
        if waits:
            box.exit_code = 143
            return replace(found, exit_code=143)
        return found


@_entered("27", "a stop in the wait for a restart is told as an end")
class StopTellsAgain(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        waits = box.state is State.RESTARTING
        found = await super().stop(op)
        if waits:
            self._engine.tell(box, EventKind.EXITED, self._now(), box.exit_code)
        return found


@_entered("28", "a network goes while one that is on it waits for a restart")
class NetworkGoes(MemoryContainers):
    async def remove_network(self, op: Any, /) -> bool:
        waiting = [box for box in self._own() if box.state is State.RESTARTING]
        for box in waiting:
            box.state = State.EXITED
        try:
            return await super().remove_network(op)
        finally:
            for box in waiting:
                box.state = State.RESTARTING


@_entered("29", "the network of one that was stopped in the wait for a restart stays in use")
class NetworkStays(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.RESTARTING:
            for network in box.spec.networks:
                self._stuck()[self._space, network] = True
        return await super().stop(op)

    async def remove_network(self, op: Any, /) -> bool:
        if (self._space, op.network) in self._stuck():
            raise ConflictError("a container is on the network")
        return await super().remove_network(op)

    def _stuck(self) -> dict[tuple[str, str], bool]:
        return self._store.rows(("containers", "stuck"))


@_entered("30", "what was stopped in the wait for a restart is removed by force only")
class RemovedByForce(MemoryContainers):
    async def remove(self, op: ops.Remove, /) -> bool:
        box = self._boxes.get((self._space, op.container))
        if box is not None and box.by_hand and box.streak and not op.force:
            await self._store.reading()
            raise ConflictError("the container has not ended")
        return await super().remove(op)


@_entered("31", "a stop in the wait for a restart is not told to who waits for the end")
class RestsLate(MemoryContainers):
    async def rest(self, op: ops.Rest, /) -> Container:
        box = await self._box(op.container)
        waits = box.state is State.RESTARTING
        found = await super().rest(op)
        if waits and found.state is State.EXITED and op.wait > 1:
            await self._store.clock.sleep(op.wait)
        return found


# Outages of who waits


async def _back(driver: MemoryContainers) -> None:
    """Come to the moment at which the engine is there again."""
    while driver._store.down:
        await driver._store.clock.sleep(0.1)
    await driver._store.reading()


@_entered("32", "a wait for the end that an outage cuts answers how it stood", "T3")
class StoodBefore(MemoryContainers):
    async def rest(self, op: ops.Rest, /) -> Container:
        box = await self._box(op.container)
        try:
            return await super().rest(op)
        except UnavailableError:
            return box.seen()


@_entered("33", "a long poll of events that an outage cuts goes on from now", "T3")
class SkipsInOutage(MemoryContainers):
    async def events(self, op: Any, /) -> EventPage:
        if op.cursor is None or not op.wait:
            return await super().events(op)
        await self._store.reading()
        try:
            return await super().events(op)
        except UnavailableError:
            await _back(self)
            return await super().events(replace(op, cursor=None))


@_entered("34", "a long poll of lines that an outage cuts goes on behind what is there", "T3")
class LinesSkipped(MemoryContainers):
    async def logs(self, op: Any, /) -> LogPage:
        await self._store.reading()
        try:
            return await super().logs(op)
        except UnavailableError:
            await _back(self)
            box = await self._box(op.container)
            return LogPage((), str(box.told), ended=False)


@_entered("35", "a command that an outage cuts is told as ended by KILL", "T3")
class CommandKilled(MemoryContainers):
    async def exec(self, op: Any, /) -> ExecResult:
        result = await super().exec(op)
        if self._store.down:
            return ExecResult(137, b"", b"", truncated=False)
        return result


@_entered("36", "a stop whose grace an outage cuts is told as done", "T3")
class StopToldDone(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        try:
            return await super().stop(op)
        except UnavailableError:
            return replace(box.seen(), state=State.EXITED, exit_code=137)


@_entered("37", "after an outage a watcher is told what it was told before", "T3")
class ToldAgain(MemoryContainers):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._cut = False

    async def events(self, op: Any, /) -> EventPage:
        try:
            page = await super().events(op)
        except UnavailableError:
            self._cut = True
            raise
        if self._cut and op.cursor is not None:
            self._cut = False
            return await super().events(replace(op, cursor=str(max(0, int(op.cursor) - 3))))
        return page


@_entered("38", "after an outage a follower begins with the next line that is written", "T3")
class FollowsAnew(MemoryContainers):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._cut: set[str] = set()

    async def logs(self, op: Any, /) -> LogPage:
        try:
            if op.container in self._cut and op.cursor is not None and op.wait:
                box = await self._box(op.container)
                self._cut.discard(op.container)
                op = replace(op, cursor=str(box.told))
            return await super().logs(op)
        except UnavailableError:
            if op.wait:
                self._cut.add(op.container)
            raise
