"""The laws of lent messages: leases, receipts, giving back, stopping."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.messaging import (
    Message,
    Messaging,
    MessagingFeature,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.driver import Ack, Extend, Kill, Nack, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.listening import Listener
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.messaging.model import MessagingModel, messaging_steps
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["LoanLaws"]

_LEASE = 1.0
_PLACE = ("loan", "g")


class LoanLaws(Contract):
    """At least once: what is not settled comes back."""

    async def _lent(self, world: World[Any], *payloads: bytes) -> Messaging:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe(*_PLACE))
        for payload in payloads:
            await messaging.publish("loan", payload, headers={"A": "1"})
        return messaging

    @law(
        "MS-030",
        "What a dead consumer held is delivered again when its lease ends, not before.",
        rung=Rung.RESILIENCE,
    )
    async def a_lease_ends(self, world: World[Any]) -> None:
        one = await self._lent(world)
        two: Messaging = await self.portable(world)
        ordered = MessagingFeature.ORDERED in one.pipeline.driver.features
        for payload in (b"x", b"later") if ordered else (b"x",):
            await one.publish("loan", payload, key="k", headers={"A": "1"})
        (first,) = await _receive(one, 1)
        equal([], await _receive(two, 1, wait=0.4), "while it is lent")
        (again,) = await _receive(two, 1, wait=_LEASE + 1.0)
        equal((b"x", {"A": "1"}), (again.payload, dict(again.headers)), "the second delivery")
        equal((1, 2), (first.attempt, again.attempt), "the attempts")
        equal(first.id, again.id, "the id of the second delivery")
        that(await _settled(two, Ack(*_PLACE, again.receipt)), "the new receipt was refused")
        if ordered:
            (later,) = await _receive(two, 1, wait=2.0, lease=30.0)
            equal(b"later", later.payload, "the next of the key")
        equal([], await _receive(one, 1, wait=_LEASE + 0.5), "after it was acknowledged")

    @law(
        "MS-031",
        "A receipt whose lease has ended settles nothing, and says so.",
        rung=Rung.RESILIENCE,
    )
    async def old_receipts_settle_nothing(self, world: World[Any]) -> None:
        one = await self._lent(world, b"x")
        (old,) = await _receive(one, 1)
        await world.sleep(_LEASE + 0.3)
        (new,) = await _receive(one, 1, wait=1.0, lease=4.0)
        for op in (
            Ack(*_PLACE, old.receipt),
            Nack(*_PLACE, old.receipt),
            Kill(*_PLACE, old.receipt, "old"),
        ):
            equal(False, await _settled(one, op), f"{op.name} with an old receipt")
        equal((), await _extended(one, (old.receipt,), 60.0), "its extension")
        equal([], await _receive(one, 1, wait=0.3), "while the new one is lent")
        equal([], [letter async for letter in one.dead_letters("loan")], "dead letters")
        that(await _settled(one, Ack(*_PLACE, new.receipt)), "the new receipt was refused")
        equal(False, await _settled(one, Ack(*_PLACE, new.receipt)), "acknowledging it twice")

    @law("MS-032", "Extending a lease keeps the message; it answers the receipts still good.")
    async def extending_keeps(self, world: World[Any]) -> None:
        one = await self._lent(world, b"x", b"y")
        kept, left = await _receive_all(one, 2)
        for _ in range(4):
            await world.sleep(_LEASE * 0.6)
            good = await _extended(one, (kept.receipt,), _LEASE)
            equal((kept.receipt,), good, "receipts still good")
        (back,) = await _receive(one, 2, wait=0.5)
        equal(left.id, back.id, "what came back")
        asked = (kept.receipt, left.receipt)
        equal((kept.receipt,), await _extended(one, asked, 1.0), "still good")

    @law("MS-033", "A message given back comes again: after its delay, and counted if asked.")
    async def given_back_comes_again(self, world: World[Any]) -> None:
        one = await self._lent(world, b"x")
        (lent,) = await _receive(one, 1)
        that(await _settled(one, Nack(*_PLACE, lent.receipt, count=False)), "nack refused")
        (lent,) = await _receive(one, 1, wait=1.0)
        equal(1, lent.attempt, "the attempt after a delivery that did not count")
        asked = world.clock.monotonic()
        that(await _settled(one, Nack(*_PLACE, lent.receipt, 0.7)), "nack refused")
        (lent,) = await _receive(one, 1, wait=3.0)
        waited = world.clock.monotonic() - asked
        that(0.69 <= waited <= 1.7, f"a delay of 0.7 s took {waited:.2f} s")
        equal(2, lent.attempt, "the attempt after a delivery that counted")
        for delay in (0.0, 0.2):
            back = Nack(*_PLACE, lent.receipt, delay, count=False)
            that(await _settled(one, back), "nack refused")
            (lent,) = await _receive(one, 1, wait=2.0)
            equal(2, lent.attempt, "the attempt after one that counted and one that did not")
        equal([], [letter async for letter in one.dead_letters("loan")], "dead letters")

    @law(
        "MS-034",
        "Nobody is lent more than was asked for, and none that another holds.",
        rung=Rung.CONCURRENCY,
    )
    async def loans_are_bounded_and_apart(self, world: World[Any]) -> None:
        one = await self._lent(world, *(b"%d" % number for number in range(10)))
        two: Messaging = await self.portable(world)
        first = await _receive(one, 3, lease=10.0)
        that(1 <= len(first) <= 3, f"3 messages were asked for, {len(first)} came")
        rest = await _receive_all(two, 10 - len(first), lease=10.0)
        ids = [delivery.id for delivery in (*first, *rest)]
        equal(10, len(set(ids)), "unlike messages lent")
        equal([], await _receive(two, 10, wait=0.2), "when all are lent")

    @law(
        "MS-035",
        "A waiting receiver is woken by a publish, and without one comes back empty.",
        rung=Rung.CONCURRENCY,
    )
    async def receiving_waits(self, world: World[Any]) -> None:
        one = await self._lent(world)
        started = world.clock.monotonic()
        equal([], await _receive(one, 1, wait=0.5), "with nothing published")
        waited = world.clock.monotonic() - started
        that(waited <= 1.5, f"a wait of 0.5 s took {waited:.2f} s")
        waiting = asyncio.ensure_future(_receive(one, 1, wait=8.0))
        await world.sleep(0.2)
        sender: Messaging = await self.portable(world)
        asked = world.clock.monotonic()
        await sender.publish("loan", b"wake")
        equal([b"wake"], [one.payload for one in await waiting], "what woke the receiver")
        waited = world.clock.monotonic() - asked
        that(waited <= 1.0, f"a waiting receiver was woken {waited:.2f} s after the publish")

    @law(
        "MS-036", "A cancelled receiver holds nothing back beyond its lease.", rung=Rung.CONCURRENCY
    )
    async def a_cancelled_receiver_keeps_nothing(self, world: World[Any]) -> None:
        one = await self._lent(world)
        waiting = asyncio.ensure_future(_receive(one, 1, wait=8.0))
        await world.sleep(0.2)
        waiting.cancel()
        await asyncio.wait({waiting})
        await one.publish("loan", b"x")
        (lent,) = await _receive(one, 1, wait=_LEASE + 1.5)
        equal(b"x", lent.payload, "what came after the cancelled receiver")

    @law(
        "MS-037",
        "A consumer that stops finishes what it handles and gives back the rest.",
        rung=Rung.CONCURRENCY,
    )
    async def stopping_drains(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        finished: list[bytes] = []

        async def slow(message: Message) -> ProcessingOutcome:
            await world.sleep(0.6)
            finished.append(message.payload)
            return ProcessingOutcome.SUCCESS

        await one.pipeline.send(Subscribe("stop", "default"))
        for number in range(8):
            await one.publish("stop", b"%d" % number)
        client = await self.portable(world)
        async with Listener(world, client, "stop", slow, prefetch=4, grace=3.0) as listener:
            await listener.until(1)
            await world.sleep(0.1)
        equal(finished, listener.payloads, "what was begun and what was finished")
        async with Listener(world, await self.portable(world), "stop") as again:
            await again.exactly(8 - len(finished), 5.0)
        equal({1}, {message.attempt for message in again.seen}, "attempts of what was given back")
        equal([], [letter async for letter in one.dead_letters("stop")], "dead letters")

    @law(
        "MS-038",
        "A consumer holds no more than concurrency and prefetch allow.",
        rung=Rung.CONCURRENCY,
    )
    async def a_busy_consumer_does_not_hoard(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        work = 15.0 if world.virtual else 1.5  # seconds in which another does all the rest

        async def busy(_: Message) -> ProcessingOutcome:
            await world.sleep(work)
            return ProcessingOutcome.SUCCESS

        await one.pipeline.send(Subscribe("hoard", "default"))
        for number in range(30):
            await one.publish("hoard", b"%d" % number)
        slow, quick = await self.portable(world), await self.portable(world)
        async with Listener(world, slow, "hoard", busy, concurrency=2, prefetch=1) as first:
            await first.until(2)
            async with Listener(world, quick, "hoard", concurrency=4) as second:
                await second.until(27, work - 0.2)

    @law("MS-039", "Depth counts what is ready, lent, waiting and dead.")
    async def depth_counts(self, world: World[Any]) -> None:
        one = await self._lent(world, *(b"%d" % number for number in range(5)))
        lent = await _receive_all(one, 3, lease=20.0)
        await _settled(one, Nack(*_PLACE, lent[0].receipt, 30.0))
        await _settled(one, Kill(*_PLACE, lent[1].receipt, "on purpose"))
        depth = await one.depth("loan", "g")
        counts = (depth.ready, depth.in_flight, depth.waiting, depth.dead)
        equal((2, 1, 1, 1), counts, "ready, in flight, waiting, dead")
        equal(0, (await one.depth("loan", "unknown")).ready, "ready for a group nobody knows")

    @law(
        "MS-090",
        "Whatever is done in whatever order, by two clients: nothing is lost, nothing doubled.",
        machine=True,
    )
    def it_follows_the_model(self, lab: Lab) -> None:
        from hypothesis import given

        clients = lab.run(_two(self, lab.world))
        number = 0

        @drawn(lab)
        @given(steps=messaging_steps())
        def follow(steps: list[tuple[Any, ...]]) -> None:
            nonlocal number
            number += 1
            lab.run(MessagingModel(f"model-{number}", lab.world).follow(steps, clients))

        follow()


async def _two(contract: Contract, world: World[Any]) -> tuple[Messaging, Messaging]:
    return await contract.portable(world), await contract.portable(world)


async def _receive(
    messaging: Messaging, most: int, *, wait: float = 0.5, lease: float = _LEASE
) -> list[Delivery]:
    return await received(messaging.pipeline, *_PLACE, most, wait=wait, lease=lease)


async def _settled(messaging: Messaging, op: Ack | Nack | Kill) -> bool:
    return await messaging.pipeline.send(op)


async def _extended(
    messaging: Messaging, receipts: tuple[str, ...], lease: float
) -> tuple[str, ...]:
    return await messaging.pipeline.send(Extend(*_PLACE, receipts, lease))


async def _receive_all(
    messaging: Messaging, count: int, *, lease: float = _LEASE
) -> list[Delivery]:
    found: list[Delivery] = []
    for _ in range(count):
        if len(found) < count:
            found += await _receive(messaging, count - len(found), lease=lease)
    equal(count, len(found), "messages lent")
    return found
