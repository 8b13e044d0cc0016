"""The law of the outbox about names of which a careless join makes one."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox.driver import Claim, ListEvents, Mark, Save
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.seams import Pair, pairs
from omnicloud_tck.world import World

__all__ = ["JoinedLaws"]

_LEASE = 60.0


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
            for pair in both:
                event = NewEvent(pair.inner, "t", repr(pair).encode(), None, pair.inner)
                await one.send(Save(pair.outer, event))
            for pair in both:
                await self._is_alone(two, pair)
            for pair in both:
                lent = await one.send(Claim(pair.outer, "me", 1, 0.0, _LEASE))
                equal([pair.inner], [event.event_id for event in lent], f"claimed of {pair}")
            await two.send(Mark(both[0].outer, (both[0].inner,)))
            await self._is_alone(one, both[1])

    async def _is_alone(self, pipe: Any, pair: Pair) -> None:
        op = ListEvents(pair.outer, EventStatus.PENDING, pair.inner)
        found = [(event.payload, event.sequence_id) for event in await pipe.send(op)]
        equal([(repr(pair).encode(), 1)], found, f"pending events of {pair}")
