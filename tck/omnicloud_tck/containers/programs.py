"""The law of containers about random programs: services and tenants with the same names."""

from __future__ import annotations

import random
from typing import Any

from omnicloud.contracts.containers import ContainersFeature
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import Broken
from omnicloud_tck.containers.bench import Bench
from omnicloud_tck.containers.engine import EngineWorld, elsewhere
from omnicloud_tck.containers.household import Household
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["ContainersPrograms"]

_F = ContainersFeature
_PROGRAMS, _STEPS = 8, 60
_PASSING = (0.7, 5.0, 40.0)
_TRAIL = 8  # steps that a finding tells


class ContainersPrograms(Bench):
    """What holds for every program."""

    @law(
        "CON-140",
        "Any program of any verbs, by services and tenants alike, does what a plain model would.",
        needs=[_F.EXEC, _F.PAUSE, _F.EVENTS, _F.VOLUMES, _F.NETWORKS],
        abilities=[Ability.VIRTUAL_TIME],  # its programs take hours
        rung=Rung.TRUST,
        patience=1e9,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        for number in range(_PROGRAMS):
            chance = random.Random(f"{self.seed} {number}")  # noqa: S311
            houses = await _houses(world, chance)
            trail: list[str] = []
            try:
                await _played(world, chance, houses, trail)
            except Broken as why:
                steps = "; ".join(trail[-_TRAIL:])
                raise Broken(f"{why} (program {number} of seed {self.seed}: {steps})") from None


async def _played(
    world: World[Any], chance: random.Random, houses: list[Household], trail: list[str]
) -> None:
    for house in houses:
        await house.enter()
    for _ in range(_STEPS):
        if chance.random() < 0.15:
            trail.append("time passes")
            await world.sleep(chance.choice(_PASSING))
        which = chance.randrange(len(houses))
        await houses[which].step(trail, f"service {which}")
        await chance.choice(houses).look()
    for house in houses:
        await house.leave()


async def _houses(world: World[Any], chance: random.Random) -> list[Household]:
    """Some of three tenants of one service, and a tenant of another on the same engine."""

    def tenant(name: str | None) -> Any:
        return lambda: world.pipeline(Scoping(name))

    async def same_elsewhere() -> Pipeline[Any]:
        return Pipeline(await elsewhere(world), (Scoping("a"),), service=ServiceInfo("tck"))

    others = [tenant("a2"), tenant(None)]
    if isinstance(world, EngineWorld):
        others += [same_elsewhere, same_elsewhere]
    opened = [tenant("a"), chance.choice(others)]
    return [Household(world, chance, one) for one in opened[: chance.choice((1, 2, 2))]]
