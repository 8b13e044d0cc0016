"""The laws of messages over stepped clocks, outages, long silences, and clients that close."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Kill, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.telling import refusal
from omnicloud_tck.world import World

__all__ = ["LastingLaws"]

_F = MessagingFeature
_HOUR = 3600.0
_LONG = 60.0
_SILENCES = (4000.0, 90_000.0, 31 * 86_400.0)
_POLLS = 20  # of a receiver to whom nothing comes


class LastingLaws(Contract):
    """What a broker has taken it keeps, whatever happens around it."""

    async def _holder(self, world: World[Any], topic: str, count: int) -> tuple[Messaging, Any]:
        """A client that was lent so many messages of a topic, for long."""
        one: Messaging = await self.portable(world)
        await one.pipeline.send(Subscribe(topic, "g"))
        for number in range(count):
            await one.publish(topic, b"%d" % number)
        return one, await taken(one, topic, "g", count)

    @law(
        "MS-161",
        "A step of the wall clock ends no lease and no wait, and keeps none from ending.",
        abilities=[Ability.STEP_WALL],
    )
    async def a_clock_step_ends_no_lease(self, world: World[Any]) -> None:
        one, (waits, *_) = await self._holder(world, "steps", 2)
        await one.pipeline.send(Nack("steps", "g", waits.receipt, _LONG))
        await one.publish("steps", b"soon")
        await one.publish("steps", b"sooner")
        soon = await taken(one, "steps", "g", 2, wait=1.0, lease=2.0)
        await one.pipeline.send(Nack("steps", "g", soon[1].receipt, 2.0))
        for step in (2 * _HOUR, -4 * _HOUR, 2 * _HOUR):
            world.step_wall(step)
            early = await one.pipeline.send(Receive("steps", "g", 5, 0.1, _LONG))
            equal((), early, "delivered after a step")
        await world.sleep(2.2)
        found = await taken(one, "steps", "g", 4, wait=0.3)
        equal([b"soon", b"sooner"], sorted(each.payload for each in found), "delivered in time")

    @law(
        "MS-162",
        "What a client gave back, or held when it closed, comes again to others.",
        rung=Rung.RESILIENCE,
    )
    async def closing_loses_nothing(self, world: World[Any]) -> None:
        other: Messaging = await self.portable(world)
        one, (back, waits) = await self._holder(world, "closing", 2)
        await one.publish("closing", b"held")
        held = await one.pipeline.send(Receive("closing", "g", 1, 1.0, 1.0))
        equal(1, len(held), "messages held")
        await one.pipeline.send(Nack("closing", "g", back.receipt))
        await one.pipeline.send(Nack("closing", "g", waits.receipt, 0.6))
        await one.aclose()
        found = await self._all_within(world, other, "closing", 3)
        equal([b"0", b"1", b"held"], found, "delivered after their client had closed")

    @law(
        "MS-170",
        "Dead letters stay, and can be redriven, however long nobody asks for them.",
        rung=Rung.RESILIENCE,
        patience=60 * 86_400.0,
    )
    async def the_dead_stay(self, world: World[Any]) -> None:
        one, (lent, *_) = await self._holder(world, "stays", 1)
        await one.pipeline.send(Kill("stays", "g", lent.receipt, "on purpose"))
        other: Messaging = await self.portable(world)
        for silence in _SILENCES if world.virtual else (1.0,):
            await world.sleep(silence)
            letters = [letter.id async for letter in other.dead_letters("stays")]
            equal([lent.id], letters, f"dead letters after {silence:.0f} s")
        equal(1, await other.redrive("stays"), "letters redriven")
        equal([lent.id], [each.id for each in await taken(one, "stays", "g", 1)], "redriven")

    @law(
        "MS-163",
        "A receiver that waited in vain, for however long, is given what comes then.",
        rung=Rung.RESILIENCE,
        patience=3600.0,
    )
    async def idle_receivers_are_given(self, world: World[Any]) -> None:
        one, _ = await self._holder(world, "idle", 0)
        other: Messaging = await self.portable(world)
        polls, wait = (_POLLS, 20.0) if world.virtual else (4, 1.0)
        for _ in range(polls):
            nothing = await one.pipeline.send(Receive("idle", "g", 1, wait, _LONG))
            equal((), nothing, "deliveries of nothing")
        for name in ("woken", "waiting"):
            waiting = asyncio.ensure_future(one.pipeline.send(Receive("idle", "g", 1, 10.0, _LONG)))
            await world.sleep(0.3)
            await other.publish("idle", name.encode())
            found = [each.payload for each in await waiting]
            equal([name.encode()], found, "delivered after a long silence")

    @law(
        "MS-164",
        "What becomes due while the broker is away is delivered after.",
        abilities=[Ability.OUTAGE],
    )
    async def outages_lose_nothing_due(self, world: World[Any]) -> None:
        one, (waits, *_) = await self._holder(world, "due", 1)
        await one.pipeline.send(Nack("due", "g", waits.receipt, 0.8))
        await one.publish("due", b"leased")
        lent = await one.pipeline.send(Receive("due", "g", 1, 1.0, 0.9))
        equal(1, len(lent), "messages lent")
        expected = [b"0", b"leased"]
        if _F.DELAYED in one.pipeline.driver.features:
            await one.publish("due", b"scheduled", delay_seconds=0.8)
            expected.append(b"scheduled")
        async with world.outage():
            await refusal(one.depth("due", "g"), "a question in an outage")
            await world.sleep(1.2)
            await refusal(one.depth("due", "g"), "a question in an outage")
        other: Messaging = await self.portable(world)
        found = await self._all_within(world, other, "due", len(expected))
        equal(expected, found, "delivered after the outage")

    @law(
        "MS-166",
        "A step of the wall clock forgets no id within its time: what is known stays known.",
        needs=[_F.DEDUPE],
        abilities=[Ability.STEP_WALL],
    )
    async def a_clock_step_forgets_no_id(self, world: World[Any]) -> None:
        one, _ = await self._holder(world, "known", 0)
        steps = (0.0, 48 * _HOUR, -96 * _HOUR, 48 * _HOUR)
        for step in steps:
            world.step_wall(step)
            for name in ("first", f"after {step:.0f}"):
                await one.publish("known", b"x", message_id=name)
        found = sorted(each.id for each in await taken(one, "known", "g", 2 * len(steps)))
        expected = sorted({"first", *(f"after {step:.0f}" for step in steps)})
        equal(expected, found, "messages delivered, each of an id of its own")

    async def _all_within(
        self, world: World[Any], messaging: Messaging, topic: str, count: int
    ) -> list[bytes]:
        """The payloads that come within some seconds, sorted; the client may have to reconnect."""
        found: list[Delivery] = []
        until = world.clock.monotonic() + 6.0
        while len(found) < count and world.clock.monotonic() < until:
            with contextlib.suppress(OmniCloudError):
                op = Receive(topic, "g", count, 0.5, _LONG)
                more = await messaging.pipeline.send(op)
                found += more
            await world.sleep(0.05)
        that(len({each.id for each in found}) == len(found), "a message came twice")
        return sorted(each.payload for each in found)
