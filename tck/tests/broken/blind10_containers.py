"""containers drivers that a tenth count of what the kit finds showed to live, and their kin."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, ExecResult, LogPage, State
from omnicloud.errors import ConflictError, NotFoundError, OmniCloudError, UnavailableError
from omnicloud.memory.boxes import output
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND10-CO-{number}", tier, summary, ContainersContract)


@containers("05", "T2", "of two commands at once, what ends is answered with the other's output")
class ExecOutputInAnAttribute(MemoryContainers):
    """Keeps the exec under way in an attribute and reads that one's output at the end."""

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        box = await self._box(op.container)
        if box.state is not State.RUNNING:
            raise ConflictError("the container does not run")
        self._exec = program = self._engine.program(box, op.command)
        code = await self._ended(program, op.wait)
        out, err = output(self._exec)
        most = self.limits.exec_output_max_bytes
        return ExecResult(code, out[:most], err[:most], max(len(out), len(err)) > most)


@containers("07", "T2", "a second stop during a grace is answered at once, the container running")
class SecondStopDoesNotWait(MemoryContainers):
    """Notes that a container is stopping, and answers a second stop at once."""

    async def stop(self, op: ops.Stop, /) -> Container:
        box = await self._box(op.container)
        if box.by_hand and box.state is not State.EXITED:
            return box.seen()
        return await super().stop(op)


@containers("08", "T3", "a follower is told of an end when the engine is gone")
class CutLogStreamIsTheEnd(MemoryContainers):
    """Takes the end of the log stream for the end of the container, also when it was cut."""

    async def logs(self, op: ops.Logs, /) -> LogPage:
        try:
            return await super().logs(op)
        except UnavailableError:
            if op.cursor is None:
                raise
            return LogPage((), op.cursor, ended=True)


class Quoting(MemoryContainers):
    """Puts the body of a refused request into the error, the environment in it."""

    kind: type[OmniCloudError] = ConflictError
    word = ""

    async def run(self, op: ops.Run, /) -> Container:
        try:
            return await super().run(op)
        except OmniCloudError as error:
            if type(error) is not self.kind or self.word not in str(error):
                raise
            body = json.dumps({"Env": [f"{key}={value}" for key, value in op.spec.env.items()]})
            raise self.kind(f"{error} (POST /containers/create {body})") from None


@containers("10", "T4", "the error of a taken port quotes the request with the environment")
class QuotingPort(Quoting):
    """The engine's own words are of a request that it could not do."""


@containers("10a", "T4", "the error of a missing volume, network or image quotes the request")
class QuotingMissing(Quoting):
    kind = NotFoundError


@containers("10b", "T4", "the error of a missing network alone quotes the request")
class QuotingNetwork(Quoting):
    kind, word = NotFoundError, "network"


@containers("08a", "T3", "who waits is told of an end when the engine is gone")
class GoneIsEnded(MemoryContainers):
    """Takes the end of the stream of the wait for the end of the container."""

    async def rest(self, op: ops.Rest, /) -> Container:
        found = await self.inspect(ops.Inspect(op.container))
        try:
            return await super().rest(op)
        except UnavailableError:
            if found is None:
                raise
            return _ended(found)


def _ended(found: Container) -> Container:
    return replace(found, state=State.EXITED, exit_code=0)


@containers("05a", "T2", "commands at once in two containers share one exit code")
class OneExitCode(MemoryContainers):
    """Asks for the outcome of the command that was begun last."""

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        self._asked = op.command
        said = await super().exec(op)
        if self._asked is op.command:
            return said
        last = await super().exec(ops.Exec(op.container, self._asked, op.wait))
        return ExecResult(last.exit_code, said.stdout, said.stderr, said.truncated)
