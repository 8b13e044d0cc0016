"""The law of locks about tenants whose names are much alike."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud_tck.check import equal
from omnicloud_tck.general.echoes import Echoes, Story
from omnicloud_tck.general.services import Services
from omnicloud_tck.general.tenants import of_tenants
from omnicloud_tck.law import Rung, law
from omnicloud_tck.locks.story import story_of
from omnicloud_tck.samples import TENANTS
from omnicloud_tck.world import World

__all__ = ["TenantLaws"]


class TenantLaws(Services, Echoes):
    """Who holds a lock for one tenant holds it for no other."""

    def story(self, world: World[Any], features: frozenset[Any]) -> Story:
        return story_of(features)

    @law(
        "LO-130",
        "Tenants whose names a fold, a cut or an escape would make one have locks apart.",
        rung=Rung.TRUST,
    )
    async def alike_tenants_do_not_meet(self, world: World[Any]) -> None:
        pipes = await of_tenants(world, TENANTS)
        for tenant, pipe in pipes.items():
            grant = await pipe.send(Acquire("same", f"of {tenant}", 300.0))
            equal(True, grant is not None, f"acquiring as {tenant[-40:]!r}")
        for tenant in TENANTS[::2]:
            await pipes[tenant].send(Release("same", f"of {tenant}"))
        for tenant in TENANTS[1::2]:
            grant = await pipes[tenant].send(Acquire("same", "another", 300.0))
            equal(None, grant, f"of {tenant[-40:]!r}, after others released theirs")
