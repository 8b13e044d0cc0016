"""The laws of the outbox about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.contract import Contract
from omnicloud_tck.differential.outbox_draws import OUTBOX_SUBJECT
from omnicloud_tck.differential.programs import hold
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.meetings.outbox import OUTBOX_MEETING
from omnicloud_tck.meetings.playing import fall, meet
from omnicloud_tck.world import World

__all__ = ["OutboxPrograms"]

_ROUNDS = 20
_PATIENCE = 3000 * 86_400.0  # seconds: programs let weeks pass


class OutboxPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "OX-150",
        "Any program of any verbs, by any tenants, does what a list of events would.",
        patience=_PATIENCE,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(OUTBOX_SUBJECT, world, self.seed, rounds=_ROUNDS)

    @law(
        "OX-151",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        rung=Rung.CONCURRENCY,
        patience=_PATIENCE,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(OUTBOX_MEETING, world, self.seed)

    @law(
        "OX-152",
        "A call during which the backend is gone is done once or not at all, and never later.",
        abilities=[Ability.OUTAGE],
        patience=_PATIENCE,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(OUTBOX_MEETING, world)
