"""The law of an outbox over which nobody comes for long."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import OutboxEvent
from omnicloud.contracts.outbox.driver import Claim, Fail
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["SilenceLaws"]

_SILENCES = (4000.0, 90_000.0, 31 * 86_400.0)


class SilenceLaws(Contract):
    """Neither numbers nor what was given up end by themselves."""

    @law(
        "OX-140",
        "Aggregates count on, and what is parked stays parked, however long nobody asks.",
        rung=Rung.RESILIENCE,
        patience=60 * 86_400.0,
    )
    async def silence_begins_nothing_anew(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await one.save_event(OutboxEvent("t", b"given up"))
        (parked,) = await one.pipeline.send(Claim(SPACE, "one", 1, 0.0, 60.0))
        await one.pipeline.send(Fail(SPACE, "one", parked.event_id, 0.0, park=True))
        for number, silence in enumerate(_SILENCES, 1):
            await two.save_event(OutboxEvent("t", b"x", aggregate_key="a"))
            (event,) = await one.get_pending_events_for_aggregate("a")
            equal(number, event["sequence_id"], "the number of the next event")
            await one.mark_as_processed(event)
            await one.purge(0)
            await world.sleep(silence if world.virtual else 0.2)
            stays = [event["event_id"] async for event in two.parked()]
            equal([parked.event_id], stays, "parked events")
        equal(True, await two.requeue(parked.event_id), "requeueing what was parked for long")
