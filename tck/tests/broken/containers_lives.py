"""containers drivers that begin, end and restart containers wrongly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import Container, RestartPolicy, RestartWhen, State
from omnicloud.contracts.containers.driver import (
    Inspect,
    Remove,
    Rest,
    Restart,
    Run,
    Start,
    Stop,
)
from omnicloud.errors import AlreadyExistsError, NotFoundError
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract


def containers(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, ContainersContract)


class WithEngine(MemoryContainers):
    """Lives by an engine of its own kind."""

    kind: type[Engine] = Engine

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._engine = self.kind(store)


class Asking(MemoryContainers):
    """Runs something else than it is asked."""

    def asked(self, op: Run) -> Run:
        return op

    async def run(self, op: Run, /) -> Container:
        return await super().run(self.asked(op))


@containers("CT01", "T0", "every exit code is 0")
class NoCodes(WithEngine):
    class kind(Engine):
        def end(self, box: Box, code: int, at: float) -> None:
            super().end(box, 0, at)


@containers("CT02", "T0", "stop of a missing container is silent")
class MissingIsSilent(MemoryContainers):
    async def stop(self, op: Stop, /) -> Container:
        try:
            return await super().stop(op)
        except NotFoundError:
            return Container(name=op.container, id="", state=State.EXITED)


@containers("CT03", "T1", "run over a name that is taken replaces what has it")
class Replacing(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        await super().remove(Remove(op.spec.name, force=True))
        return await super().run(op)


@containers("CT04", "T1", "a name of what has ended is not taken")
class EndedIsFree(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        found = await self.inspect(Inspect(op.spec.name))
        if found is not None and found.state is State.EXITED:
            await self.remove(Remove(op.spec.name))
        return await super().run(op)


@containers("XCR04", "T3", "stop kills at once")
class KillsAtOnce(WithEngine):
    class kind(Engine):
        def terminate(self, box: Box, grace: float, at: float) -> None:
            box.by_hand = True
            self.kill(box, box.turn, at)
            self.lie(box)


@containers("CT05", "T1", "the grace is half of what was asked")
class HalfGrace(MemoryContainers):
    async def stop(self, op: Stop, /) -> Container:
        return await super().stop(replace(op, grace=op.grace / 2))


@containers("CT06", "T1", "what ignores TERM is never killed")
class NeverKills(WithEngine):
    class kind(Engine):
        def terminate(self, box: Box, grace: float, at: float) -> None:
            super().terminate(box, 1e9, at)


@containers("CT07", "T0", "start of what has ended does nothing")
class NoStart(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        found = await self.inspect(Inspect(op.container))
        if found is None:
            raise NotFoundError("there is no container of that name")
        return found


@containers("CT08", "T1", "restart starts what runs without an end before")
class RestartsOver(MemoryContainers):
    async def restart(self, op: Restart, /) -> Container:
        box = await self._box(op.container)
        self._engine.begin(box, self._now())
        return box.seen()


@containers("CT09", "T1", "remove does not ask whether the container has ended")
class RemovesAll(MemoryContainers):
    async def remove(self, op: Remove, /) -> bool:
        return await super().remove(replace(op, force=True))


@containers("CT10", "T1", "the command goes through a join and a split")
class Joined(Asking):
    def asked(self, op: Run) -> Run:
        command = op.spec.command
        if command[0] != "sh":
            command = tuple(" ".join(command).split())
        return replace(op, spec=replace(op.spec, command=command))


@containers("CT11", "T1", "empty variables of the environment are left out, values stripped")
class StrippedEnv(Asking):
    def asked(self, op: Run) -> Run:
        env = {key: " ".join(value.split()) for key, value in op.spec.env.items()}
        return replace(op, spec=replace(op.spec, env=env))


@containers("CT12", "T1", "waiting for the end does not wait")
class NoWait(MemoryContainers):
    async def rest(self, op: Rest, /) -> Container:
        return await super().rest(replace(op, wait=0.0))


class _Policy(Asking):
    """Keeps another restart policy than it is given."""

    def policy(self, given: RestartPolicy) -> RestartPolicy:
        return given

    def asked(self, op: Run) -> Run:
        return replace(op, spec=replace(op.spec, restart=self.policy(op.spec.restart)))


@containers("XCR03", "T1", "on-failure restarts after exit code 0")
class OnSuccess(_Policy):
    def policy(self, given: RestartPolicy) -> RestartPolicy:
        if given.when is RestartWhen.ON_FAILURE:
            return RestartPolicy(RestartWhen.ALWAYS)
        return given


@containers("CT13", "T1", "the bound of restarts is ignored")
class Unbounded(_Policy):
    def policy(self, given: RestartPolicy) -> RestartPolicy:
        return RestartPolicy(given.when)


@containers("CT14", "T1", "the bound of restarts counts runs")
class CountsRuns(_Policy):
    def policy(self, given: RestartPolicy) -> RestartPolicy:
        return replace(given, most=given.most - 1) if given.most else given


@containers("CT15", "T1", "always is on-failure")
class OnFailureOnly(_Policy):
    def policy(self, given: RestartPolicy) -> RestartPolicy:
        if given.when is RestartWhen.ALWAYS:
            return RestartPolicy(RestartWhen.ON_FAILURE)
        return given


@containers("CT16", "T0", "what ends is restarted without a policy")
class AlwaysRestarts(_Policy):
    def policy(self, given: RestartPolicy) -> RestartPolicy:
        return RestartPolicy(RestartWhen.ALWAYS) if given.when is RestartWhen.NEVER else given


@containers("CT17", "T3", "a stop by hand does not end the restarts")
class RestartsStopped(WithEngine):
    class kind(Engine):
        def end(self, box: Box, code: int, at: float) -> None:
            super().end(box, code, at)
            self._later(box, at)

        def lie(self, box: Box) -> None:
            super().lie(box)
            self._later(box, self._store.clock.monotonic())

        def _later(self, box: Box, at: float) -> None:
            if box.by_hand and box.spec.restart.when is RestartWhen.ALWAYS:
                turn = box.turn
                self._store.at(at + 1, lambda: box.turn == turn and self.begin(box, at + 1))


@containers("CT18", "T3", "what fails is restarted at once, again and again")
class NoBackoff(WithEngine):
    class kind(Engine):
        def end(self, box: Box, code: int, at: float) -> None:
            box.streak = -3
            super().end(box, code, at)


@containers("CT19", "T2", "of clients that run one name at once several succeed")
class TwoSteps(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        await self._store.reading()
        if (self._space, op.spec.name) in self._boxes:
            raise AlreadyExistsError("there is a container of that name")
        await asyncio.sleep(0.001 * self._store.number())
        self._boxes.pop((self._space, op.spec.name), None)
        return await super().run(op)


@containers("CT20", "T2", "a cancelled run keeps the name")
class CancelledBlocks(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        held = self._store.rows(("containers", "held"))
        if op.spec.name in held:
            raise AlreadyExistsError("there is a container of that name")
        held[op.spec.name] = True
        await asyncio.sleep(0.1)
        made = await super().run(op)
        del held[op.spec.name]
        return made
