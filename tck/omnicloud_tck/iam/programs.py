"""The laws of iam about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.iam import IAMFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.differential.programs import hold
from omnicloud_tck.differential.rules import IAM_SUBJECT
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.meetings.iam import IAM_MEETING
from omnicloud_tck.meetings.playing import fall, meet
from omnicloud_tck.world import World

__all__ = ["IAMPrograms"]

_ROUNDS = 24
_PATIENCE = 3000 * 86_400.0  # seconds: programs let weeks pass


class IAMPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "IAM-080",
        "Any sets of rules in any forms, put and asked in any order, mean what they say.",
        needs=[IAMFeature.MANAGE],
        patience=_PATIENCE,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(IAM_SUBJECT, world, self.seed, rounds=_ROUNDS, tenants=1)

    @law(
        "IAM-081",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        needs=[IAMFeature.MANAGE],
        rung=Rung.CONCURRENCY,
        patience=_PATIENCE,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(IAM_MEETING, world, self.seed)

    @law(
        "IAM-082",
        "A call during which the backend is gone is done once or not at all, and never later.",
        needs=[IAMFeature.MANAGE],
        abilities=[Ability.OUTAGE],
        patience=_PATIENCE,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(IAM_MEETING, world)
