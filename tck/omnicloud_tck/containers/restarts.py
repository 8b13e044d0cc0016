"""Laws of restart policies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from omnicloud.contracts.containers import RestartPolicy, RestartWhen, State
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.containers.bench import PATIENCE, Bench, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["RestartLaws"]

_FAILED = RestartPolicy(RestartWhen.ON_FAILURE)
_SILENCES = (4000.0, 90_000.0, 31 * 86_400.0)
_ALWAYS = RestartPolicy(RestartWhen.ALWAYS)
_THRICE = RestartPolicy(RestartWhen.ON_FAILURE, most=3)
_LENGTHS = (0.0, 2.0, 8.0, 12.0, 40.0)  # seconds of a run: short ones, and steady ones
_LOOKS, _CLEAR = 60, 0.05
_SHORT, _REAL_SECONDS = (0.0, 0.4), 3.0


class RestartLaws(Bench):
    """When a container that ended is started again."""

    @law("CON-010", "ON_FAILURE does not restart after exit code 0.")
    async def success_is_no_failure(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("done", "echo once; exit 0", restart=_FAILED))
        await self.ended(containers, "done")
        await world.sleep(1.5)
        found = await self.ended(containers, "done")
        equal((0, 0), (found.exit_code, found.restarts), "exit code and restarts")
        equal(["once"], await self.texts(containers, "done"), "its runs")

    @law("CON-011", "ON_FAILURE restarts after any other exit code, at most as often as it says.")
    async def failures_are_bounded(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for code in (1, 255):
            policy = RestartPolicy(RestartWhen.ON_FAILURE, most=2)
            await containers.run(spec(f"fails-{code}", f"echo try; exit {code}", restart=policy))
        for code in (1, 255):
            found = await self.ended(containers, f"fails-{code}")
            await world.sleep(0.5)
            equal((code, 2), (found.exit_code, found.restarts), "exit code and restarts")
            equal(["try"] * 3, await self.texts(containers, f"fails-{code}"), "its runs")
        await containers.start("fails-1")  # by hand: its restarts count anew
        found = await self.ended(containers, "fails-1")
        equal((1, 2), (found.exit_code, found.restarts), "exit code and restarts since the start")
        equal(["try"] * 6, await self.texts(containers, "fails-1"), "its runs, started again")

    @law("CON-012", "ALWAYS restarts after every end, until it is stopped by hand; then no more.")
    async def always_is_until_stopped(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("always", "echo up; exit 0", restart=_ALWAYS))

        async def restarted() -> bool:
            found = await containers.get("always")
            return found is not None and found.restarts >= 2

        await eventually(restarted, world.sleep, PATIENCE, "two restarts")
        stopped = await containers.stop("always", grace=1)
        equal(State.EXITED, stopped.state, "after stop")
        runs = len(await self.texts(containers, "always"))
        await world.sleep(2.5)
        found = await containers.get("always")
        equal(State.EXITED, found and found.state, "a while after stop")
        equal(runs, len(await self.texts(containers, "always")), "its runs after stop")
        await containers.start("always")
        await eventually(restarted, world.sleep, PATIENCE, "two restarts after a start by hand")

    @law("CON-013", "Waits before restarts grow: what fails at once is not started in a loop.")
    async def restarts_back_off(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("loops", "echo up; exit 1", restart=_FAILED))
        await world.sleep(4.0)
        found = await containers.get("loops")
        restarts = found.restarts if found else -1
        that(restarts <= 6, f"{restarts} restarts within 4 s; the waits say about 5")
        late = 0.0 if world.virtual else PATIENCE  # an engine on a busy machine takes its time

        async def restarted() -> bool:
            found = await containers.get("loops")
            return found is not None and found.restarts >= 2

        await eventually(restarted, world.sleep, late, "two restarts after four seconds")
        stamps = [line.at for line in await self.lines(containers, "loops")]
        gaps = [later - earlier for earlier, later in pairwise(stamps)]
        that(gaps[0] < 2.0 + late, f"the first restart came after {gaps[0]:.1f} s")
        that(max(gaps) > 0.35, f"the waits do not grow: {[round(gap, 2) for gap in gaps]}")

    @law(
        "CON-110",
        "At every moment a container was restarted as often as its policy and its waits say.",
        rung=Rung.TRUST,
        patience=3600.0,
    )
    async def restarts_keep_to_their_waits(self, world: World[Any]) -> None:
        if not world.virtual:
            await self._restarts_are_not_too_soon(world)
            return
        containers, chance = await self.portable(world), random.Random(self.seed)  # noqa: S311
        policies = {"failed": _FAILED, "thrice": _THRICE, "always": _ALWAYS}
        cases = [(name, length) for name in policies for length in _LENGTHS]
        begun: dict[tuple[str, float], tuple[float, float]] = {}
        for name, length in cases:
            before = world.clock.monotonic()
            script = f"sleep {length}; exit 1"
            await containers.run(spec(f"{name}-{length}", script, restart=policies[name]))
            begun[name, length] = before, world.clock.monotonic()
        for _ in range(_LOOKS):
            await world.sleep(chance.uniform(0.05, 8.0))
            for name, length in cases:
                first, last = begun[name, length]
                youngest = world.clock.monotonic() - last - _CLEAR
                found = await containers.get(f"{name}-{length}")
                oldest = world.clock.monotonic() - first + _CLEAR
                starts = list(_starts(length, policies[name].most, oldest + 1))
                moments = [*starts, *(start + length for start in starts)]
                if any(youngest <= moment <= oldest for moment in moments):
                    continue
                expected = sum(start < youngest for start in starts) - 1
                about = f"restarts ({name}) of runs of {length} s, {oldest:.1f} s after the first"
                equal(expected, found and found.restarts, about)

    async def _restarts_are_not_too_soon(self, world: World[Any]) -> None:
        """Some seconds of it: an engine takes its time, and is late, but never early."""
        containers = await self.portable(world)
        policies = {"failed": _FAILED, "thrice": _THRICE, "always": _ALWAYS}
        cases = [(name, length) for name in policies for length in _SHORT]
        begun = {}
        for name, length in cases:
            begun[name, length] = world.clock.monotonic()
            script = f"sleep {length}; exit 1"
            await containers.run(spec(f"{name}-{length}", script, restart=policies[name]))
        until = world.clock.monotonic() + _REAL_SECONDS
        while world.clock.monotonic() < until:
            for name, length in cases:
                found = await containers.get(f"{name}-{length}")
                passed = world.clock.monotonic() - begun[name, length] + _CLEAR
                starts = sum(1 for _ in _starts(length, policies[name].most, passed))
                restarts = found.restarts if found else -1
                about = f"restarts ({name}) of runs of {length} s within {passed:.1f} s"
                that(0 <= restarts < max(1, starts), f"{restarts} {about}, at most {starts - 1}")
            await world.sleep(0.1)
        for length in _SHORT:
            found = await self.ended(containers, f"thrice-{length}")
            equal((1, 3), (found.exit_code, found.restarts), "exit code and restarts of thrice")

    @law(
        "CON-014",
        "Without a policy what ends stays ended, and is there until it is removed.",
        rung=Rung.SHAPE,
        patience=60 * 86_400.0,
    )
    async def ends_are_final(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("ends", "echo once; exit 3"))
        await self.ended(containers, "ends")
        await world.sleep(1.0)
        equal(0, (await self.ended(containers, "ends")).restarts, "restarts")
        equal(["once"], await self.texts(containers, "ends"), "its runs")
        for silence in _SILENCES if world.virtual else ():
            await world.sleep(silence)
            equal(3, (await self.ended(containers, "ends")).exit_code, f"after {silence:.0f} s")
            equal(["once"], await self.texts(containers, "ends"), "its runs")


def _starts(length: float, most: int | None, until: float) -> Iterator[float]:
    """When runs of such a length begin: 0.1 s after an end, doubled, at most 60, then anew."""
    at, wait, count = 0.0, 0.1, 0
    while at < until and (most is None or count <= most):
        yield at
        if length >= 10.0:
            wait = 0.1
        at += length + wait
        wait, count = min(60.0, 2 * wait), count + 1
