"""The laws of scheduled messages: long delays, many at once, who gets them, and where."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Subscribe
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.world import World

__all__ = ["DueLaws"]

_DELAYED = [MessagingFeature.DELAYED]
_CANCEL = [MessagingFeature.DELAYED, MessagingFeature.CANCEL]
_FINE = (0.34, 0.07, 1.26, 0.949, 0.449)
_LONG = (1000.0, 40_000.0, 90_000.0, 7 * 86_400.0)
_MANY = 60


class DueLaws(Contract):
    """A scheduled message is a message, whoever asked for it and whoever is there."""

    async def _ready(self, world: World[Any], topic: str) -> Messaging:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe(topic, "g"))
        return messaging

    @law("MS-140", "A delay is kept to the hundredth of a second: none is early.", needs=_DELAYED)
    async def fractions_are_kept(self, world: World[Any]) -> None:
        one = await self._ready(world, "fine")
        for delay in _FINE:
            asked = world.clock.monotonic()
            await one.publish("fine", b"x", delay_seconds=delay)
            equal(1, len(await taken(one, "fine", "g", 1, wait=delay + 1.5)), "delivered")
            waited = world.clock.monotonic() - asked
            that(waited >= delay - 0.01, f"a delay of {delay} s took only {waited:.3f} s")

    @law(
        "MS-141",
        "A long delay is as exact as a short one, and what nobody waited for is there at once.",
        needs=_DELAYED,
        patience=8 * 86_400.0,
    )
    async def long_delays_are_kept(self, world: World[Any]) -> None:
        one = await self._ready(world, "long")
        delays = _LONG if world.virtual else (1.5, 3.0)
        start = world.clock.monotonic()
        for delay in delays:
            await one.publish("long", b"%d" % delay, delay_seconds=delay)
        for delay in delays:
            await world.sleep(start + delay - 0.5 - world.clock.monotonic())
            if world.clock.monotonic() < start + delay - 0.4:  # publishing took no longer
                equal([], await taken(one, "long", "g", 1, wait=0.1), f"before {delay:.0f} s")
            await world.sleep(start + delay + 0.2 - world.clock.monotonic())
            (found,) = await self._one_by_one(one, "long", 1)
            equal(b"%d" % delay, found.payload, f"after {delay:.0f} s")
        await one.publish("long", b"alone", delay_seconds=1.0)
        await world.sleep(3600.0 if world.virtual else 2.0)
        equal(1, len(await taken(one, "long", "g", 1, wait=0.5)), "due while nobody received")

    @law("MS-142", "A group that subscribes before a message is due gets it.", needs=_DELAYED)
    async def later_groups_get_what_is_due(self, world: World[Any]) -> None:
        one = await self._ready(world, "groups")
        await one.publish("groups", b"x", delay_seconds=0.6)
        await one.pipeline.send(Subscribe("groups", "later"))
        for group in ("g", "later"):
            found = await taken(one, "groups", group, 1, wait=2.0)
            equal([b"x"], [m.payload for m in found], f"delivered to {group}")

    @law(
        "MS-143",
        "Cancelling takes back that message and no other of its key, and depth says so.",
        needs=_CANCEL,
    )
    async def cancelling_takes_one(self, world: World[Any]) -> None:
        one = await self._ready(world, "cancel")
        ids = [await one.publish("cancel", b"same", "k", delay_seconds=0.8) for _ in range(3)]
        equal(3, (await one.depth("cancel", "g")).scheduled, "scheduled")
        equal(True, await one.cancel("cancel", ids[1]), "cancelling")
        equal(2, (await one.depth("cancel", "g")).scheduled, "scheduled after cancelling")
        await world.sleep(1.0)
        left = {m.id for m in await self._one_by_one(one, "cancel", 3)}
        equal({ids[0], ids[2]}, left, "delivered of three, one cancelled")

    @law(
        "MS-144",
        "The id of a message that waits for its delay is known.",
        needs=[MessagingFeature.DELAYED, MessagingFeature.DEDUPE],
    )
    async def scheduled_ids_are_known(self, world: World[Any]) -> None:
        one = await self._ready(world, "known")
        for delay in (0.6, 0.4, None):
            await one.publish("known", b"x", delay_seconds=delay, message_id="id")
        await world.sleep(1.0)
        equal(1, len(await taken(one, "known", "g", 3)), "deliveries of one id")

    @law(
        "MS-145",
        "A scheduled message comes on time although its publisher has closed.",
        needs=_DELAYED,
        rung=Rung.RESILIENCE,
    )
    async def publishers_may_leave(self, world: World[Any]) -> None:
        one, sender = await self._ready(world, "left"), await self.portable(world)
        await sender.publish("left", b"x", delay_seconds=0.6)
        await sender.aclose()
        found = await taken(one, "left", "g", 1, wait=1.7)
        equal([b"x"], [m.payload for m in found], "delivered after the publisher closed")

    @law("MS-146", "Of many messages due at once each is a second late at most.", needs=_DELAYED)
    async def many_are_due_at_once(self, world: World[Any]) -> None:
        one = await self._ready(world, "many")
        due = world.clock.monotonic() + 2.0
        for number in range(_MANY):
            left = max(0.01, due - world.clock.monotonic())
            await one.publish("many", b"%d" % number, delay_seconds=left)
        await world.sleep(max(0.0, due + 0.9 - world.clock.monotonic()))
        found = await taken(one, "many", "g", _MANY, wait=0.05)
        equal(_MANY, len(found), "messages delivered within a second")

    @law(
        "MS-147",
        "A delayed message takes its place in the order of its key when it is due.",
        needs=[MessagingFeature.DELAYED, MessagingFeature.ORDERED],
    )
    async def dues_take_their_place(self, world: World[Any]) -> None:
        one = await self._ready(world, "place")
        await one.publish("place", b"due", "k", delay_seconds=1.0)
        await one.publish("place", b"first", "k")
        await world.sleep(1.3)
        await one.publish("place", b"last", "k")
        found = await self._one_by_one(one, "place", 3)
        equal([b"first", b"due", b"last"], [m.payload for m in found], "the order of the key")

    async def _one_by_one(self, one: Messaging, topic: str, most: int) -> list[Any]:
        found: list[Any] = []
        for _ in range(most):
            for lent in await taken(one, topic, "g", 1):
                await one.pipeline.send(Ack(topic, "g", lent.receipt))
                found.append(lent)
        return found
