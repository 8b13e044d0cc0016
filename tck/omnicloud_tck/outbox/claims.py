"""The laws of claims, and of the relay that lives by them."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from omnicloud.contracts.outbox import EventStatus, Outbox, OutboxEvent, Relay
from omnicloud.contracts.outbox.driver import Fail, Keep, ListEvents, Mark
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.core.backoff import Backoff
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["ClaimLaws"]

_LEASE = 1.0


class ClaimLaws(Contract):
    """Who may publish which event, and when."""

    @law(
        "OX-020",
        "An event is claimed by one; after its lease, when not marked, by another.",
        rung=Rung.CONCURRENCY,
    )
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
        _equal_or_head([b"a0", b"b0", b"a1"], first, 2, "the oldest three")
        equal((), await _claim(two, "two", 10), "events of aggregates that another has claimed")
        await one.pipeline.send(Mark(SPACE, (first[1].event_id,)))
        rest = await _claim(two, "two", 10)
        expected = [b"b%d" % number for number in range(1, 6)]
        _equal_or_head(expected, rest, 1, "events of the aggregate come free")
        if len(first) == 3:
            await one.pipeline.send(Mark(SPACE, (first[0].event_id,)))
        equal((), await _claim(one, "three", 10), "while an event of each is claimed")

    @law("OX-022", "A failed event comes back after its delay, and its aggregate waits for it.")
    async def failed_events_come_back(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for payload, key in ((b"a0", "a"), (b"x", None), (b"a1", "a")):
            await one.save_event(OutboxEvent("t", payload, aggregate_key=key))
        first = await _claim(one, "one", 10)
        _equal_or_head([b"a0", b"x", b"a1"], first, 2, "claimed")
        asked = world.clock.monotonic()
        await one.pipeline.send(Fail(SPACE, "one", first[0].event_id, 0.6))
        await one.pipeline.send(
            Keep(SPACE, "one", tuple(event.event_id for event in first[1:]), 0.0)
        )
        equal([b"x"], [event.payload for event in await _claim(one, "two", 10)], "meanwhile")
        again = await _claim(one, "two", 10, wait=3.0)
        waited = world.clock.monotonic() - asked
        that(0.59 <= waited <= 1.6, f"a delay of 0.6 s took {waited:.2f} s")
        _equal_or_head([b"a0", b"a1"], again, 1, "what came")
        equal([1, 0][: len(again)], [event.attempts for event in again], "attempts")

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
        _equal_or_head([b"a0", b"a1"], again, 1, "requeued")
        equal({0}, {event.attempts for event in again}, "attempts after the requeue")

    @law("OX-024", "Only the owner of a claim keeps it, gives it free or fails it.")
    async def claims_belong_to_their_owner(self, world: World[Any]) -> None:
        one = await self.portable(world)
        await one.save_event(OutboxEvent("t", b"x"))
        lease = 5.0 if world.virtual else _LEASE
        (event,) = await claimed(one, "one", 1, lease=lease)
        place = (event.event_id,)
        await one.pipeline.send(Fail(SPACE, "two", event.event_id, 0.0, park=True))
        await one.pipeline.send(Keep(SPACE, "two", place, 0.0))
        equal((), await _claim(one, "two", 1), "after another owner gave it free")
        for _ in range(3):
            await world.sleep(lease * 0.6)
            await one.pipeline.send(Keep(SPACE, "one", place, lease))
        equal((), await _claim(one, "two", 1), "while the owner keeps it")
        await world.sleep(lease + 0.2)
        await one.pipeline.send(Keep(SPACE, "one", place, 60.0))
        (again,) = await _claim(one, "two", 1)
        equal(0, again.attempts, "failures of an event that nobody failed")

    @law(
        "OX-025",
        "A waiting claim is woken by a save, and without one comes back empty.",
        rung=Rung.CONCURRENCY,
    )
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

    @law(
        "OX-030",
        "Two relays publish each event once, those of an aggregate in order.",
        rung=Rung.CONCURRENCY,
    )
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

    @law("OX-031", "A relay takes over what a dead one had claimed.", rung=Rung.RESILIENCE)
    async def a_relay_takes_over(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for number in range(3):
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="agg"))
        held = await _claim(outbox, "dead", 10)
        _equal_or_head([b"0", b"1", b"2"], held, 1, "claimed by the one that dies")
        published: list[bytes] = []

        async def publish(topic: str, payload: bytes, /, **_: Any) -> None:
            published.append(payload)

        relay = Relay(await self.portable(world), publish, clock=world.clock)
        task = asyncio.ensure_future(relay.run())
        await _until(world, lambda: len(published) >= 3, _LEASE + 4.0)
        await _stop([task])
        equal([b"0", b"1", b"2"], published, "published")

    @law(
        "OX-032",
        "A poison event is parked after its attempts; the others are published.",
        rung=Rung.RESILIENCE,
    )
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


async def _claim(
    outbox: Outbox, owner: str, most: int, *, wait: float = 0.0
) -> tuple[EventRecord, ...]:
    return await claimed(outbox, owner, most, lease=_LEASE, wait=wait)


def _equal_or_head(
    expected: list[bytes], found: tuple[EventRecord, ...], least: int, about: str
) -> None:
    """Events in their order; those behind another of their aggregate may be left out."""
    equal(expected[: max(least, len(found))], [event.payload for event in found], about)


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
