"""Laws of events."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.containers import ContainersFeature, EventKind, RestartPolicy, RestartWhen
from omnicloud.contracts.containers.driver import Events
from omnicloud_tck.check import collect, equal, that
from omnicloud_tck.containers.bench import POLITE, Bench, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["EventLaws"]

_F = ContainersFeature
_K = EventKind


class EventLaws(Bench):
    """Every change is told, in order per container."""

    @law(
        "CON-050",
        "Every start, end, pause and removal since a moment is told, in order per container.",
        needs=[_F.EVENTS, _F.PAUSE],
    )
    async def events_are_complete(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        await self.begun(containers, spec("before"))
        cursor = (await watcher.send(Events())).cursor
        await self.begun(containers, spec("one", POLITE))
        await containers.run(spec("two", "exit 3"))
        await self.ended(containers, "two")
        await containers.pause("one")
        await containers.unpause("one")
        await containers.stop("one", grace=10)
        await containers.start("one")
        await self._said_twice(containers, world)
        await containers.stop("one", grace=10)
        await containers.remove("one")
        await containers.remove("two")
        told = await self.told(watcher, cursor, 10)
        equal(
            [
                (_K.STARTED, None),
                (_K.PAUSED, None),
                (_K.UNPAUSED, None),
                (_K.EXITED, 7),
                (_K.STARTED, None),
                (_K.EXITED, 7),
                (_K.REMOVED, None),
            ],
            [(event.kind, event.exit_code) for event in told if event.name == "one"],
            "the events of one",
        )
        equal(
            [(_K.STARTED, None), (_K.EXITED, 3), (_K.REMOVED, None)],
            [(event.kind, event.exit_code) for event in told if event.name == "two"],
            "the events of two",
        )
        equal([], [event for event in told if event.name == "before"], "events of the other")
        that(all(abs(event.at - world.clock.wall()) < 60 for event in told), "a stamp is wrong")

    @law("CON-051", "Restarts are told as ends and starts.", needs=[_F.EVENTS])
    async def restarts_are_told(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        cursor = (await watcher.send(Events())).cursor
        policy = RestartPolicy(RestartWhen.ON_FAILURE, most=2)
        await containers.run(spec("fails", "exit 5", restart=policy))
        await self.ended(containers, "fails")
        told = await self.told(watcher, cursor, 6)
        equal(
            [(_K.STARTED, None), (_K.EXITED, 5)] * 3,
            [(event.kind, event.exit_code) for event in told],
            "the events of three runs",
        )

    @law(
        "CON-052",
        "Who waits for events is told of one as it comes, and of those under the prefix only.",
        needs=[_F.EVENTS],
        rung=Rung.CONCURRENCY,
    )
    async def watchers_are_told_at_once(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("web-old"))
        watching = asyncio.ensure_future(
            collect((await self.portable(world)).events("web"), 2, seconds=15)
        )
        await world.sleep(0.5)
        before = world.clock.monotonic()
        await self.begun(containers, spec("wax"))
        await containers.run(spec("web-new", "exit 0"))
        told = await watching
        equal(
            [("web-new", _K.STARTED), ("web-new", _K.EXITED)],
            [(event.name, event.kind) for event in told],
            "what a watcher of web was told",
        )
        that(world.clock.monotonic() - before < 8, "the events came late")

    async def _said_twice(self, containers: Any, world: World[Any]) -> None:
        for _ in range(100):
            if (await self.texts(containers, "one")).count("ready") == 2:
                return
            await world.sleep(0.1)
