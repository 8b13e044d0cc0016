"""Laws of kept payloads about tenants whose names are much alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.general.endings import Endings
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.services import Services
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.samples import TENANTS
from omnicloud_tck.world import World

__all__ = ["Tenants", "of_tenants"]

_NEIGHBOURS = ("acme", "acme2", "ac", "ACME", "acme-x", "acme/x", "caf\u00e9", "cafe\u0301")


async def of_tenants(world: World[Any], tenants: Iterable[str]) -> dict[str, Pipe]:
    """One client's calls for each of many tenants, as one service makes them for its callers."""
    driver = await world.driver()
    service = ServiceInfo("tck")
    return {
        tenant: Pipeline(driver, (Scoping(tenant),), service=service, owned=False)
        for tenant in tenants
    }


class Tenants(Endings, Services):
    """No fold, cut, join or escape on the way makes two tenants one."""

    @law(
        "G-080",
        "Tenants whose names a fold, a cut or an escape would make one are apart.",
        rung=Rung.TRUST,
    )
    async def alike_tenants_do_not_meet(self, world: World[Any]) -> None:
        pipes = await of_tenants(world, TENANTS)
        for tenant, pipe in pipes.items():
            await self.put(pipe, "same", tenant.encode())
        for tenant, pipe in pipes.items():
            taken = await self.take(pipe, "same")
            equal(tenant.encode(), taken, f"what tenant {tenant[-40:]!r} wrote")
        for tenant in TENANTS[::2]:
            await self.remove(pipes[tenant], "same")
        for tenant in TENANTS[1::2]:
            taken = await self.take(pipes[tenant], "same")
            equal(tenant.encode(), taken, f"of {tenant[-40:]!r}, after others removed theirs")

    @law(
        "G-081",
        "A tenant's listing shows nothing of tenants whose names begin with its own, or alike.",
        rung=Rung.TRUST,
    )
    async def neighbours_are_not_listed(self, world: World[Any]) -> None:
        pipes = await of_tenants(world, _NEIGHBOURS)
        mine = {tenant: {"shared", f"of {n}"} for n, tenant in enumerate(_NEIGHBOURS)}
        for tenant, pipe in pipes.items():
            for name in sorted(mine[tenant]):
                await self.put(pipe, name, b"payload")
        for tenant, pipe in pipes.items():
            listed = await self.names(pipe)
            if listed is not None:
                equal(mine[tenant], listed, f"names of tenant {tenant!r}")
