"""Engines that are wrong in the ways of those who wrap one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, Health, LogPage, State
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract

_log = logging.getLogger("engine")


@broken("B5-CT-01", "T0", "the end of a container is not waited for", ContainersContract)
class NoWaiting(MemoryContainers):
    async def rest(self, op: ops.Rest, /) -> Container:
        return await super().rest(replace(op, wait=0.0))


@broken("B5-CT-02", "T1", "a variable ends at the second equals sign", ContainersContract)
class CutsVariables(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        pairs = (f"{name}={text}".split("=") for name, text in op.spec.env.items())
        env = {name: text for name, text, *_ in pairs}
        return await super().run(replace(op, spec=replace(op.spec, env=env)))


@broken("B5-CT-03", "T1", "one label of those asked for is enough", ContainersContract)
class OneLabel(MemoryContainers):
    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        found = await super().find(replace(op, labels={}))
        wanted = op.labels.items()
        return tuple(one for one in found if not wanted or wanted & dict(one.labels).items())


@broken("B5-CT-04", "T1", "restarts are counted on after a start by hand", ContainersContract)
class CountsOn(MemoryContainers):
    async def start(self, op: ops.Start, /) -> Container:
        box = await self._box(op.container)
        before = box.restarts
        await super().start(op)
        box.restarts = before
        return box.seen()


@broken("B5-CT-05", "T2", "a line is told to one reader", ContainersContract)
class TellsOne(MemoryContainers):
    async def logs(self, op: ops.Logs, /) -> LogPage:
        page = await super().logs(op)
        box = await self._box(op.container)
        while box.lines and box.told - len(box.lines) < int(page.cursor):
            box.lines.popleft()
        return page


@broken("B5-CT-06", "T2", "two that run one name at once are both answered", ContainersContract)
class RunsTwice(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        await self._store.reading()
        free = (self._space, op.spec.name) not in self._boxes
        await asyncio.sleep(0)
        if free:
            self._boxes.pop((self._space, op.spec.name), None)
        return await super().run(op)


@broken("B5-CT-07", "T3", "what was stopped by hand is never restarted again", ContainersContract)
class NeverAgain(MemoryContainers):
    async def start(self, op: ops.Start, /) -> Container:
        box = await self._box(op.container)
        by_hand = box.by_hand
        if box.state is not State.EXITED:
            return box.seen()
        box.restarts, box.streak = 0, 0
        box.by_hand = by_hand
        self._engine.begin(box, self._now())
        return box.seen()


class _StaysWell(Engine):
    def _watch_health(self, box: Box, at: float) -> None:
        before = box.health
        super()._watch_health(box, at)
        if before is Health.HEALTHY:
            box.health = before


@broken("B5-CT-08", "T3", "a new run is as well as the run before", ContainersContract)
class StaysWell(MemoryContainers):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._engine = _StaysWell(self._store)


@broken("B5-CT-09", "T4", "the variables of what is run are logged", ContainersContract)
class LogsVariables(MemoryContainers):
    async def run(self, op: ops.Run, /) -> Container:
        _log.info("running %s with %s", op.spec.name, dict(op.spec.env))
        return await super().run(op)
