"""containers drivers that are wrong about what runs: commands, limits, pauses, checks."""

from __future__ import annotations

from dataclasses import replace

from broken.containers_lives import Asking, WithEngine, containers
from omnicloud.contracts.containers import Container, Resources, State
from omnicloud.contracts.containers.driver import (
    Exec,
    Inspect,
    Pause,
    Run,
    Sample,
    Stop,
    Update,
)
from omnicloud.contracts.containers.models import ExecResult, HealthCheck, Stats
from omnicloud.memory.boxes import KILLED, Box, Engine
from omnicloud.memory.containers import MemoryContainers


@containers("CR01", "T1", "exec answers 0 whatever the command ended with")
class ExecIsWell(MemoryContainers):
    async def exec(self, op: Exec, /) -> ExecResult:
        return replace(await super().exec(op), exit_code=0)


@containers("CR02", "T1", "exec mixes the two streams")
class ExecMixes(MemoryContainers):
    async def exec(self, op: Exec, /) -> ExecResult:
        said = await super().exec(op)
        return replace(said, stdout=said.stdout + said.stderr, stderr=b"")


@containers("CR03", "T1", "exec starts a container that has ended")
class ExecStarts(MemoryContainers):
    async def exec(self, op: Exec, /) -> ExecResult:
        box = await self._box(op.container)
        if box.state is State.EXITED:
            self._engine.begin(box, self._now())
        return await super().exec(op)


@containers("CR04", "T3", "exec waits for as long as the command takes")
class ExecWaits(MemoryContainers):
    async def exec(self, op: Exec, /) -> ExecResult:
        return await super().exec(replace(op, wait=op.wait + 30))


@containers("CR05", "T1", "processor time is told as a share")
class Shares(MemoryContainers):
    async def sample(self, op: Sample, /) -> Stats:
        return replace(await super().sample(op), cpu_seconds=0.5)


@containers("CR06", "T1", "processor time starts anew with every question")
class FromZero(MemoryContainers):
    async def sample(self, op: Sample, /) -> Stats:
        box = await self._box(op.container)
        told = await super().sample(op)
        box.cpu_seconds = -box.cpu_seconds
        return told


@containers("CR07", "T1", "limits of a spec are not set")
class NoLimits(Asking):
    def asked(self, op: Run) -> Run:
        return replace(op, spec=replace(op.spec, cpu=None, memory_bytes=None))


@containers("CR08", "T1", "update starts the container again")
class UpdateRestarts(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        await super().update(op)
        box = await self._box(op.container)
        self._engine.begin(box, self._now() + 0.001)
        return box.seen()


@containers("CR09", "T1", "update of one limit takes the other away")
class UpdateReplaces(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        await super().update(op)
        box = await self._box(op.container)
        box.resources = op.limits
        return box.seen()


@containers("CR10", "T2", "update changes all containers")
class UpdatesAll(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        seen = await super().update(op)
        for box in self._boxes.values():
            box.resources = box.resources.changed(op.limits)
        return seen


@containers("CR11", "T1", "update answers what was asked and changes nothing")
class UpdateLies(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        return replace(box.seen(), resources=box.resources.changed(op.limits))


@containers("CR12", "T1", "processor limits are kept and not enforced")
class Unenforced(WithEngine):
    class kind(Engine):
        def go_on(self, box: Box, turn: int, at: float) -> None:
            kept, box.resources = box.resources, Resources()
            super().go_on(box, turn, at)
            box.resources = kept


@containers("CR13", "T1", "pause is said and not done")
class PauseSaid(MemoryContainers):
    async def pause(self, op: Pause, /) -> Container:
        return replace(await super().inspect(Inspect(op.container)) or _NONE, state=State.PAUSED)


_NONE = Container(name="", id="", state=State.PAUSED)


@containers("CR14", "T1", "stop kills what is paused")
class PausedDies(MemoryContainers):
    async def stop(self, op: Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.PAUSED:
            box.by_hand = True
            self._engine.end(box, KILLED, self._now())
        return await super().stop(op)


class _Checking(Asking):
    def check(self, given: HealthCheck) -> HealthCheck:
        return given

    def asked(self, op: Run) -> Run:
        given = op.spec.health
        return replace(op, spec=replace(op.spec, health=given and self.check(given)))


@containers("CR15", "T1", "one failure makes a container unhealthy")
class AtOnce(_Checking):
    def check(self, given: HealthCheck) -> HealthCheck:
        return replace(given, retries=1)


@containers("CR16", "T1", "every check is taken for well")
class AllWell(_Checking):
    def check(self, given: HealthCheck) -> HealthCheck:
        return replace(given, command=("true",))


@containers("CR17", "T2", "a program that works uses more than it can")
class TimesTen(WithEngine):
    class kind(Engine):
        def go_on(self, box: Box, turn: int, at: float) -> None:
            before = box.cpu_seconds
            super().go_on(box, turn, at)
            box.cpu_seconds += 9 * (box.cpu_seconds - before)


class _Held(MemoryContainers):
    """Tells other throttling than there was."""

    def told(self, stats: Stats, before: Stats | None) -> Stats:
        return stats

    async def sample(self, op: Sample, /) -> Stats:
        stats = await super().sample(op)
        kept = self._store.rows(("containers", "told"))
        before, kept[op.container] = kept.get(op.container), stats
        return self.told(stats, before)


@containers("CR18", "T1", "throttling is declared, and told as zero")
class NeverThrottled(_Held):
    def told(self, stats: Stats, before: Stats | None) -> Stats:
        return replace(stats, throttled_periods=0, throttled_seconds=0.0)


@containers("CR19", "T1", "throttling is told since the last question")
class ThrottledSince(_Held):
    def told(self, stats: Stats, before: Stats | None) -> Stats:
        if before is None:
            return stats
        seconds = (stats.throttled_seconds or 0.0) - (before.throttled_seconds or 0.0)
        return replace(stats, throttled_seconds=seconds)


@containers("CR20", "T2", "what has no limit is told to be throttled as well")
class AllThrottled(_Held):
    def told(self, stats: Stats, before: Stats | None) -> Stats:
        if stats.throttled_periods:
            return stats
        return replace(stats, throttled_periods=1, throttled_seconds=0.05)


@containers("CR21", "T1", "throttled time is told in nanoseconds")
class InNanoseconds(_Held):
    def told(self, stats: Stats, before: Stats | None) -> Stats:
        return replace(stats, throttled_seconds=(stats.throttled_seconds or 0.0) * 1e9)


@containers("CR22", "T1", "throttling is declared, and left out where there was none")
class NoneForZero(_Held):
    def told(self, stats: Stats, before: Stats | None) -> Stats:
        return stats if stats.throttled_periods else replace(stats, throttled_periods=None)
