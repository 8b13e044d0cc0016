"""The laws of the outbox about events that hold up no others, and tenants beside each other."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.outbox.driver import Fail, Keep, Mark
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.tenants import of_tenants
from omnicloud_tck.law import Rung, law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["OutboxApart"]

_TENANTS = ("acme", "acme2", "other")
_HELD = 60
_LEASE = 3.0
_CLOCKS_APART = 600.0  # seconds by which a server's clock may differ from ours


class OutboxApart(Contract):
    """What stands stands alone."""

    @law(
        "OX-130",
        "An aggregate whose event is parked, waits or is claimed holds up no other aggregate.",
        rung=Rung.RESILIENCE,
    )
    async def aggregates_wait_alone(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await _saved(one, "parked", "waits", "claimed")
        parked, waits, _ = await _claimed(one, "one", 3)
        await one.pipeline.send(Fail(SPACE, "one", parked.event_id, 0.0, park=True))
        await one.pipeline.send(Fail(SPACE, "one", waits.event_id, 60.0))
        await _saved(one, "parked", "waits", "claimed", "free-1", "free-2")
        found = [event.aggregate_key for event in await _claimed(two, "two", 10)]
        equal(["free-1", "free-2"], found, "aggregates that are claimed beside those that stand")

    @law("OX-131", "However many events stand before it, a free one is claimed.")
    async def many_hide_no_other(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await _saved(one, "stands")
        (first,) = await _claimed(one, "one", 1)
        await one.pipeline.send(Fail(SPACE, "one", first.event_id, 0.0, park=True))
        await _saved(one, *["stands"] * _HELD, "free-1", "free-2")
        for most, expected in ((1, "free-1"), (1, "free-2")):
            found = [event.aggregate_key for event in await _claimed(two, "two", most)]
            equal([expected], found, f"claimed behind {_HELD} events that stand")

    @law("OX-132", "Every request stays within its tenant.", rung=Rung.TRUST)
    async def every_request_stays_at_home(self, world: World[Any]) -> None:
        rooms = [Outbox(pipe) for pipe in (await of_tenants(world, _TENANTS)).values()]
        for number, room in enumerate(rooms):
            for name in ("done", "parked", "left"):
                await room.save_event(OutboxEvent("t", f"{name} of {number}".encode()))
        mine = [await claimed(room, "worker", 10, lease=60.0) for room in rooms]
        for number, events in enumerate(mine):
            expected = [f"{name} of {number}" for name in ("done", "parked", "left")]
            equal(expected, [event.payload.decode() for event in events], "claimed by a tenant")
        for number, room in enumerate(rooms):
            await self._by_another(rooms[number - 1], mine[number])
            await self._has(room, (3, 0), 0, "others named its events")
        for number, room in enumerate(rooms):
            done, parked, _ = mine[number]
            await room.mark_as_processed(done.event_id)
            await room.pipeline.send(Fail(SPACE, "worker", parked.event_id, 0.0, park=True))
            await self._has(room, (1, 1), 1, "it marked and parked its own")
            for other in rooms[number + 1 :]:
                await self._has(other, (3, 0), 0, "another marked and parked its own")
        for number in (1, 0, 2):
            equal(1, await rooms[number].purge(0), "processed events that one tenant purges")

    @law("OX-133", "A parked event that is marked is processed, and its aggregate goes on.")
    async def parked_events_are_marked(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await _saved(one, "a", "a")
        first, *_ = await _claimed(one, "one", 2)
        await one.pipeline.send(Fail(SPACE, "one", first.event_id, 0.0, park=True))
        await two.pipeline.send(Mark(SPACE, ("unknown", first.event_id)))
        equal([], [event async for event in one.parked()], "parked events")
        equal(False, await one.requeue(first.event_id), "requeueing what is processed")
        lag = await two.lag()
        equal((1, 0), (lag.pending, lag.parked), "pending and parked")
        await world.sleep(_LEASE + 1.0)
        found = [event.sequence_id for event in await _claimed(two, "two", 5)]
        equal([2], found, "numbers of the aggregate that are claimed")

    @law("OX-134", "Lag is the age of the oldest that is pending, whatever is parked or processed.")
    async def lag_is_of_the_pending(self, world: World[Any]) -> None:
        one = await self.portable(world)
        await one.save_event(OutboxEvent("t", b"parked"))
        await one.save_event(OutboxEvent("t", b"processed"))
        parked, processed = await _claimed(one, "one", 2)
        await one.pipeline.send(Fail(SPACE, "one", parked.event_id, 0.0, park=True))
        await one.mark_as_processed(processed.event_id)
        await world.sleep(2.0)
        equal(0.0, (await one.lag()).oldest_seconds, "lag while nothing is pending")
        await one.save_event(OutboxEvent("t", b"pending"))
        await world.sleep(0.4)
        oldest = (await one.lag()).oldest_seconds
        that(0.2 <= oldest <= 1.5, f"after 0.4 s the lag is {oldest:.2f} s")

    @law("OX-135", "An event tells when it was saved, alike from every question, and its keys.")
    async def every_question_tells_the_same(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        before = world.clock.wall()
        await one.save_event(OutboxEvent("t", b"x", "key", "agg"))
        await world.sleep(1.2)
        (claimed,) = await _claimed(two, "two", 1)
        (listed,) = await two.get_pending_events_for_aggregate("agg")
        told = (claimed.saved_at, claimed.message_key, claimed.aggregate_key, claimed.sequence_id)
        said = (listed["saved_at"], listed["message_key"], listed["aggregate_key"], 1)
        equal(said, told, "stamp, keys and number, listed and claimed")
        that(abs(claimed.saved_at - before) < _CLOCKS_APART, "the moment of saving is another")
        await two.pipeline.send(Fail(SPACE, "two", claimed.event_id, 0.0, park=True))
        (parked,) = [event async for event in one.parked()]
        equal(claimed.saved_at, parked["saved_at"], "when the parked event was saved")
        await one.mark_as_processed(claimed.event_id)
        for keys in ((None, "other"), ("key", None), (None, None)):
            await one.save_event(OutboxEvent("t", b"x", *keys))
            (event,) = await _claimed(two, "two", 1)
            equal(keys, (event.message_key, event.aggregate_key), "the keys of an event")
            await one.mark_as_processed(event.event_id)

    async def _by_another(self, room: Outbox, events: tuple[EventRecord, ...]) -> None:
        """Do to these events, as another tenant, whatever can be done to events."""
        ids = tuple(event.event_id for event in events)
        await room.pipeline.send(Mark(SPACE, ids))
        await room.pipeline.send(Keep(SPACE, "worker", ids, 0.0))
        for event_id in ids:
            await room.pipeline.send(Fail(SPACE, "worker", event_id, 0.0, park=True))
            equal(False, await room.requeue(event_id), "requeueing another tenant's event")
        await room.purge(0)

    async def _has(self, room: Outbox, lag: tuple[int, int], parked: int, after: str) -> None:
        told = await room.lag()
        equal(lag, (told.pending, told.parked), f"pending and parked after {after}")
        events = [event["payload"] async for event in room.parked()]
        equal(parked, len(events), f"parked events after {after}")


async def _saved(outbox: Outbox, *keys: str) -> None:
    for key in keys:
        await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))


async def _claimed(outbox: Outbox, owner: str, most: int) -> tuple[EventRecord, ...]:
    return await claimed(outbox, owner, most, lease=_LEASE)
