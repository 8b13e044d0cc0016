"""containers drivers that take another figure than they were given, or tell another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import (
    Container,
    EventKind,
    ExecResult,
    Health,
    HealthCheck,
    Image,
    LogLine,
    State,
    Stream,
)
from omnicloud.contracts.containers.driver import Exec, Logs, Run
from omnicloud.contracts.containers.images import ListImages
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.errors import UnavailableError
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-CONF-{number}", tier, summary, ContainersContract)


class Checking(MemoryContainers):
    """Takes another check than it was given."""

    def checked(self, check: HealthCheck) -> HealthCheck:
        return check

    async def run(self, op: Run, /) -> Container:
        check = op.spec.health
        if check is not None:
            op = replace(op, spec=replace(op.spec, health=self.checked(check)))
        return await super().run(op)


@containers("01", "T3", "a further command is given up after 15 s, whatever it was given")
class CutsCommands(MemoryContainers):
    """ "DeadlineExceededError: It had not ended after wait seconds", not after a client's own."""

    async def exec(self, op: Exec, /) -> ExecResult:
        return await super().exec(replace(op, wait=min(op.wait, 15.0)))


@containers("02", "T2", "each check that goes well is told as an event")
class TellsEachCheck(WithEngine):
    """ "events tells every change of a container"; this is none."""

    class kind(Engine):
        def _find(self, box: Box, health: Health, kind: EventKind, at: float) -> None:
            if box.health is health is Health.HEALTHY:
                self.tell(box, kind, at)
            super()._find(box, health, kind, at)


@containers("03", "T1", "a line is cut at 64 KiB")
class CutsLines(MemoryContainers):
    """As a scanner of lines with a buffer of its usual size does."""

    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(op)
        return replace(page, lines=tuple(replace(one, data=one.data[:65536]) for one in page.lines))


@containers("04", "T1", "a line on stderr of more than 16 KiB is told as several")
class SplitsErrors(MemoryContainers):
    """The engine's pieces, joined for one stream only."""

    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(op)
        return replace(page, lines=tuple(part for one in page.lines for part in _parts(one)))


def _parts(line: LogLine) -> list[LogLine]:
    if line.stream is Stream.STDOUT or not line.data:
        return [line]
    starts = range(0, len(line.data), 16384)
    return [replace(line, data=line.data[at : at + 16384]) for at in starts]


@containers("05", "T1", "an image in a list has no size")
class SizesNothing(MemoryContainers):
    """ "size_bytes: On the engine's disk"."""

    async def list_images(self, op: ListImages, /) -> tuple[Image, ...]:
        return tuple(replace(one, size_bytes=0) for one in await super().list_images(op))


@containers("06", "T3", "an event is stamped when it is told")
class StampsTheTelling(MemoryContainers):
    """ "One change of one container", and when that was."""

    def _since(self, prefix: str, after: int) -> EventPage:
        page, now = super()._since(prefix, after), self._store.clock.wall()
        return replace(page, events=tuple(replace(one, at=now) for one in page.events))


@containers("07", "T1", "the answer to a run has a label of the library's own")
class OwnLabels(MemoryContainers):
    """ "labels: As the spec has them"."""

    async def run(self, op: Run, /) -> Container:
        made = await super().run(op)
        return replace(made, labels={**made.labels, "omnicloud.name": made.name})


@containers("08", "T3", "a check has no more time than its interval")
class ShortTimeouts(Checking):
    """ "timeout: Seconds after which a check counts as failed"."""

    def checked(self, check: HealthCheck) -> HealthCheck:
        return replace(check, timeout=min(check.timeout, check.interval))


@containers("09", "T1", "three failures make a container unhealthy, however many were asked for")
class ThreeFailures(Checking):
    """ "retries: So many failures in a row make a container unhealthy"."""

    def checked(self, check: HealthCheck) -> HealthCheck:
        return replace(check, retries=min(check.retries, 3))


@containers("10", "T3", "a container is checked every ten seconds at least")
class ChecksOften(Checking):
    """ "interval: Seconds from one check to the next, and before the first"."""

    def checked(self, check: HealthCheck) -> HealthCheck:
        return replace(check, interval=min(check.interval, 10.0))


@containers("11", "T3", "who follows a silence of more than 15 s is told of an error")
class SilenceIsAnError(MemoryContainers):
    """A client's own limit on reading an answer that may lawfully be long in coming."""

    async def logs(self, op: Logs, /) -> LogPage:
        page = await super().logs(replace(op, wait=min(op.wait, 15.0)))
        if op.wait > 15.0 and not page.lines and not page.ended:
            raise UnavailableError("the engine did not answer in 15 s")
        return page


@containers("12", "T3", "a run that the policy began has the exit code of the one before")
class OldCodes(WithEngine):
    """ "exit_code: None while it runs or is paused"."""

    class kind(Engine):
        def _again(self, box: Box, turn: int, at: float) -> None:
            code = box.exit_code
            super()._again(box, turn, at)
            if box.state is State.RUNNING:
                box.exit_code = code
