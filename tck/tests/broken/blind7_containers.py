"""Containers drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.containers import attached
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, ExecResult, LogPage, State
from omnicloud.errors import AlreadyExistsError
from omnicloud.memory.attached import _VOLUMES
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract


def containers(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-CN-{number:02}", tier, summary, ContainersContract)


# clause: Find "and that have all `labels`"
# app: every list(labels=...)
@containers(1, "T0", "containers are found whatever their labels")
class FindsAll(MemoryContainers):
    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        return await super().find(replace(op, labels={}))


# clause: ExecResult "stdout: What it wrote there", "stderr: The same"
# app: a command that complains beside its answer (an exec with a terminal)
@containers(2, "T1", "exec answers both streams as one")
class MixesStreams(MemoryContainers):
    async def exec(self, op: ops.Exec, /) -> ExecResult:
        result = await super().exec(op)
        return replace(result, stdout=result.stdout + result.stderr, stderr=b"")


# clause: RestartPolicy.most "How many restarts at most"
# app: every crash loop with a bound
@containers(3, "T1", "a container is restarted once more than its policy allows")
class RestartsOnceMore(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        policy = op.spec.restart
        if policy.most is not None:
            spec = replace(op.spec, restart=replace(policy, most=policy.most + 1))
            op = replace(op, spec=spec)
        return await super().run(op)


# clause: Container.restarts "How often the engine restarted it since it was started by hand"
# app: an operator starts what gave up: it gives up again at once
@containers(4, "T1", "a start by hand goes on counting restarts")
class CountsOn(MemoryContainers):
    async def start(self, op: ops.Start, /) -> Container:
        box = await self._box(op.container)
        before = box.restarts
        await super().start(op)
        box.restarts = before
        return box.seen()


# clause: Run "AlreadyExistsError: A container has the name; it is left as it is"
# app: two supervisors start one worker at once
@containers(5, "T2", "run looks for the name, awaits, and makes the container")
class RunsLate(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        await self._store.reading()
        if (self._space, op.spec.name) in self._boxes:
            raise AlreadyExistsError("there is a container of that name")
        await pause()
        try:
            return await super().run(op)
        except AlreadyExistsError:
            del self._boxes[self._space, op.spec.name]
            return await super().run(op)


# clause: Logs "Every line is told once"
# app: more lines in one moment than a page (1,000) holds, as a stack dump
@containers(6, "T2", "the cursor of logs is the moment of the last line")
class LogsByMoment(MemoryContainers):
    async def logs(self, op: ops.Logs, /) -> LogPage:
        box = await self._box(op.container)
        after, until = float(op.cursor or "-inf"), self._now() + op.wait
        while not _later(box, after) and box.state is not State.EXITED and self._now() < until:
            await self._wait(until)
            box = await self._box(op.container)
        lines = tuple(_later(box, after)[: op.limit])
        last = lines[-1].at if lines else after
        return LogPage(lines, repr(last), box.state is State.EXITED and not _later(box, last))

    async def _wait(self, until: float) -> None:
        await self._store.changed(until - self._now())
        await self._store.reading()


def _later(box: Box, moment: float) -> list[Any]:
    return [line for line in box.lines if line.at > moment]


# clause: Stop "a paused one goes on first" (TERM, then KILL after the grace)
# app: stop of a paused worker that tidies up on TERM
@containers(7, "T3", "a paused container is killed when it is stopped")
class KillsThePaused(MemoryContainers):
    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.PAUSED:
            await self._store.clock.sleep(op.grace)
            box.by_hand = True
            self._engine.kill(box, box.turn, self._now())
        return await super().stop(op)


# clause: RestartPolicy "waits 0.1 s before the first restart, twice as long before each further"
# app: every crash loop: ten restarts a second
@containers(8, "T3", "every restart waits as short as the first")
class NeverSlower(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._engine = _Hasty(store)


class _Hasty(Engine):
    def end(self, box: Box, code: int, at: float) -> None:
        box.streak = 0
        super().end(box, code, at)


# clause: Container.labels "As the spec has them"; env "may hold secrets"
# app: any container with a password in its environment, listed by anybody
@containers(9, "T4", "the environment is told among the labels")
class TellsTheEnvironment(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        return self._told(await super().run(op))

    async def inspect(self, op: ops.Inspect, /) -> Container | None:
        found = await super().inspect(op)
        return None if found is None else self._told(found)

    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        return tuple(map(self._told, await super().find(op)))

    def _told(self, one: Container) -> Container:
        env = self._boxes[self._space, one.name].spec.env
        return replace(one, labels={**one.labels, **{f"env.{k}": v for k, v in env.items()}})


# clause: names "never colliding"
# app: volumes "data/a" and "data_a"; two services with such names
@containers(10, "T4", "volumes whose names differ in punctuation only hold the same files")
class PlainVolumeNames(MemoryContainers):
    async def create_volume(self, op: attached.CreateVolume, /) -> None:
        await super().create_volume(op)
        volumes = self._store.rows(_VOLUMES)
        for space, name in list(volumes):
            if _plain(name) == _plain(op.volume) and (space, name) != (self._space, op.volume):
                volumes[self._space, op.volume] = volumes[space, name]


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9.-]", "_", name)
