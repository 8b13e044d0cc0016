"""The laws of documents about random programs and calls that meet."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.programs.laws import AGES, fall, hold, meet
from omnicloud_tck.subjects.documents import DOCUMENTS_SUBJECT
from omnicloud_tck.world import World

__all__ = ["DocumentsPrograms"]


class DocumentsPrograms(Contract):
    """What holds for every program and every pair of calls."""

    @law(
        "DOC-130",
        "Any program of any verbs, in any collections, by any tenants, does what a dictionary "
        "would.",
        patience=AGES,
    )
    async def any_program_holds(self, world: World[Any]) -> None:
        await hold(DOCUMENTS_SUBJECT, world, self.seed, rounds=20)

    @law(
        "DOC-131",
        "Any two calls at once, or one of them cancelled, end as one order of them would.",
        rung=Rung.CONCURRENCY,
        patience=AGES,
    )
    async def any_two_calls_meet(self, world: World[Any]) -> None:
        await meet(DOCUMENTS_SUBJECT, world, self.seed)

    @law(
        "DOC-132",
        "A call during which the backend is gone is done once or not at all, and never later.",
        abilities=[Ability.OUTAGE],
        patience=AGES,
    )
    async def any_call_falls_whole(self, world: World[Any]) -> None:
        await fall(DOCUMENTS_SUBJECT, world, self.seed)
