"""Right drivers of containers that are not like the reference."""

from __future__ import annotations

from dataclasses import replace

from correct.common import correct, slowed
from omnicloud.contracts.containers import Container
from omnicloud.contracts.containers.driver import Events, Inspect, Logs, Rest
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.core.operation import Feature
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore


@correct("containers", spared=("CON-140",))
class BareContainers(MemoryContainers):
    """Runs and ends containers, and declares nothing else; slow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()


@correct("containers", spared=("CON-170",))
class ShortPages(MemoryContainers):
    """Tells seven lines a page and one event, and never waits longer than a moment."""

    async def logs(self, op: Logs, /) -> LogPage:
        return await super().logs(replace(op, limit=min(op.limit, 7), wait=min(op.wait, 0.3)))

    async def events(self, op: Events, /) -> EventPage:
        page = await super().events(op)
        if len(page.events) < 2:
            return page
        numbers = [number for number, _, _ in self._engine.events if number > int(op.cursor or 0)]
        first = page.events[0]
        told = [
            number
            for number, space, event in self._engine.events
            if number in numbers and space == self._space and event is first
        ]
        return EventPage((first,), str(told[0]))


@correct("containers")
class OtherIds(MemoryContainers):
    """Calls containers by long ids, and answers how they stand a little late."""

    async def inspect(self, op: Inspect, /) -> Container | None:
        found = await super().inspect(op)
        await self._store.clock.sleep(0.02)
        return found

    async def rest(self, op: Rest, /) -> Container:
        await self._store.clock.sleep(0.02)
        return await super().rest(op)
