"""The law of names that are put together of a service's, or a tenant's, and of what it keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.keeping import keeper_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.seams import Pair, pairs
from omnicloud_tck.world import World

__all__ = ["Services"]

Both = tuple[Pair, Pair]
Pipes = tuple[Pipeline[Any], Pipeline[Any]]


class Services(Contract):
    """What is kept under a name is the tenant's, and the service's, who kept it."""

    @law(
        "G-114",
        "Services, and tenants, whose names a join would make one with what they keep are apart.",
        rung=Rung.TRUST,
        patience=3600.0,
    )
    async def joined_services_are_apart(self, world: World[Any]) -> None:
        keeper = keeper_of(self)
        async for both, pipes in _rooms(world):
            one, two = both
            for pair, pipe in zip(both, pipes, strict=True):
                found = await keeper.is_there(pipe, pair.inner, repr(pair))
                equal(False, found, f"whether anything is there of {pair}, beside {both}")
                await keeper.keep(pipe, pair.inner, repr(pair))
            for pair, pipe in zip(both, pipes, strict=True):
                found = await keeper.is_there(pipe, pair.inner, repr(pair))
                equal(True, found, f"whether it is there, of {pair}, beside {both}")
            await keeper.drop(pipes[0], one.inner, repr(one))
            found = await keeper.is_there(pipes[0], one.inner, repr(one))
            equal(False, found, f"whether it is there that was dropped, of {one}")
            found = await keeper.is_there(pipes[1], two.inner, repr(two))
            equal(True, found, f"whether it is there, of {two}, when it was dropped, of {one}")


async def _rooms(world: World[Any]) -> AsyncIterator[tuple[Both, Pipes]]:
    """Two at a time: tenants of one service, and services where the world lends them."""
    driver = await world.driver()
    for both in pairs(every=world.virtual):
        one, two = both
        yield (
            both,
            (
                Pipeline(driver, (Scoping(one.outer),), service=ServiceInfo("tck"), owned=False),
                Pipeline(driver, (Scoping(two.outer),), service=ServiceInfo("tck"), owned=False),
            ),
        )
        if world.lends_services:
            pipes = await _service(world, one.outer), await _service(world, two.outer)
            yield both, pipes
            for pipe in pipes:
                await world.part(pipe.driver)


async def _service(world: World[Any], name: str) -> Pipeline[Any]:
    return Pipeline(await world.service(name), (), service=ServiceInfo(name), owned=False)
