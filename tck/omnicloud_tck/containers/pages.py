"""Laws of reading logs and events in pages, by several, and over an outage."""

from __future__ import annotations

import contextlib
from typing import Any

from omnicloud.contracts.containers import ContainersFeature, EventKind
from omnicloud.contracts.containers.driver import Events, Logs
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import NotFoundError, OmniCloudError
from omnicloud_tck.check import equal, that
from omnicloud_tck.containers.bench import Bench, spec
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.telling import refusal
from omnicloud_tck.world import World

__all__ = ["PageLaws"]

_F = ContainersFeature
_LINES, _PAGE = 30, 4
_TIMES = 300
_MIB = 2**20


class PageLaws(Bench):
    """A page is what its cursor says, and nothing else."""

    @law(
        "CON-083",
        "A page of lines is what its cursor says, whoever else reads and how often it is asked.",
        rung=Rung.CONCURRENCY,
    )
    async def pages_belong_to_cursors(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        pipes = [await world.pipeline() for _ in range(3)]
        await containers.run(spec("paged", f"for i in $(seq 1 {_LINES}); do echo $i; done"))
        await self.ended(containers, "paged")
        texts: list[list[str]] = [[] for _ in pipes]
        cursors: list[str | None] = [None] * len(pipes)
        for turn in range(4 * _LINES):
            for reader, pipe in enumerate(pipes):
                if turn < reader * 2:
                    continue  # the later ones begin later
                page = await pipe.send(Logs("paged", cursors[reader], limit=_PAGE))
                again = await pipe.send(Logs("paged", cursors[reader], limit=_PAGE))
                told, twice = ([line.text for line in one.lines] for one in (page, again))
                common = min(len(told), len(twice))  # a page may be shorter than it could be
                equal(told[:common], twice[:common], "the lines of one cursor, asked twice")
                texts[reader] += told
                cursors[reader] = page.cursor
            if all(len(told) >= _LINES for told in texts):
                break
        expected = [f"{number}" for number in range(1, _LINES + 1)]
        for reader, told in enumerate(texts):
            equal(expected, told, f"what reader {reader} was told")

    @law(
        "CON-084",
        "A cursor of events passes over nothing in silence, an outage between or not.",
        needs=[_F.EVENTS],
        abilities=[Ability.OUTAGE],
    )
    async def events_survive_an_outage(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        cursor = (await watcher.send(Events())).cursor
        await containers.run(spec("before", "exit 3"))
        await self.ended(containers, "before")
        async with world.outage():
            await refusal(watcher.send(Events("", cursor, 0.1)), "asking for events in an outage")
        await self._found_again(world, watcher)
        try:
            told = await self.told(watcher, cursor, 2)
        except OmniCloudError:
            return  # told that it cannot go on, who watches begins anew and reads all
        kinds = [event.kind for event in told if event.name == "before"]
        equal([EventKind.STARTED, EventKind.EXITED], kinds, "events from before the outage")

    @law(
        "CON-085",
        "A watcher to whom nothing happens for long is told of what happens then.",
        needs=[_F.EVENTS],
        rung=Rung.RESILIENCE,
        patience=3600.0,
    )
    async def idle_watchers_are_told(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        cursor = (await watcher.send(Events())).cursor
        polls, wait = (20, 20.0) if world.virtual else (4, 0.5)
        for _ in range(polls):
            page = await watcher.send(Events("", cursor, wait))
            equal((), page.events, "events where nothing happens")
            cursor = page.cursor
        await containers.run(spec("late", "exit 3"))
        told = await self.told(watcher, cursor, 2)
        kinds = [event.kind for event in told]
        equal([EventKind.STARTED, EventKind.EXITED], kinds, "events after a long silence")

    @law(
        "CON-180",
        "Who was away while much happened is told all of it, or that it cannot be told.",
        needs=[_F.EVENTS, _F.MEMORY],
        alone=True,
        rung=Rung.RESILIENCE,
    )
    async def much_is_told_or_refused(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        cursor = (await watcher.send(Events())).cursor
        await self.begun(containers, spec("busy"))
        for turn in range(_TIMES):
            await containers.update("busy", memory_bytes=(64 + turn % 2) * _MIB)
        expected = [EventKind.STARTED, *[EventKind.UPDATED] * _TIMES]
        try:
            told = await self.told(watcher, cursor, len(expected))
        except NotFoundError:  # an engine keeps what it can, and says so
            cursor = (await watcher.send(Events())).cursor
            await containers.update("busy", memory_bytes=66 * _MIB)
            expected = [EventKind.UPDATED]
            told = await self.told(watcher, cursor, 1)
        equal(expected, [event.kind for event in told], "what a watcher was told who was away")

    async def _found_again(self, world: World[Any], pipe: Pipeline[Any]) -> None:
        until = world.clock.monotonic() + 10.0
        while world.clock.monotonic() < until:
            with contextlib.suppress(OmniCloudError):
                await pipe.send(Logs("before"))
                return
            await world.sleep(0.1)
        that(False, "10 s after the outage the client still fails")
