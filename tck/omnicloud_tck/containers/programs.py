"""The law of containers about random programs: services and tenants with the same names."""

from __future__ import annotations

import asyncio
import random
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from omnicloud.contracts.containers import ContainersFeature
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken
from omnicloud_tck.containers.bench import Bench
from omnicloud_tck.containers.crossing import cross
from omnicloud_tck.containers.engine import EngineWorld, elsewhere
from omnicloud_tck.containers.household import Household
from omnicloud_tck.containers.kept import Grounds
from omnicloud_tck.containers.specs import Drawing
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.programs import meetings
from omnicloud_tck.programs.laws import AGES
from omnicloud_tck.subjects.containers_meeting import containers_meetings
from omnicloud_tck.world import World

__all__ = ["ContainersPrograms"]

_PROGRAMS, _FEW, _STEPS = 16, 3, 60
_REAL_SECONDS = 3.0  # after which no step is begun where time is real, in its one program
_PASSING = (0.7, 5.0, 40.0)
_TRAIL = 8  # steps that a finding tells


class ContainersPrograms(Bench):
    """What holds for every program."""

    @law(
        "CON-140",
        "Any program of any verbs, by services and tenants alike, does what a plain model would.",
        rung=Rung.TRUST,
        patience=1e9,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder, "root.tar")
            await asyncio.to_thread(_write_archive, archive)
            for number in range(await _programs(world)):
                chance = random.Random(f"{self.seed} {number}")  # noqa: S311
                houses = await _houses(world, chance, Grounds(archive=str(archive)))
                trail: list[str] = []
                try:
                    await _played(world, chance, houses, trail)
                except (Broken, OmniCloudError) as why:
                    steps = "; ".join(trail[-_TRAIL:])
                    which = f"program {number} of seed {self.seed}"
                    said = why if isinstance(why, Broken) else f"{type(why).__name__}: {why}"
                    raise Broken(f"{said} ({which}: {steps})") from why

    @law(
        "CON-170",
        "Any two calls at once about a container, or one of them cancelled, end as in one order.",
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        for meeting in containers_meetings(virtual=world.virtual):
            await meetings.meet(meeting, world, self.seed)

    @law(
        "CON-171",
        "A call about a container during which the engine is gone is done once, or not at all.",
        abilities=[Ability.OUTAGE],
        patience=AGES,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        for meeting in containers_meetings(virtual=world.virtual):
            await meetings.fall(meeting, world)

    @law(
        "CON-172",
        "A stop and a restart end, and leave what they should, whatever another asks meanwhile.",
        rung=Rung.CONCURRENCY,
        patience=1e6,
    )
    async def stops_are_crossed(self, world: World[Any]) -> None:
        await cross(self, world, self.seed)


async def _programs(world: World[Any]) -> int:
    """How many: few of an engine that does little."""
    if not world.virtual:
        return 1
    return _PROGRAMS if ContainersFeature.VOLUMES in (await world.driver()).features else _FEW


def _write_archive(path: Path) -> None:
    """A root file system with nothing in it, of which nothing runs where time is real."""
    with tarfile.open(path, "w") as tar:
        folder = tarfile.TarInfo("etc")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)


async def _played(
    world: World[Any], chance: random.Random, houses: list[Household], trail: list[str]
) -> None:
    for house in houses:
        await house.enter()
    until = world.clock.monotonic() + _REAL_SECONDS
    for _ in range(_STEPS):
        if not world.virtual and world.clock.monotonic() > until:
            break
        if world.virtual and chance.random() < 0.15:
            trail.append("time passes")
            await world.sleep(chance.choice(_PASSING))
        which = chance.randrange(len(houses))
        await houses[which].step(trail, f"service {which}")
        await chance.choice(houses).look()
    for house in houses:
        await house.leave()


async def _houses(world: World[Any], chance: random.Random, grounds: Grounds) -> list[Household]:
    """Some of three tenants of one service, and a tenant of another on the same engine."""

    def tenant(name: str | None) -> Any:
        return lambda: world.pipeline(Scoping(name))

    async def same_elsewhere() -> Pipeline[Any]:
        return Pipeline(await elsewhere(world), (Scoping("a"),), service=ServiceInfo("tck"))

    others = [tenant("a2"), tenant(None)]
    if isinstance(world, EngineWorld):
        others += [same_elsewhere, same_elsewhere]
    opened = [tenant("a"), chance.choice(others)]
    features = (await world.driver()).features
    drawing = Drawing(chance, features, real=not world.virtual)
    return [
        Household(world, chance, drawing, grounds, one)
        for one in opened[: chance.choice((1, 2, 2))]
    ]
