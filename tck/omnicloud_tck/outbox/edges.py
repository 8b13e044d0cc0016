"""The laws of the outbox at its edges: old places, late owners, clocks, outages."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import EventStatus, Outbox, OutboxEvent
from omnicloud.contracts.outbox.driver import Fail, ListAggregates, ListEvents
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["OutboxEdges"]

_KEYS = ("a", "B", "k ", "k", "\u00e9", "\uffee", "\U0001f600", "z\0", "~")


class OutboxEdges(Contract):
    """What a second relay, a second look or a second try may not change."""

    @law("OX-120", "A requeued event is claimed in its old place, with or without an aggregate.")
    async def requeued_in_place(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        for number in range(3):
            await one.save_event(OutboxEvent("t", b"%d" % number))
        first = (await _claim(one, "one", 1, 30.0))[0]
        await one.pipeline.send(Fail(SPACE, "one", first.event_id, 0.0, park=True))
        parked = [event async for event in one.parked()]
        equal([(b"0", 1)], [(e["payload"], e["attempts"]) for e in parked], "parked, attempts")
        equal(True, await one.requeue(first.event_id), "requeue")
        listed = [event["payload"] for event in await one.get_pending_unordered_events()]
        equal([b"0", b"1", b"2"], listed, "pending events after the requeue")
        found = await _claim(one, "two", 3, 30.0)
        equal([b"0", b"1", b"2"], [event.payload for event in found], "events claimed")

    @law("OX-121", "Aggregates are listed by code points, and not while all they have is parked.")
    async def aggregates_by_code_points(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        for key in (*_KEYS, "parked"):
            await one.save_event(OutboxEvent("t", b"x", key, key))
        for event in await _claim(one, "one", 100, 30.0):
            if event.aggregate_key == "parked":
                await one.pipeline.send(Fail(SPACE, "one", event.event_id, 0.0, park=True))
            equal(event.aggregate_key, event.message_key, "the message key")
        expected = sorted(_KEYS)
        equal(expected, await one.get_pending_aggregate_keys(), "aggregates with pending events")
        paged: list[str] = []
        while page := await one.pipeline.send(
            ListAggregates(SPACE, paged[-1] if paged else None, 2)
        ):
            paged += page
        equal(expected, paged, "the same in pages of two")

    @law("OX-122", "Names come back as they were given, blanks and all.", rung=Rung.SHAPE)
    async def names_come_back(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        names = (" ", " lead", "trail ", "\t", "None", "null", "0", "e\u0301", "\u00e9")
        for name in names:
            await one.save_event(OutboxEvent(name, b"x", name))
        events = await one.get_pending_unordered_events()
        equal(list(names), [event["message_key"] for event in events], "message keys")
        equal(list(names), [event["destination_topic"] for event in events], "topics")

    @law("OX-123", "What is claimed still counts as pending: in lists and in the lag.")
    async def claimed_is_pending(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        for key in (None, "a", "a"):
            await one.save_event(OutboxEvent("t", b"x", aggregate_key=key))
        taken = len(await _claim(one, "one", 10, 30.0))
        that(taken in (2, 3), f"{taken} events claimed, of one aggregate and one without")
        await world.sleep(0.5)
        lag = await one.lag()
        equal((3, 0), (lag.pending, lag.parked), "pending and parked while claimed")
        that(0.4 <= lag.oldest_seconds <= 5, f"the oldest is {lag.oldest_seconds:.2f} s old")
        equal(["a"], await one.get_pending_aggregate_keys(), "aggregates while claimed")

    @law(
        "OX-124",
        "An owner whose claim has ended fails nothing, also where nobody has claimed it since, "
        "and attempts that failed before still count.",
        rung=Rung.RESILIENCE,
    )
    async def late_failures_do_nothing(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        await one.save_event(OutboxEvent("t", b"x"))
        for _ in range(2):
            (event,) = await _claim(one, "one", 1, 30.0)
            await one.pipeline.send(Fail(SPACE, "one", event.event_id))
        (event,) = await _claim(one, "one", 1, 0.4)
        await world.sleep(0.7)
        await one.pipeline.send(Fail(SPACE, "one", event.event_id, 60.0, park=True))
        (again,) = await _claim(one, "two", 1, 30.0)
        equal((2, EventStatus.PENDING), (again.attempts, again.status), "the event")

    @law(
        "OX-125",
        "A step of the wall clock ends no claim and no wait, and keeps none.",
        level=Level.SHOULD,
        abilities=[Ability.STEP_WALL],
    )
    async def wall_clocks_end_no_claim(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        span = 0.8 if world.virtual else 2.4  # for two calls, on a busy machine too
        await one.save_event(OutboxEvent("t", b"x"))
        await _claim(one, "one", 1, span)
        world.step_wall(7200)
        equal((), await _claim(one, "two", 1, span), "after the wall clock went forward")
        world.step_wall(-14400)
        await world.sleep(span + 0.2)
        (again,) = await _claim(one, "two", 1, span)
        await one.pipeline.send(Fail(SPACE, "two", again.event_id, span))
        world.step_wall(7200)
        equal((), await _claim(one, "one", 1, span), "of a failed one, the clock gone forward")
        world.step_wall(-14400)
        await world.sleep(span + 0.2)
        equal(1, len(await _claim(one, "one", 1, span)), "after its delay, the clock set back")

    @law(
        "OX-141",
        "Processed events are listed as they were saved, in whatever order they were marked.",
    )
    async def the_processed_keep_their_order(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        ids = [await one.save_event(OutboxEvent("t", b"x", None, key)) for key in ("a", None) * 3]
        for event_id in (ids[4], ids[1], ids[5], ids[0], ids[3]):
            await one.mark_as_processed(event_id)
        expected = [ids[0], ids[1], *ids[3:]]
        listed = await one.pipeline.send(ListEvents(SPACE, EventStatus.PROCESSED, every=True))
        equal(expected, [event.event_id for event in listed], "processed events")
        after = ListEvents(SPACE, EventStatus.PROCESSED, None, True, expected[1], 2)
        page = await one.pipeline.send(after)
        equal(expected[2:4], [event.event_id for event in page], "a page of them, after the second")
        await one.mark_as_processed(ids[2])
        listed = await one.pipeline.send(ListEvents(SPACE, EventStatus.PROCESSED, "a"))
        equal([1, 2, 3], [event.sequence_id for event in listed], "numbers of an aggregate's")

    @law(
        "OX-126",
        "While the store is away every question is an error, never an empty answer.",
        abilities=[Ability.OUTAGE],
    )
    async def outages_are_errors(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        await one.save_event(OutboxEvent("t", b"x", aggregate_key="a"))
        async with world.outage():
            for ask in (
                lambda: _claim(one, "one", 1, 1.0),
                one.get_pending_unordered_events,
                one.get_pending_aggregate_keys,
                lambda: one.get_pending_events_for_aggregate("a"),
                one.lag,
                lambda: one.purge(1.0),
            ):
                try:
                    await ask()
                except (UnavailableError, DeadlineExceededError):
                    continue
                that(False, "a question was answered during an outage")


async def _claim(one: Outbox, owner: str, most: int, lease: float) -> tuple[EventRecord, ...]:
    return await claimed(one, owner, most, lease=lease)
