"""The laws of secrets about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.programs.laws import AGES, fall, hold, meet
from omnicloud_tck.subjects.secrets import SECRETS_SUBJECT
from omnicloud_tck.world import World

__all__ = ["SecretsPrograms"]


class SecretsPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "SEC-060",
        "Any program of any verbs, by any tenants, does what lists of versions would.",
        patience=AGES,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(SECRETS_SUBJECT, world, self.seed, rounds=60)

    @law(
        "SEC-061",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(SECRETS_SUBJECT, world, self.seed)

    @law(
        "SEC-062",
        "A call during which the backend is gone is done once or not at all, and never later.",
        abilities=[Ability.OUTAGE],
        patience=AGES,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(SECRETS_SUBJECT, world, self.seed)
