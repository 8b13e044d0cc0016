"""containers drivers written against the contract alone, for an eighth count of what is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.containers_lives import WithEngine
from broken.registry import broken
from omnicloud.contracts.containers import Container, ExecResult, Health, State, Stats
from omnicloud.contracts.containers.driver import Exec, Find, Logs, Rest, Run, Sample
from omnicloud.contracts.containers.models import LogPage
from omnicloud.errors import DeadlineExceededError, NotFoundError
from omnicloud.memory.attached import Reach
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import Program, started
from omnicloud_tck.containers import ContainersContract


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-CON-{number}", tier, summary, ContainersContract)


@containers("01", "T1", "a label that is asked for with an empty value matches any value")
class EmptyLabelIsAny(MemoryContainers):
    """ "that have all labels". An engine's filter ``label=key`` is no ``label=key=``."""

    async def find(self, op: Find, /) -> tuple[Container, ...]:
        valued = {key: value for key, value in op.labels.items() if value}
        found = await super().find(replace(op, labels=valued))
        return tuple(one for one in found if set(op.labels) <= set(one.labels))


@containers("02", "T1", "a cut of what a further command wrote to stderr is not told")
class CutsErrorsSilently(MemoryContainers):
    """ "truncated: Whether it wrote more than is kept", of either stream."""

    async def exec(self, op: Exec, /) -> ExecResult:
        said = await super().exec(op)
        whole = len(said.stdout) < self.limits.exec_output_max_bytes
        return replace(said, truncated=said.truncated and not whole)


@containers("03", "T1", "stderr of a further command is kept up to 64 KiB, which is told as whole")
class KeepsLittleOfErrors(MemoryContainers):
    """ "At most exec_output_max_bytes", which are a mebibyte."""

    async def exec(self, op: Exec, /) -> ExecResult:
        said = await super().exec(op)
        return replace(said, stderr=said.stderr[:65536])


@containers("04", "T2", "who follows the log of a container that another removes waits for ever")
class FollowsTheRemoved(MemoryContainers):
    """ "With follow until the container has ended or is removed"."""

    async def logs(self, op: Logs, /) -> LogPage:
        try:
            return await super().logs(op)
        except NotFoundError:
            if op.cursor is None:
                raise
            await self._store.clock.sleep(op.wait)
            return LogPage((), op.cursor, ended=False)


@containers("05", "T2", "who waits for the end of a container that another removes waits for ever")
class WaitsForTheRemoved(MemoryContainers):
    """ "one about a container that is not there NotFoundError"."""

    async def rest(self, op: Rest, /) -> Container:
        found = (await self._box(op.container)).seen()
        try:
            return await super().rest(op)
        except NotFoundError:
            while True:
                await self._store.clock.sleep(op.wait or 1.0)
                if (self._space, op.container) in self._boxes:
                    return found


class _Summing(Engine):
    def begin(self, box: Box, at: float) -> None:
        before = box.cpu_seconds
        super().begin(box, at)
        box.cpu_seconds += before


@containers("06", "T3", "processor time goes on from the run before instead of beginning anew")
class SumsWork(WithEngine):
    """ "Processor time since the start of its run"."""

    kind = _Summing


@containers("07", "T3", "after a restart the first sample is that of the run before")
class OldSample(MemoryContainers):
    """As above: samples are kept by name, and the key of the run is left out."""

    _last: tuple[str, int, Stats] | None = None

    async def sample(self, op: Sample, /) -> Stats:
        found, box = await super().sample(op), await self._box(op.container)
        last, self._last = self._last, (box.id, box.turn, found)
        old = last is not None and last[0] == box.id and last[1] != box.turn
        return last[2] if last is not None and old else found


@containers("08", "T4", "the error about a missing image tells the request, variables included")
class TellsTheRequest(MemoryContainers):
    """ "Its environment. Left out of repr: it may hold secrets"."""

    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except NotFoundError as missing:
            raise NotFoundError(f"{missing}: POST /create Env={dict(op.spec.env)}") from None


@containers("09", "T4", "the error about a further command that takes too long tells the command")
class TellsTheCommand(MemoryContainers):
    """Commands are left out of ``repr`` as variables are."""

    async def exec(self, op: Exec, /) -> ExecResult:
        try:
            return await super().exec(op)
        except DeadlineExceededError:
            raise DeadlineExceededError(f"{op.command} had not ended") from None


class _Everywhere(Reach):
    def _meets(self, other: Box) -> bool:
        return bool(set(self._box.spec.networks) & set(other.spec.networks))


class _Joined(Engine):
    def program(self, box: Box, command: Any) -> Program:
        return started(command, box.spec.env, _Everywhere(self._store, box))


@containers("10", "T4", "networks of one name are one for all services on the engine")
class OneNetworkForAll(WithEngine):
    """ "Both belong to one service and tenant"."""

    kind = _Joined


@containers("11", "T4", "a missing volume is taken from another service that has one so named")
class TakesAnothersVolume(MemoryContainers):
    """As above; and "There is no such image, volume or network; nothing was made"."""

    async def run(self, op: Run, /) -> Container:
        rows = self._store.rows(("containers", "volumes"))
        for mount in op.spec.mounts:
            same = [files for (_, name), files in rows.items() if name == mount.volume]
            if same:
                rows.setdefault((self._space, mount.volume), same[0])
        return await super().run(op)


class _WritableAgain(Engine):
    def begin(self, box: Box, at: float) -> None:
        if box.turn:
            mounts = (replace(mount, read_only=False) for mount in box.spec.mounts)
            box.spec = replace(box.spec, mounts=tuple(mounts))
        super().begin(box, at)


@containers("12", "T4", "a read-only mount can be written once the container was started again")
class WritableAgain(WithEngine):
    """ "read_only: Whether the container cannot change it", in every run."""

    kind = _WritableAgain


class _OldCode(Engine):
    def begin(self, box: Box, at: float) -> None:
        code = box.exit_code
        super().begin(box, at)
        if box.state is State.RUNNING and box.exit_code is None:
            box.exit_code = code


@containers("13", "T1", "a container that was started again tells the exit code of the run before")
class OldCode(WithEngine):
    """ "exit_code: None while it runs or is paused"."""

    kind = _OldCode


class _Patient(Engine):
    def _check(self, box: Box, turn: int, at: float) -> None:
        whole = box.spec
        if whole.health is not None:
            box.spec = replace(whole, health=replace(whole.health, timeout=3600.0))
        super()._check(box, turn, at)
        box.spec = whole


@containers("14", "T3", "a check that ends well after its timeout counts as well")
class PatientChecks(WithEngine):
    """ "timeout: Seconds after which a check counts as failed"."""

    kind = _Patient


class _Insists(Engine):
    def _find(self, box: Box, health: Health, kind: Any, at: float) -> None:
        if box.health is health is Health.UNHEALTHY:
            self.tell(box, kind, at)
        super()._find(box, health, kind, at)


@containers("15", "T1", "that a container is unhealthy is told again at every check")
class Insists(WithEngine):
    """ "events tells every change of a container"."""

    kind = _Insists
