"""The law of circuits about tenants whose names are much alike."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.breaker import Breaker, BreakerFeature, CircuitState
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.breaker.calls import open_circuit
from omnicloud_tck.breaker.story import STORY
from omnicloud_tck.check import equal
from omnicloud_tck.containers.engine import EngineWorld
from omnicloud_tck.general.echoes import Echoes, Story
from omnicloud_tck.general.services import Services
from omnicloud_tck.general.tenants import of_tenants
from omnicloud_tck.law import Rung, law
from omnicloud_tck.samples import TENANTS
from omnicloud_tck.world import World

__all__ = ["TenantLaws"]

_LONG = 300.0


class TenantLaws(Services, Echoes):
    """What fails for one tenant says nothing about another's dependency."""

    def story(self, world: World[Any], features: frozenset[Any]) -> Story:
        return STORY

    @law(
        "BRK-070",
        "Tenants whose names a fold, a cut or an escape would make one have circuits apart.",
        needs=[BreakerFeature.SHARED],
        rung=Rung.TRUST,
    )
    async def alike_tenants_do_not_meet(self, world: World[Any]) -> None:
        for tenant, pipe in (await of_tenants(world, TENANTS)).items():
            breaker = Breaker(1, _LONG, name="same", pipeline=pipe, clock=world.clock)
            found = (await breaker.read()).state
            equal(CircuitState.CLOSED, found, f"of {tenant[-40:]!r}, before it failed")
            await open_circuit(breaker, 1)

    @law(
        "BRK-084",
        "Resetting a circuit closes that of no other tenant and no other service of the name.",
        needs=[BreakerFeature.SHARED],
        rung=Rung.TRUST,
    )
    async def resets_are_of_one(self, world: World[Any]) -> None:
        pipes = list((await of_tenants(world, ("acme", "acme2"))).values())
        pipes.append(await world.pipeline())
        if isinstance(world, EngineWorld):
            pipes.append(Pipeline(await world.stranger(), service=ServiceInfo("tck")))
        breakers = [
            Breaker(1, _LONG, name="same", pipeline=pipe, clock=world.clock) for pipe in pipes
        ]
        for breaker in breakers:
            await open_circuit(breaker, 1)
        for at, breaker in enumerate(breakers):
            await breaker.reset()
            states = [(await each.read()).state for each in breakers]
            closed, left = [CircuitState.CLOSED] * (at + 1), len(breakers) - at - 1
            equal([*closed, *[CircuitState.OPEN] * left], states, f"after {at + 1} resets")
