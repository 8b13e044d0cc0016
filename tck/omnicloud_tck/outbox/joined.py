"""The law of the outbox about names of which a careless join makes one."""

from __future__ import annotations

from typing import Any, NamedTuple

from omnicloud.contracts.outbox.driver import Claim, Fail, ListEvents, Mark, Save
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.longest import longest
from omnicloud_tck.seams import pairs
from omnicloud_tck.world import World

__all__ = ["JoinedLaws"]

Pipe = Pipeline[Any]

_LEASE = 60.0


class _Kept(NamedTuple):
    """An event of an aggregate in a space."""

    outer: str
    inner: str
    event_id: str

    @property
    def short(self) -> str:
        return f"{self.outer[-20:]!r} and {self.inner[-20:]!r}"


class JoinedLaws(Contract):
    """A space and what is in it are two names."""

    @law(
        "OX-153",
        "Spaces with aggregates and ids of which a join makes one are apart.",
        rung=Rung.TRUST,
    )
    async def joined_names_stay_apart(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for both in pairs(every=world.virtual):
            await _stay_apart(one, two, [_Kept(*pair, pair.inner) for pair in both])

    @law(
        "OX-205",
        "The longest spaces and aggregates of the tenants with the longest names are apart by "
        "their ends.",
        rung=Rung.TRUST,
    )
    async def the_longest_stay_apart(self, world: World[Any]) -> None:
        names, (one, two) = await longest(world)
        if names:
            kept = [_Kept(*pair, f"e{pair.inner[-1]}") for pair in names]
            await _stay_apart(one, two, kept)


async def _stay_apart(one: Pipe, two: Pipe, kept: list[_Kept]) -> None:
    """Save an event for each at once, and look at each."""
    for each in kept:
        event = NewEvent(each.event_id, "t", repr(each).encode(), None, each.inner)
        await one.send(Save(each.outer, event))
    for each in kept:
        await _is_alone(two, each)
    for each in kept:
        lent = await one.send(Claim(each.outer, "me", 1, 0.0, _LEASE))
        equal([each.event_id], [event.event_id for event in lent], f"claimed of {each.short}")
    for each in kept:
        await two.send(Fail(each.outer, "another", each.event_id, 0.0, park=True))
        await _is_alone(two, each)
    await two.send(Mark(kept[0].outer, (kept[0].event_id,)))
    for each in kept[1:]:
        await _is_alone(one, each)


async def _is_alone(pipe: Pipe, kept: _Kept) -> None:
    op = ListEvents(kept.outer, EventStatus.PENDING, kept.inner)
    found = [(event.payload, event.sequence_id) for event in await pipe.send(op)]
    equal([(repr(kept).encode(), 1)], found, f"pending events of {kept.short}")
