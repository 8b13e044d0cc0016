"""The laws of an outbox over which nobody comes for long."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import OutboxEvent
from omnicloud.contracts.outbox.driver import Claim, Fail
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["SilenceLaws"]

_SILENCES = (4000.0, 90_000.0, 31 * 86_400.0)
_AGING = 0.7
_ROUND = 0.6  # seconds by which clocks and stamps may differ


class SilenceLaws(Contract):
    """Neither numbers nor what was given up end by themselves."""

    @law("OX-154", "The lag is the age of the oldest event since it was saved, tried or not.")
    async def ages_count_from_saving(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await one.save_event(OutboxEvent("t", b"old"))
        waited = 0.0
        for _ in range(3):
            await world.sleep(_AGING)
            waited += _AGING
            (event,) = await two.pipeline.send(Claim(SPACE, "two", 1, 0.0, 60.0))
            await two.pipeline.send(Fail(SPACE, "two", event.event_id, 0.0))
            age = (await one.lag()).oldest_seconds
            that(age > waited - _ROUND, f"{waited:g} s after it was saved its age is {age:.2f} s")

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
