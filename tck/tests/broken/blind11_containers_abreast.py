"""containers drivers that answer one who asks with what another asked, and their kin."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from broken.blind11_containers import containers
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.attached import ListVolumes
from omnicloud.contracts.containers.models import Container, EventPage, Stats
from omnicloud.memory.containers import MemoryContainers

T = TypeVar("T")


class Joining(MemoryContainers):
    """A read joins the one under way."""

    def __init__(self, store: Any, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._read: dict[str, asyncio.Future[Any]] = {}

    async def joined(self, key: str, read: Coroutine[Any, Any, T]) -> T:
        found = self._read.get(key)
        if found is None or found.done():
            self._read[key] = found = asyncio.ensure_future(read)
        else:
            read.close()
        answer: T = await asyncio.shield(found)
        return answer


@containers("06f", "T2", "a list joins one under way that asks for other labels")
class JoinsLists(Joining):
    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        return await self.joined(op.prefix, super().find(op))


@containers("06g", "T2", "who reads events joins one under way with another cursor")
class JoinsEvents(Joining):
    async def events(self, op: ops.Events, /) -> EventPage:
        return await self.joined(op.prefix, super().events(op))


@containers("06h", "T2", "what a container uses is answered with what another uses")
class JoinsSamples(Joining):
    async def sample(self, op: ops.Sample, /) -> Stats:
        return await self.joined("", super().sample(op))


@containers("06i", "T2", "two gets at once are answered with one container")
class JoinsGets(Joining):
    async def inspect(self, op: ops.Inspect, /) -> Container | None:
        return await self.joined("", super().inspect(op))


@containers("06j", "T2", "two lists of volumes at once are answered with one prefix")
class JoinsVolumes(Joining):
    async def list_volumes(self, op: ListVolumes, /) -> tuple[str, ...]:
        return await self.joined("", super().list_volumes(op))
