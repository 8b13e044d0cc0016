"""Laws of what others do meanwhile: clients that remove, poll and list, and other services."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    EventKind,
    Health,
    HealthCheck,
    Mount,
    State,
)
from omnicloud.contracts.containers.driver import Events, Rest
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, eventually, refused, that
from omnicloud_tck.containers.attached import AttachedLaws, serving
from omnicloud_tck.containers.bench import BUSY, PATIENCE, Bench, spec
from omnicloud_tck.containers.engine import elsewhere
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["OtherLaws"]

_F = ContainersFeature
_POLLS, _ROUNDS = 12, 3
_MANY = 6
_SLEEPS = "echo ready; sleep 1000"
_WORK = 1.0  # seconds of it
_DATA = Mount("data", "/data")
_READER = spec("reader", networks=("net",), mounts=(_DATA,))


class OtherLaws(AttachedLaws, Bench):
    """Nobody waits for what another took away, or because another waits."""

    @law(
        "CON-141",
        "Who follows or waits for a container hears of it when another client removes it.",
        rung=Rung.CONCURRENCY,
    )
    async def removals_end_waits(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await self.begun(one, spec("followed", _SLEEPS))

        async def follow() -> list[str]:
            return [line.text async for line in one.logs("followed", follow=True)]

        async def wait() -> None:
            with suppress(NotFoundError):  # unless it sees the end that was before the removal
                equal(State.EXITED, (await one.wait("followed")).state, "after a wait")

        tasks = [asyncio.ensure_future(follow()), asyncio.ensure_future(wait())]
        await world.sleep(0.5)
        equal(True, await two.remove("followed", force=True), "remove by another")
        ended, late = await asyncio.wait(tasks, timeout=2 * PATIENCE)
        for task in late:
            task.cancel()
        that(not late, "who follows or waits for a removed container is kept waiting")
        for task in ended:
            task.result()

    @law(
        "CON-142",
        "Polls that wait, and such as were cancelled, keep no other request of a client waiting.",
        rung=Rung.CONCURRENCY,
        patience=600.0,
    )
    async def polls_hold_nothing_up(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        containers = Containers(pipe, world.clock)
        await self.begun(containers, spec("idle", _SLEEPS))
        for turn in range(_ROUNDS):
            polls = [asyncio.ensure_future(pipe.send(Rest("idle", 60.0))) for _ in range(_POLLS)]
            await world.sleep(0.2)
            for about in (f"{_POLLS} waiting polls", f"so many cancelled {turn + 1} times"):
                async with asyncio.timeout(PATIENCE):
                    await self.alive(containers, "idle", f"beside {about}")
                    await containers.wait("idle", timeout=0)
                for poll in polls:
                    poll.cancel()
                await asyncio.wait(polls)

    @law(
        "CON-143",
        "A check that takes longer than its timeout has failed, and a change is told once.",
        needs=[_F.HEALTH, _F.EVENTS],
    )
    async def late_checks_fail(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        cursor = (await watcher.send(Events(""))).cursor
        check = HealthCheck(command=("sleep", "2"), interval=0.5, timeout=0.5, retries=1)
        await self.begun(containers, spec("late", health=check))

        async def unwell() -> bool:
            found = await self.alive(containers, "late", "late")
            that(found.health is not Health.HEALTHY, "a check that is late counts as well")
            return found.health is Health.UNHEALTHY

        await eventually(unwell, world.sleep, PATIENCE, "late is unhealthy")
        await world.sleep(2.0)
        told = [one.kind for one in await self.told(watcher, cursor, 2)]
        equal([EventKind.STARTED, EventKind.UNHEALTHY], told, "what was told of it")

    @law(
        "CON-144",
        "Processor time counts from the start of a run, also after a restart.",
        needs=[_F.STATS],
        patience=600.0,
    )
    async def work_counts_by_run(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("busy", BUSY))

        async def used() -> float:
            async for sample in containers.stats("busy"):
                return sample.cpu_seconds
            return 0.0

        async def enough() -> bool:
            return await used() > _WORK

        await eventually(enough, world.sleep, 4 * PATIENCE, "a second of work")
        before = world.clock.monotonic()
        await containers.restart("busy", grace=0)
        again, passed = await used(), world.clock.monotonic() - before
        that(again <= 1.3 * passed + 0.3, f"{again:.2f} s of work {passed:.2f} s after a restart")

    @law(
        "CON-145",
        "Another service's volumes and networks of the same names are neither used nor reached.",
        needs=[_F.VOLUMES, _F.NETWORKS, _F.EXEC],
        rung=Rung.TRUST,
        patience=120,
    )
    async def the_same_names_elsewhere(self, world: World[Any]) -> None:
        mine = Containers(await world.pipeline(Scoping("acme")), world.clock)
        there = Pipeline(await elsewhere(world), (Scoping("acme"),), service=ServiceInfo("tck"))
        theirs = Containers(there, world.clock)
        await theirs.create_volume("data")
        with refused(NotFoundError, "run with a volume that another service has"):
            await mine.run(spec("mine", mounts=(_DATA,)))
        for one in (mine, theirs):
            await one.create_network("net")
        await self.begun(theirs, serving("web", "theirs", "net"))
        await self.begun(theirs, spec("reader", networks=("net",)))
        await self._reaches(world, theirs, "reader", "web", "theirs")
        await self.begun(mine, spec("reader", networks=("net",)))
        equal(None, await self._fetched(mine, "reader", "web"), "over the other service's network")

    @law(
        "CON-096",
        "Volumes and networks are of one service and one tenant: the same names are others.",
        needs=[_F.VOLUMES, _F.NETWORKS, _F.EXEC],
        rung=Rung.TRUST,
        patience=240,
    )
    async def attached_are_apart(self, world: World[Any]) -> None:
        acme = Containers(await world.pipeline(Scoping("acme")), world.clock)
        other = Containers(await world.pipeline(Scoping("acme2")), world.clock)
        outside = Containers(await world.pipeline(Scoping(None)), world.clock)
        theirs = Containers(Pipeline(await elsewhere(world)), world.clock)
        everyone = (acme, other, outside, theirs)
        for one in everyone:
            await one.create_volume("data")
            await one.create_network("net")
        for one in everyone:
            equal(
                (("data",), ("net",)), (await one.volumes(), await one.networks()), "what is seen"
            )
        await self._serves(acme, "acme")
        for one in (other, outside, theirs):
            await self.begun(one, _READER)
            told = await one.exec("reader", ("cat", "/data/f"))
            that(told.exit_code != 0, "the volume of another is the same")
            equal(None, await self._fetched(one, "reader", "web"), "over the network of another")
        await self.begun(acme, _READER)
        words = ("acme", "other", "outside", "theirs")
        for one, word in zip(everyone[1:], words[1:], strict=True):
            await self._serves(one, word)
        for one, word in (*zip(everyone, words, strict=True), (outside, "outside")):
            await self._has_own(world, one, word)
        for one, left in ((theirs, (outside, "outside")), (acme, (other, "other"))):
            for name in ("reader", "web"):
                await one.remove(name, force=True)
            gone = await one.remove_volume("data"), await one.remove_network("net")
            equal((True, True), gone, "remove of a volume and a network")
            await self._has_own(world, *left)
            seen = await left[0].volumes(), await left[0].networks()
            equal((("data",), ("net",)), seen, "another's")

    async def _serves(self, containers: Containers, word: str) -> None:
        """Put a word into the volume, and a server of it on the network."""
        await self.begun(containers, serving("web", word, "net", mounts=(_DATA,)))
        await containers.exec("web", ("sh", "-c", f"echo {word} > /data/f"))

    async def _has_own(self, world: World[Any], containers: Containers, word: str) -> None:
        """Break the law unless both are of those who put the word there, and always."""
        told = await containers.exec("reader", ("cat", "/data/f"))
        equal((0, f"{word}\n".encode()), (told.exit_code, told.stdout), f"the volume of {word}")
        await self._reaches(world, containers, "reader", "web", word)
        for _ in range(2):
            heard = await self._fetched(containers, "reader", "web")
            equal(f"{word}\n".encode(), heard, f"the host on the network of {word}")

    @law(
        "CON-146",
        "A list during which another client removes a container has the others, and is no error.",
        rung=Rung.CONCURRENCY,
    )
    async def lists_bear_removals(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        names = [f"n-{number}" for number in range(_MANY)]
        for name in names:
            await one.run(spec(name, "exit 0"))
            await self.ended(one, name)
        for turns, name in enumerate(reversed(names)):
            listing = asyncio.ensure_future(one.list())
            for _ in range(turns):
                await asyncio.sleep(0)
            await two.remove(name)
            rest = names[: names.index(name)]
            found = [each.name for each in await listing]
            that(found in (rest, [*rest, name]), f"{found} while {name} was removed")
