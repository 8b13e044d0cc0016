"""The law of the outbox about aggregates and ids that are much alike."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox.driver import ListEvents, Mark, Save
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.samples import HASHED_ALIKE, LONG_ALIKE, SEPARATED_ALIKE, look_alikes
from omnicloud_tck.world import World

__all__ = ["KinLaws"]

_SPACE = "s"
_REAL = 24  # names over a real backend


class KinLaws(Contract):
    """An aggregate's events and numbers are its own, an event's id too."""

    @law(
        "OX-167",
        "Aggregates and ids of which a fold, a cut, a join or an ending would make one are apart: "
        "each aggregate counts for itself, and each event is saved.",
    )
    async def alike_aggregates_count_apart(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        names = [
            *look_alikes("like-"),
            "A",
            "a",
            "e\u0301",
            "\u00e9",
            *HASHED_ALIKE,
            *LONG_ALIKE,
            *SEPARATED_ALIKE,
        ]
        if not world.virtual:
            names = [*look_alikes("like-")[-_REAL:], "like-k\u00e9", "like-ke\u0301"]
        for name in names:
            await one.send(Save(_SPACE, NewEvent(name, "t", name.encode(), None, name)))
        for name in names:
            again = NewEvent(f"{name}, again", "t", b"again", None, name)
            await two.send(Save(_SPACE, again))
        for name in names:
            told = await _events(two, name)
            equal([(name.encode(), 1), (b"again", 2)], told, f"events of {name[-40:]!r}")
        await two.send(Mark(_SPACE, tuple(names[::2])))
        for place, name in enumerate(names):
            expected = [(name.encode(), 1), (b"again", 2)][place % 2 == 0 :]
            told = await _events(one, name)
            equal(expected, told, f"events of {name[-40:]!r}, others marked")


async def _events(pipe: Pipeline[Any], name: str) -> list[tuple[bytes, int | None]]:
    op = ListEvents(_SPACE, EventStatus.PENDING, name)
    return [(event.payload, event.sequence_id) for event in await pipe.send(op)]
