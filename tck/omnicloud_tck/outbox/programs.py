"""The laws of the outbox about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.programs.laws import AGES, fall, hold, meet
from omnicloud_tck.subjects.outbox_draws import OUTBOX_SUBJECT
from omnicloud_tck.world import World

__all__ = ["OutboxPrograms"]


class OutboxPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "OX-150",
        "Any program of any verbs, by any tenants, does what a list of events would.",
        patience=AGES,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(OUTBOX_SUBJECT, world, self.seed, rounds=40)

    @law(
        "OX-151",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(OUTBOX_SUBJECT, world, self.seed)

    @law(
        "OX-152",
        "A call during which the backend is gone is done once or not at all, and never later.",
        abilities=[Ability.OUTAGE],
        patience=AGES,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(OUTBOX_SUBJECT, world, self.seed)
