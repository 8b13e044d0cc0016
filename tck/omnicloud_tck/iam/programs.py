"""The laws of iam about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.iam import IAMFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.programs.laws import AGES, fall, hold, meet
from omnicloud_tck.subjects.rules import IAM_SUBJECT
from omnicloud_tck.world import World

__all__ = ["IAMPrograms"]


class IAMPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "IAM-080",
        "Any sets of rules in any forms, put and asked in any order, mean what they say.",
        needs=[IAMFeature.MANAGE],
        patience=AGES,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(IAM_SUBJECT, world, self.seed, rounds=40)

    @law(
        "IAM-081",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        needs=[IAMFeature.MANAGE],
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(IAM_SUBJECT, world, self.seed)

    @law(
        "IAM-082",
        "A call during which the backend is gone is done once or not at all, and never later.",
        needs=[IAMFeature.MANAGE],
        abilities=[Ability.OUTAGE],
        patience=AGES,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(IAM_SUBJECT, world, self.seed)
