"""The laws of the outbox contract: what is saved, in which order, and who may publish it."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Any

from omnicloud.contracts.outbox import (
    EventStatus,
    Outbox,
    OutboxEvent,
    OutboxFeature,
    Relay,
)
from omnicloud.contracts.outbox.driver import Claim, Fail, Keep, ListEvents, Mark, Save
from omnicloud.contracts.outbox.models import EventRecord, NewEvent
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.core.backoff import Backoff
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that, together
from omnicloud_tck.general import Kept, Pipe
from omnicloud_tck.law import law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.outbox_model import OutboxModel, outbox_steps
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.world import World

__all__ = ["OutboxContract"]

_TX = [OutboxFeature.TRANSACTION]
_LEASE = 1.0


class OutboxContract(Kept):
    """Every promise of ``Outbox``, and of its relay as far as drivers carry it."""

    contract = "outbox"

    async def portable(self, world: World[Any]) -> Outbox:
        return Outbox(await world.pipeline())

    # Names, tenants, seals: an aggregate's newest pending event stands for its payload.

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await Outbox(pipeline).save_event(OutboxEvent("t", payload, name, name))

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        events = await Outbox(pipeline).get_pending_events_for_aggregate(name)
        return events[-1]["payload"] if events else None

    async def remove(self, pipeline: Pipe, name: str) -> None:
        outbox = Outbox(pipeline)
        for event in await outbox.get_pending_events_for_aggregate(name):
            await outbox.mark_as_processed(event)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        return set(await Outbox(pipeline).get_pending_aggregate_keys())

    # Saving and reading

    @law("OX-001", "An event comes back whole, in all its fields, byte for byte.")
    async def events_come_back_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number, payload in enumerate(PAYLOADS):
            await one.save_event(OutboxEvent(f"topic-{number}", payload, f"key-{number}", "agg"))
        await one.save_event(OutboxEvent("bare", b"x"))
        events = await two.get_pending_events_for_aggregate("agg")
        equal(list(PAYLOADS), [event["payload"] for event in events], "payloads in order")
        for number, event in enumerate(events):
            said = (event["destination_topic"], event["message_key"], event["aggregate_key"])
            equal((f"topic-{number}", f"key-{number}", "agg"), said, "topic and keys")
            equal(number + 1, event["sequence_id"], "sequence_id")
            equal("pending", event["status"], "status")
        (bare,) = await two.get_pending_unordered_events(10)
        said_bare = (bare["destination_topic"], bare["message_key"], bare["aggregate_key"])
        equal(("bare", None, None), said_bare, "an event without keys")
        equal(None, bare["sequence_id"], "sequence_id of an event without an aggregate")
        ids = {event["event_id"] for event in (*events, bare)}
        equal(len(PAYLOADS) + 1, len(ids), "unlike event ids")

    @law("OX-002", "Each aggregate counts 1, 2, 3 for itself, and goes on after all is processed.")
    async def aggregates_count_for_themselves(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for round_ in range(3):
            for number in range(2):
                for key in ("a", "b", "A"):
                    outbox = one if number else two
                    await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))
            for key in ("a", "b", "A"):
                events = await one.get_pending_events_for_aggregate(key)
                expected = [2 * round_ + 1, 2 * round_ + 2]
                equal(expected, [event["sequence_id"] for event in events], f"numbers of {key}")
                for event in events:
                    await two.mark_as_processed(event)
            await one.purge(0)

    @law("OX-003", "Unordered events are served oldest first, and no aggregate's are among them.")
    async def unordered_events_are_oldest_first(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for number in range(12):
            key = "agg" if number % 3 == 0 else None
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key=key))
        found = await outbox.get_pending_unordered_events(5)
        equal([b"1", b"2", b"4", b"5", b"7"], [e["payload"] for e in found], "the oldest five")
        for event in found[:2]:
            await outbox.mark_as_processed(event)
        found = await outbox.get_pending_unordered_events(100)
        expected = [b"4", b"5", b"7", b"8", b"10", b"11"]
        equal(expected, [event["payload"] for event in found], "all that is left")

    @law("OX-004", "Aggregate keys are listed once each, and only those with a pending event.")
    async def aggregate_keys_are_listed_once(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        equal([], await outbox.get_pending_aggregate_keys(), "keys of an empty outbox")
        await outbox.save_event(OutboxEvent("t", b"x"))
        for key in ("b", "a", "b", "c", "a", "c"):
            await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))
        equal(["a", "b", "c"], sorted(await outbox.get_pending_aggregate_keys()), "keys")
        for event in await outbox.get_pending_events_for_aggregate("b"):
            await outbox.mark_as_processed(event)
        (first, _) = await outbox.get_pending_events_for_aggregate("c")
        await outbox.mark_as_processed(first)
        equal(["a", "c"], sorted(await outbox.get_pending_aggregate_keys()), "keys after marking")

    @law("OX-005", "Marking marks that one event, twice is silent, an unknown one is no error.")
    async def marking_marks_one(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for _ in range(3):
            await outbox.save_event(OutboxEvent("t", b"same", "k", "agg"))
            await outbox.save_event(OutboxEvent("t", b"same", "k"))
        _, second, _ = await outbox.get_pending_events_for_aggregate("agg")
        for _ in range(2):
            await outbox.mark_as_processed(second)
        await outbox.mark_as_processed("unknown")
        left = await outbox.get_pending_events_for_aggregate("agg")
        equal([1, 3], [event["sequence_id"] for event in left], "the aggregate's other events")
        unordered = await outbox.get_pending_unordered_events(10)
        equal(3, len(unordered), "unordered events of the same payload")
        await outbox.mark_as_processed(unordered[1])
        found = {event["event_id"] for event in await outbox.get_pending_unordered_events(10)}
        equal({unordered[0]["event_id"], unordered[2]["event_id"]}, found, "the others")

    @law("OX-006", "Many events, of one aggregate or none, are all there.")
    async def many_events_are_all_there(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for number in range(1100):
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="big"))
        events = await outbox.get_pending_events_for_aggregate("big")
        equal(list(range(1, 1101)), [event["sequence_id"] for event in events], "numbers")

    @law("OX-007", "Concurrent writers of one aggregate get numbers without gap or repetition.")
    async def concurrent_writers_number_without_gaps(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(4)]

        async def write(outbox: Outbox) -> None:
            for _ in range(10):
                await outbox.save_event(OutboxEvent("t", b"x", aggregate_key="agg"))

        for result in await together(*(write(outbox) for outbox in clients)):
            that(result is None, f"a concurrent save failed ({type(result).__name__})")
        events = await clients[0].get_pending_events_for_aggregate("agg")
        equal(list(range(1, 41)), [event["sequence_id"] for event in events], "numbers")

    @law("OX-008", "Saving an event again by its id changes nothing.")
    async def saving_again_changes_nothing(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        op = Save(SPACE, NewEvent(uuid.uuid4().hex, "t", b"x", None, "agg"))
        await outbox.pipeline.send(op)
        await outbox.pipeline.send(op)
        await outbox.save_event(OutboxEvent("t", b"y", aggregate_key="agg"))
        events = await outbox.get_pending_events_for_aggregate("agg")
        equal([1, 2], [event["sequence_id"] for event in events], "numbers")
        await outbox.mark_as_processed(events[0])
        await outbox.pipeline.send(op)
        events = await outbox.get_pending_events_for_aggregate("agg")
        equal([2], [event["sequence_id"] for event in events], "pending after a late repetition")

    @law("OX-009", "A payload over payload_max_bytes is refused, and nothing saved.")
    async def the_payload_limit_is_true(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        limit = outbox.pipeline.driver.limits.payload_max_bytes
        with refused(InvalidArgumentError, "a payload over the limit"):
            await outbox.save_event(OutboxEvent("t", b"x" * (limit + 1), aggregate_key="agg"))
        large = b"x" * min(limit, 2 << 20)
        await outbox.save_event(OutboxEvent("t", large, aggregate_key="agg"))
        (event,) = await outbox.get_pending_events_for_aggregate("agg")
        that(event["payload"] == large, "a large payload came back changed")
        equal(1, event["sequence_id"], "the number after a refused event")

    # Transactions

    @law("OX-010", "Events of a transaction are saved together, seen inside at once.", needs=_TX)
    async def transactions_are_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        async with one.transaction() as inside:
            for number in range(3):
                await inside.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="agg"))
            seen = await inside.get_pending_events_for_aggregate("agg")
            equal([1, 2, 3], [event["sequence_id"] for event in seen], "numbers inside")
            outside = await two.get_pending_events_for_aggregate("agg")
            equal([], outside, "events seen outside before the commit")
        seen = await two.get_pending_events_for_aggregate("agg")
        equal([1, 2, 3], [event["sequence_id"] for event in seen], "numbers after the commit")

    @law("OX-011", "A transaction that fails leaves no event and no gap in the numbers.", needs=_TX)
    async def a_rollback_leaves_nothing(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await one.save_event(OutboxEvent("t", b"before", aggregate_key="agg"))
        with refused(ArithmeticError, "a transaction whose body raised"):
            async with one.transaction() as inside:
                await inside.save_event(OutboxEvent("t", b"lost", aggregate_key="agg"))
                await inside.save_event(OutboxEvent("t", b"lost"))
                raise ArithmeticError
        await two.save_event(OutboxEvent("t", b"after", aggregate_key="agg"))
        events = await one.get_pending_events_for_aggregate("agg")
        found = [(event["sequence_id"], event["payload"]) for event in events]
        equal([(1, b"before"), (2, b"after")], found, "events")
        equal([], await two.get_pending_unordered_events(10), "unordered events")

    @law("OX-012", "Concurrent transactions number one aggregate without gaps.", needs=_TX)
    async def transactions_number_without_gaps(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]

        async def write(outbox: Outbox, number: int) -> None:
            async with outbox.transaction() as inside:
                for _ in range(3):
                    await inside.save_event(OutboxEvent("t", b"x", aggregate_key="agg"))
                    await world.sleep(0.01)
                if number == 1:
                    raise ArithmeticError

        await together(*(write(outbox, number) for number, outbox in enumerate(clients)))
        events = await clients[0].get_pending_events_for_aggregate("agg")
        expected = list(range(1, len(events) + 1))
        equal(expected, [event["sequence_id"] for event in events], "numbers")
        that(len(events) % 3 == 0 and 0 < len(events) <= 6, "a transaction was written in part")

    # Claims

    @law("OX-020", "An event is claimed by one; after its lease, when not marked, by another.")
    async def claims_are_leases(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(6):
            await one.save_event(OutboxEvent("t", b"%d" % number))
        first, second = await _claim(one, "one", 4), await _claim(two, "two", 10)
        equal(4, len(first), "events claimed first")
        ids = {event.event_id for event in (*first, *second)}
        equal((6, 6), (len(ids), len(first) + len(second)), "events claimed by the two")
        await one.pipeline.send(Mark(SPACE, tuple(event.event_id for event in first[:2])))
        equal((), await _claim(one, "one", 10), "events to claim while all are claimed")
        equal(4, len(await one.get_pending_unordered_events(10)), "pending while claimed")
        await world.sleep(_LEASE + 0.2)
        again = await _claim(one, "three", 10)
        expected = {event.event_id for event in (*first[2:], *second)}
        equal(expected, {event.event_id for event in again}, "events claimed after the leases")

    @law("OX-021", "Of an aggregate the oldest are claimed in order, and by one owner at a time.")
    async def aggregates_are_claimed_in_order(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(6):
            for key in ("a", "b"):
                event = OutboxEvent("t", b"%s%d" % (key.encode(), number), aggregate_key=key)
                await one.save_event(event)
        first = await _claim(one, "one", 3)
        equal([b"a0", b"b0", b"a1"], [event.payload for event in first], "the oldest three")
        equal((), await _claim(two, "two", 10), "events of aggregates that another has claimed")
        await one.pipeline.send(Mark(SPACE, (first[1].event_id,)))
        rest = await _claim(two, "two", 10)
        expected = [b"b%d" % number for number in range(1, 6)]
        equal(expected, [event.payload for event in rest], "events of the aggregate come free")
        await one.pipeline.send(Mark(SPACE, (first[0].event_id,)))
        equal((), await _claim(one, "three", 10), "while a1 is claimed")

    @law("OX-022", "A failed event comes back after its delay, and its aggregate waits for it.")
    async def failed_events_come_back(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for payload, key in ((b"a0", "a"), (b"a1", "a"), (b"x", None)):
            await one.save_event(OutboxEvent("t", payload, aggregate_key=key))
        first = await _claim(one, "one", 10)
        equal([b"a0", b"a1", b"x"], [event.payload for event in first], "claimed")
        asked = world.clock.monotonic()
        await one.pipeline.send(Fail(SPACE, "one", first[0].event_id, 0.6))
        await one.pipeline.send(
            Keep(SPACE, "one", tuple(event.event_id for event in first[1:]), 0.0)
        )
        equal([b"x"], [event.payload for event in await _claim(one, "two", 10)], "meanwhile")
        again = await _claim(one, "two", 10, wait=3.0)
        waited = world.clock.monotonic() - asked
        that(0.59 <= waited <= 1.6, f"a delay of 0.6 s took {waited:.2f} s")
        equal([(b"a0", 1), (b"a1", 0)], [(e.payload, e.attempts) for e in again], "what came")

    @law("OX-023", "A parked event is not claimed nor pending; its aggregate stands; others go on.")
    async def parked_events_stand(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for payload, key in ((b"a0", "a"), (b"a1", "a"), (b"b0", "b"), (b"x", None)):
            await one.save_event(OutboxEvent("t", payload, aggregate_key=key))
        (poison, *others) = await _claim(one, "one", 10)
        await one.pipeline.send(Fail(SPACE, "one", poison.event_id, 0.0, park=True))
        await one.pipeline.send(Keep(SPACE, "one", tuple(e.event_id for e in others), 0.0))
        found = [event.payload for event in await _claim(two, "two", 10)]
        equal([b"b0", b"x"], found, "events that go on")
        parked = [event async for event in two.parked()]
        equal([(b"a0", "parked")], [(e["payload"], e["status"]) for e in parked], "parked events")
        pending = await two.get_pending_events_for_aggregate("a")
        equal([b"a1"], [event["payload"] for event in pending], "pending events of its aggregate")
        equal(True, await two.requeue(poison.event_id), "requeue")
        equal(False, await two.requeue(poison.event_id), "requeue twice")
        again = await _claim(one, "three", 10)
        equal([(b"a0", 0), (b"a1", 0)], [(e.payload, e.attempts) for e in again], "requeued")

    @law("OX-024", "Only the owner of a claim keeps it, gives it free or fails it.")
    async def claims_belong_to_their_owner(self, world: World[Any]) -> None:
        one = await self.portable(world)
        await one.save_event(OutboxEvent("t", b"x"))
        (event,) = await _claim(one, "one", 1)
        place = (event.event_id,)
        await one.pipeline.send(Fail(SPACE, "two", event.event_id, 0.0, park=True))
        await one.pipeline.send(Keep(SPACE, "two", place, 0.0))
        equal((), await _claim(one, "two", 1), "after another owner gave it free")
        for _ in range(3):
            await world.sleep(_LEASE * 0.6)
            await one.pipeline.send(Keep(SPACE, "one", place, _LEASE))
        equal((), await _claim(one, "two", 1), "while the owner keeps it")
        await world.sleep(_LEASE + 0.2)
        await one.pipeline.send(Keep(SPACE, "one", place, 60.0))
        (again,) = await _claim(one, "two", 1)
        equal(0, again.attempts, "failures of an event that nobody failed")

    @law("OX-025", "A waiting claim is woken by a save, and without one comes back empty.")
    async def claiming_waits(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        started = world.clock.monotonic()
        equal((), await _claim(one, "one", 1, wait=0.4), "with nothing saved")
        that(world.clock.monotonic() - started <= 1.4, "a wait of 0.4 s took a second more")
        waiting = asyncio.ensure_future(_claim(one, "one", 1, wait=8.0))
        await world.sleep(0.2)
        started = world.clock.monotonic()
        await two.save_event(OutboxEvent("t", b"wake"))
        equal([b"wake"], [event.payload for event in await waiting], "what woke it")
        that(world.clock.monotonic() - started <= 1.0, "a waiting claim was woken a second late")

    @law("OX-026", "Lag tells how many wait, how many are parked, and how old the oldest is.")
    async def lag_is_told(self, world: World[Any]) -> None:
        one = await self.portable(world)
        lag = await one.lag()
        equal((0, 0, 0.0), (lag.pending, lag.parked, lag.oldest_seconds), "lag of nothing")
        for number in range(3):
            await one.save_event(OutboxEvent("t", b"%d" % number))
        (event,) = await _claim(one, "one", 1)
        await one.pipeline.send(Fail(SPACE, "one", event.event_id, 0.0, park=True))
        await world.sleep(0.8)
        lag = await one.lag()
        equal((2, 1), (lag.pending, lag.parked), "pending and parked")
        that(0.7 <= lag.oldest_seconds <= 5, f"after 0.8 s the lag is {lag.oldest_seconds:.2f} s")

    @law("OX-027", "Purging deletes processed events of that age, and nothing else.")
    async def purging_deletes_the_processed(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for number in range(4):
            await one.save_event(OutboxEvent("t", b"%d" % number))
        first, second, *_ = await one.get_pending_unordered_events(10)
        await one.mark_as_processed(first)
        await world.sleep(0.6)
        await one.mark_as_processed(second)
        done = ListEvents(SPACE, EventStatus.PROCESSED, every=True)
        events = await one.pipeline.send(done)
        equal(2, len(events), "processed events")
        equal(0, await one.purge(3600), "events older than an hour")
        equal(1, await one.purge(0.5), "events older than half a second")
        equal(1, await one.purge(0), "the other one")
        equal(2, len(await one.get_pending_unordered_events(10)), "pending events")

    # The relay

    @law("OX-030", "Two relays publish each event once, those of an aggregate in order.")
    async def relays_share_the_work(self, world: World[Any]) -> None:
        published: list[tuple[str | None, bytes]] = []
        outbox = await self.portable(world)
        for number in range(60):
            key = f"agg-{number % 4}" if number % 3 else None
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key=key))

        async def publish(topic: str, payload: bytes, /, *, key: Any, **_: Any) -> None:
            await world.sleep(0.01)
            published.append((key, payload))

        relays = [Relay(await self.portable(world), publish, clock=world.clock) for _ in range(2)]
        tasks = [asyncio.ensure_future(relay.run()) for relay in relays]
        await _until(world, lambda: len(published) >= 60, 20.0)
        await outbox.save_event(OutboxEvent("t", b"60"))
        await _until(world, lambda: len(published) >= 61, 2.0)
        await world.sleep(0.3)
        await _stop(tasks)
        equal(61, len(published), "publications")
        equal({b"%d" % n for n in range(61)}, {payload for _, payload in published}, "payloads")
        for key in {key for key, _ in published if key}:
            numbers = [int(payload) for other, payload in published if other == key]
            equal(sorted(numbers), numbers, f"order of {key}")
        equal(0, (await outbox.lag()).pending, "events left")

    @law("OX-031", "A relay takes over what a dead one had claimed.")
    async def a_relay_takes_over(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for number in range(3):
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="agg"))
        equal(3, len(await _claim(outbox, "dead", 10)), "claimed by the one that dies")
        published: list[bytes] = []

        async def publish(topic: str, payload: bytes, /, **_: Any) -> None:
            published.append(payload)

        relay = Relay(await self.portable(world), publish, clock=world.clock)
        task = asyncio.ensure_future(relay.run())
        await _until(world, lambda: len(published) >= 3, _LEASE + 4.0)
        await _stop([task])
        equal([b"0", b"1", b"2"], published, "published")

    @law("OX-032", "A poison event is parked after its attempts; the others are published.")
    async def poison_is_parked(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for payload in (b"bad", b"good", b"fine"):
            await outbox.save_event(OutboxEvent("t", payload))
        published: list[bytes] = []
        tries = itertools.count(1)
        last = 0

        async def publish(topic: str, payload: bytes, /, **_: Any) -> None:
            nonlocal last
            if payload == b"bad":
                last = next(tries)
                raise ValueError("on purpose")
            published.append(payload)

        quick = Backoff(0.05, 0.05, 0.0)
        relay = Relay(
            await self.portable(world), publish, max_attempts=3, backoff=quick, clock=world.clock
        )
        task = asyncio.ensure_future(relay.run())
        await _until(world, lambda: last >= 3 and len(published) >= 2, 5.0)
        await world.sleep(0.3)
        await _stop([task])
        equal((3, [b"fine", b"good"]), (last, sorted(published)), "tries and publications")
        parked = [event["payload"] async for event in outbox.parked()]
        equal([b"bad"], parked, "parked events")

    @law(
        "OX-090",
        "Whatever is done in whatever order, by two clients, the outbox follows its model.",
        machine=True,
    )
    def it_follows_the_model(self, lab: Lab) -> None:
        from hypothesis import given

        clients = lab.run(_two(self, lab.world))
        number = 0

        @drawn(lab)
        @given(steps=outbox_steps())
        def follow(steps: list[tuple[Any, ...]]) -> None:
            nonlocal number
            number += 1
            lab.run(OutboxModel(f"space-{number}").follow(steps, clients))

        follow()


async def _two(contract: OutboxContract, world: World[Any]) -> tuple[Pipe, Pipe]:
    return await world.pipeline(), await world.pipeline()


async def _claim(
    outbox: Outbox, owner: str, most: int, *, wait: float = 0.0
) -> tuple[EventRecord, ...]:
    return await outbox.pipeline.send(Claim(SPACE, owner, most, wait, _LEASE))


async def _until(world: World[Any], done: Any, seconds: float) -> None:
    for _ in range(100):
        if done():
            return
        await world.sleep(seconds / 100)
    that(done(), f"the relay had not published all within {seconds} s")


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        that(not task.done(), "a relay ended by itself")
        task.cancel()
    await asyncio.wait(tasks, timeout=15.0)
    that(all(task.done() for task in tasks), "a cancelled relay had not ended after 15 s")
