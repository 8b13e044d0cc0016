"""Laws of changes to what runs: what they leave as it is, and what outlasts them."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    RestartPolicy,
    RestartWhen,
    State,
    Stats,
)
from omnicloud.contracts.containers.driver import Rest
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.containers.bench import BUSY, PATIENCE, POLITE, Bench, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ChangeLaws"]

_F = ContainersFeature
_MIB = 1 << 20
_COMES_BACK = "echo ready; sleep 2; exit 1"
_TURNS, _FEW = (0, 1, 2, 3, 5), (0, 2)  # of the loop, by which one update is behind the other
_RATES: dict[str, Any] = {"read_bps": 9 * _MIB, "write_iops": 700}
_SILENCE, _REAL_SILENCE = 100.0, 6.0
_COUNTS = ("cpu_seconds", "periods", "throttled_periods", "throttled_seconds")


class ChangeLaws(Bench):
    """Updates, pauses, and those who wait meanwhile."""

    @law(
        "CON-150",
        "Changed limits outlast restarts by the policy too.",
        needs=[_F.CPU, _F.MEMORY],
        rung=Rung.SEMANTICS,
    )
    async def changes_outlast_policies(self, world: World[Any]) -> None:
        containers, other = await self.portable(world), await self.portable(world)
        features = (await world.driver()).features
        first: dict[str, Any] = {"cpu": 1.0, "memory_bytes": 96 * _MIB}
        changes: dict[str, Any] = {"cpu": 0.5, "memory_bytes": 64 * _MIB}
        if {_F.IO, _F.IO_UPDATE} <= features:
            first |= dict.fromkeys(_RATES, 1 << 30)
            changes |= _RATES
        policy = RestartPolicy(RestartWhen.ALWAYS)
        await containers.run(spec("back", _COMES_BACK, restart=policy, **first))
        before = await self._updated(world, containers, changes)

        async def restarted() -> bool:
            found = await other.get("back")
            if found is None or found.restarts <= before or found.state is not State.RUNNING:
                return False
            told = {name: getattr(found.resources, name) for name in changes}
            equal(changes, told, "limits that were changed, after a restart")
            equal(None, found.exit_code, "the exit code of a run that goes on")
            return True

        await eventually(restarted, world.sleep, 2 * PATIENCE, "a restart after the update")

    async def _updated(
        self, world: World[Any], containers: Containers, changes: dict[str, Any]
    ) -> int:
        """Update it in one of its runs; how often it was restarted before."""
        until = world.clock.monotonic() + 2 * PATIENCE
        while world.clock.monotonic() < until:
            try:
                return (await containers.update("back", **changes)).restarts
            except ConflictError:  # it is between two runs
                await world.sleep(0.1)
        that(False, "it cannot be updated, though it runs again and again")
        return 0

    @law(
        "CON-151",
        "Of updates of two limits at almost the same time neither undoes the other.",
        needs=[_F.CPU, _F.MEMORY],
        rung=Rung.CONCURRENCY,
    )
    async def updates_do_not_undo_each_other(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        rates = {_F.IO, _F.IO_UPDATE} <= (await world.driver()).features
        await self.begun(one, spec("sized", cpu=1.0, memory_bytes=96 * _MIB))
        for number, turns in enumerate(_TURNS if world.virtual else _FEW):
            size = (64 + number) * _MIB
            pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
                ({"cpu": 0.25 * (1 + number)}, {"memory_bytes": size}),
                ({"read_bps": size}, {"write_bps": size}),
            ]
            for mine, yours in pairs if rates else pairs[:1]:
                first = asyncio.ensure_future(one.update("sized", **mine))
                for _ in range(turns):
                    await asyncio.sleep(0)
                await asyncio.gather(first, two.update("sized", **yours))
                found = (await self.alive(one, "sized", "what was updated")).resources
                told = {name: getattr(found, name) for name in mine | yours}
                equal(mine | yours, told, f"limits after two updates, {turns} turns apart")

    @law(
        "CON-152",
        "What a run has used does not fall by an update or a pause.",
        needs=[_F.STATS],
        rung=Rung.SEMANTICS,
    )
    async def use_never_falls(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        features = (await world.driver()).features
        limits: dict[str, Any] = {
            name: limit
            for name, limit, feature in (
                ("cpu", 0.5, _F.CPU),
                ("memory_bytes", 96 * _MIB, _F.MEMORY),
            )
            if feature in features
        }
        await self.begun(containers, spec("busy", BUSY, **limits))
        used = await self._used(containers)
        until = world.clock.monotonic() + PATIENCE
        while used.cpu_seconds < 0.2 and world.clock.monotonic() < until:
            await world.sleep(0.2)
            used = await self._used(containers)
        for name, limit in limits.items():
            await containers.update("busy", **{name: 2 * limit})
            used = await self._grown(containers, used, f"an update of {name}")
        if _F.PAUSE in features:
            await containers.pause("busy")
            await containers.unpause("busy")
            await self._grown(containers, used, "a pause")

    async def _used(self, containers: Containers) -> Stats:
        async for sample in containers.stats("busy"):
            return sample
        raise AssertionError("a running container has no stats")

    async def _grown(self, containers: Containers, before: Stats, after: str) -> Stats:
        used = await self._used(containers)
        for name in _COUNTS:
            was, now = getattr(before, name), getattr(used, name)
            that(was is None or now >= was, f"{name} fell from {was} to {now} by {after}")
        return used

    @law(
        "CON-153",
        "Who waits for an end is answered at the end, not at a pause, a change or a restart.",
        needs=[_F.PAUSE],
        rung=Rung.CONCURRENCY,
    )
    async def waits_last(self, world: World[Any]) -> None:
        containers, pipe = await self.portable(world), await world.pipeline()
        features = (await world.driver()).features
        await self.begun(containers, spec("held", POLITE))
        ending = asyncio.ensure_future(pipe.send(Rest("held", 600.0)))
        changes: list[Any] = [containers.pause, containers.unpause]
        changes += [lambda name: containers.update(name, cpu=0.5)] if _F.CPU in features else []
        try:
            for change in (containers.get, *changes):
                await change("held")
                await world.sleep(0.4)
                that(not ending.done(), "who waits for an end is answered before it")
            await containers.pause("held")
            before = world.clock.monotonic()
            found = await containers.wait("held", timeout=0.6)
            passed = world.clock.monotonic() - before
            that(passed >= 0.5, f"a wait of 0.6 s for what is paused took {passed:.2f} s")
            equal(State.PAUSED, found.state, "what is paused, waited for")
            await containers.stop("held", grace=PATIENCE)
            async with asyncio.timeout(2 * PATIENCE):
                equal(State.EXITED, (await ending).state, "after the end")
        finally:
            ending.cancel()
        policy = RestartPolicy(RestartWhen.ON_FAILURE, most=2)
        await containers.run(spec("thrice", "sleep 0.3; exit 1", restart=policy))
        found = await pipe.send(Rest("thrice", 600.0))
        equal((State.EXITED, 2), (found.state, found.restarts), "at the end of three runs")

    @law(
        "CON-169",
        "A long silence is neither an end nor an error for who follows, waits or watches.",
        rung=Rung.CONCURRENCY,
        patience=3600.0,
    )
    async def silence_is_no_end(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        silence = _SILENCE if world.virtual else _REAL_SILENCE
        await containers.run(spec("silent", f"echo a; sleep {silence}; echo b; exit 3"))

        async def followed() -> list[str]:
            return [line.text async for line in containers.logs("silent", follow=True)]

        following = asyncio.ensure_future(followed())
        waiting = asyncio.ensure_future(containers.wait("silent"))
        try:
            await world.sleep(0.8 * silence)
            that(not following.done() and not waiting.done(), "silence was taken for the end")
            equal(["a", "b"], await following, "the lines before and after a silence")
            equal(3, (await waiting).exit_code, "the end after a silence")
        finally:
            following.cancel()
            waiting.cancel()
