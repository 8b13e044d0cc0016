"""containers drivers whose logs and events are wrong."""

from __future__ import annotations

from dataclasses import replace

from broken.containers_lives import WithEngine, containers
from omnicloud.contracts.containers import Container, EventKind, Stream
from omnicloud.contracts.containers.driver import Events, Inspect, Logs, Start
from omnicloud.contracts.containers.models import EventPage, LogLine, LogPage, State
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers


class _Told(MemoryContainers):
    """Tells other lines than were written."""

    def told(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        return lines

    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(op)
        return replace(page, lines=self.told(page.lines))


@containers("CL01", "T1", "every hundredth line of a page is lost")
class LosesSome(_Told):
    def told(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        return tuple(line for at, line in enumerate(lines, 1) if at % 100)


@containers("CL02", "T1", "all lines are of standard output")
class OneStream(_Told):
    def told(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        return tuple(replace(line, stream=Stream.STDOUT) for line in lines)


@containers("CL03", "T1", "lines are stripped, empty ones left out")
class Stripped(_Told):
    def told(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        kept = (replace(line, data=line.data.strip()) for line in lines)
        return tuple(line for line in kept if line.data)


@containers("CL04", "T1", "lines are cut into pieces of 16 KiB")
class Pieces(_Told):
    def told(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        size = 16 << 10
        return tuple(
            replace(line, data=line.data[at : at + size])
            for line in lines
            for at in range(0, max(1, len(line.data)), size)
        )


@containers("CL05", "T3", "what a rotation takes away is lost to a follower")
class LosesAtRotation(WithEngine):
    class kind(Engine):
        def _take_lines(self, box: Box, at: float) -> None:
            before = box.told // 500
            super()._take_lines(box, at)
            if box.told // 500 != before:
                box.lines.clear()


@containers("CL06", "T3", "a follower is told lines twice after a rotation")
class TwiceAtRotation(MemoryContainers):
    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(op)
        at = int(page.cursor)
        return replace(page, cursor=str(at - 3)) if page.lines and 500 < at < 560 else page


@containers("CL07", "T1", "lines are told when the program has ended")
class AtTheEnd(MemoryContainers):
    async def logs(self, op: Logs, /) -> LogPage:
        found = await self.inspect(Inspect(op.container))
        if found is None or found.state is State.EXITED:
            return await super().logs(op)
        await self._store.clock.sleep(max(op.wait, 0.05))
        return LogPage((), op.cursor or "0", ended=False)


@containers("CL08", "T1", "a start forgets the lines of earlier runs")
class Forgets(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        (await self._box(op.container)).lines.clear()
        return await super().start(op)


@containers("CL09", "T1", "a stream's lines come back in reverse within a page")
class Reversed(_Told):
    def told(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        return tuple(reversed(lines))


class _Telling(WithEngine):
    """Notes other events than happen."""


@containers("CE01", "T1", "ends are not told")
class NoEnds(_Telling):
    class kind(Engine):
        def tell(self, box: Box, kind: EventKind, at: float, exit_code: int | None = None) -> None:
            if kind is not EventKind.EXITED:
                super().tell(box, kind, at, exit_code)


@containers("CE02", "T1", "restarts are not told")
class NoRestarts(_Telling):
    class kind(Engine):
        def tell(self, box: Box, kind: EventKind, at: float, exit_code: int | None = None) -> None:
            if not box.restarts:
                super().tell(box, kind, at, exit_code)


@containers("CE03", "T2", "who waits for events is told when the wait is over")
class WholeWait(MemoryContainers):
    async def events(self, op: Events, /) -> EventPage:
        if op.cursor is not None:
            await self._store.clock.sleep(op.wait)
        return await super().events(replace(op, wait=0.0))


@containers("CE04", "T1", "events of one container come as its last only")
class LastOnly(MemoryContainers):
    async def events(self, op: Events, /) -> EventPage:
        page = await super().events(op)
        last = {event.name: event for event in page.events}
        return replace(page, events=tuple(last.values()))


@containers("CE05", "T1", "the prefix of events is ignored")
class NoPrefix(MemoryContainers):
    async def events(self, op: Events, /) -> EventPage:
        return await super().events(replace(op, prefix=""))


@containers("CE06", "T3", "of what happened meanwhile a watcher is told the last 256 events")
class KeepsTheLast(MemoryContainers):
    async def events(self, op: Events, /) -> EventPage:
        page = await super().events(op)
        return replace(page, events=page.events[-256:])
