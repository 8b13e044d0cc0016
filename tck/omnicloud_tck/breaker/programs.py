"""The laws of breaker about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.breaker import BreakerFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.programs.laws import AGES, fall, hold, meet
from omnicloud_tck.subjects.breakers import BREAKER_SUBJECT
from omnicloud_tck.world import World

__all__ = ["BreakerPrograms"]


class BreakerPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "BRK-080",
        "Any program of calls, times and settings, by any tenants, does what a plain state machine "
        "would.",
        needs=[BreakerFeature.SHARED],
        patience=AGES,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(BREAKER_SUBJECT, world, self.seed, rounds=60)

    @law(
        "BRK-082",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        needs=[BreakerFeature.SHARED],
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(BREAKER_SUBJECT, world, self.seed)

    @law(
        "BRK-083",
        "A call during which the backend is gone is done once or not at all, and never later.",
        needs=[BreakerFeature.SHARED],
        abilities=[Ability.OUTAGE],
        patience=AGES,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(BREAKER_SUBJECT, world, self.seed)
