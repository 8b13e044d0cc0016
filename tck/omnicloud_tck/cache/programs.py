"""The laws of cache about random programs of its calls."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.programs.laws import AGES, fall, hold, meet, stray
from omnicloud_tck.subjects.cache_calls import CacheCalls
from omnicloud_tck.world import World

__all__ = ["CachePrograms"]


class CachePrograms(Contract):
    """What holds for every program, of whichever calls."""

    @law(
        "CA-140",
        "Any program of calls, with any options, answers as a plain model of the contract.",
        patience=AGES,
    )
    async def programs_answer_as_the_model(self, world: World[Any]) -> None:
        await hold(CacheCalls, world, self.seed, rounds=120)

    @law(
        "CA-141",
        "Any two calls at once at one record answer and end as one after the other would.",
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def pairs_have_an_order(self, world: World[Any]) -> None:
        await meet(CacheCalls, world, self.seed, rounds=200)

    @law(
        "CA-142",
        "Any call that is cancelled, lost, late or met by an outage is done or not, as it is told.",
        rung=Rung.RESILIENCE,
        patience=AGES,
    )
    async def disturbed_calls_are_done_or_not(self, world: World[Any]) -> None:
        await fall(CacheCalls, world, self.seed, rounds=100)

    @law(
        "CA-143",
        "Programs of tenants that are much alike never meet, and tell no payload, in any trouble.",
        rung=Rung.TRUST,
        patience=AGES,
    )
    async def programs_of_tenants_never_meet(self, world: World[Any]) -> None:
        await stray(CacheCalls, world, self.seed, rounds=140)
