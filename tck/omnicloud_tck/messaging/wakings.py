"""The law of receivers that wait while a message becomes deliverable, in whatever way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Kill, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud_tck.check import Broken, equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.world import World

__all__ = ["WakingLaws"]

_F = MessagingFeature
_POLL = 20.0  # seconds that a receiver waits
_SLOW = 10.0  # of which a slow machine may take so many
_SOON = 0.3
_LEASE = 0.8
_LONG = 300.0


class _Hold(NamedTuple):
    """For how long somebody waits, and is lent."""

    poll: float
    lease: float


_HOLD = _Hold(16.0, 8.0)
_HOLD_REAL = _Hold(2.0, 2.0)
_EARLY = 0.6  # seconds that an answer may take on a slow machine

Change = Callable[[], Awaitable[object]]
Way = Callable[[Messaging, str], Coroutine[Any, Any, Change]]


class WakingLaws(Contract):
    """Who waits is given the first message that there is, not the first that is published."""

    @law(
        "MS-169",
        "A receiver that waits is given what is scheduled, given back, redriven, replayed, or let "
        "through by an older one of its key, when that is due.",
        rung=Rung.CONCURRENCY,
    )
    async def waiting_receivers_are_given(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        other: Messaging = await self.portable(world)
        for what, (way, needs, after) in _WAYS.items():
            if not needs <= other.pipeline.driver.features:
                continue
            await other.pipeline.send(Subscribe(what, "g"))
            change = await way(other, what)
            waiting = asyncio.ensure_future(taken(one, what, "g", 1, wait=_POLL))
            await world.sleep(0.1)
            asked = world.clock.monotonic()
            await change()
            equal(1, len(await waiting), f"delivered to one who waited, {what}")
            waited = world.clock.monotonic() - asked
            latest = after + (1.0 if world.virtual else _SLOW)
            that(waited <= latest, f"what was {what} came after {waited:.2f} s")

    @law(
        "MS-200",
        "A lease begins with its delivery, and a delay when it is told, however long somebody "
        "waited before.",
        rung=Rung.RESILIENCE,
    )
    async def leases_begin_with_deliveries(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        other: Messaging = await self.portable(world)
        features = other.pipeline.driver.features
        ways = [(what, way) for what, (way, needs, _) in _WAYS.items() if needs <= features]
        await asyncio.gather(*(_begins(world, one, other, what, way) for what, way in ways))


async def _begins(world: World[Any], one: Messaging, other: Messaging, what: str, way: Way) -> None:
    """Wait for long for what becomes deliverable in this way, and see for how long it is lent."""
    topic, hold = f"{what} at last", _HOLD if world.virtual else _HOLD_REAL
    await other.pipeline.send(Subscribe(topic, "g"))
    change = await way(other, topic)
    bringing = asyncio.ensure_future(_late(world, 0.75 * hold.poll, change))
    wait = hold.poll if world.virtual else hold.poll + _SLOW
    found = await taken(one, topic, "g", 1, wait=wait, lease=hold.lease)
    due = world.clock.monotonic() + hold.lease
    about = f"lent after a long wait, {what}"
    equal(1, len(found), f"messages {about}")
    again = await _after(world, other, topic, due, about)
    equal(found[0].attempt + 1, again.attempt, f"the attempt of what was {about}")
    await world.sleep(0.75 * hold.lease)
    await other.pipeline.send(Nack(topic, "g", again.receipt, hold.lease))
    due = world.clock.monotonic() + hold.lease
    await _after(world, one, topic, due, f"given back for later, {what}")
    await bringing


async def _late(world: World[Any], seconds: float, change: Change) -> None:
    await world.sleep(seconds)
    await change()


async def _after(world: World[Any], one: Messaging, topic: str, due: float, about: str) -> Delivery:
    """The message that becomes deliverable at that moment, not before, and not much later."""
    wait = max(0.0, due - world.clock.monotonic()) + _SLOW
    found = await taken(one, topic, "g", 1, wait=wait)
    early = due - world.clock.monotonic()
    that(found, f"what was {about} never comes again")
    that(early <= _EARLY, f"what was {about} comes {early:.2f} s early")
    if world.virtual:
        that(early >= -1.0, f"what was {about} comes {-early:.2f} s late")
    return found[0]


async def _scheduled(other: Messaging, topic: str) -> Change:
    return lambda: other.publish(topic, b"x", delay_seconds=_SOON)


async def _given_back(other: Messaging, topic: str) -> Change:
    held = await _held(other, topic)
    return lambda: other.pipeline.send(Nack(topic, "g", held.receipt))


async def _given_back_for_later(other: Messaging, topic: str) -> Change:
    held = await _held(other, topic)
    return lambda: other.pipeline.send(Nack(topic, "g", held.receipt, _SOON))


async def _left(other: Messaging, topic: str) -> Change:
    await _held(other, topic, lease=_LEASE)
    return lambda: asyncio.sleep(0)


async def _behind_one_acknowledged(other: Messaging, topic: str) -> Change:
    held = await _held(other, topic, copies=2)
    return lambda: other.pipeline.send(Ack(topic, "g", held.receipt))


async def _behind_one_killed(other: Messaging, topic: str) -> Change:
    held = await _held(other, topic, copies=2)
    return lambda: other.pipeline.send(Kill(topic, "g", held.receipt, "on purpose"))


async def _redriven(other: Messaging, topic: str) -> Change:
    held = await _held(other, topic)
    await other.pipeline.send(Kill(topic, "g", held.receipt, "on purpose"))
    return lambda: other.redrive(topic, group="g")


async def _replayed(other: Messaging, topic: str) -> Change:
    held = await _held(other, topic)
    await other.pipeline.send(Ack(topic, "g", held.receipt))
    return lambda: other.replay(topic, "g", since=0.0)


async def _held(other: Messaging, topic: str, *, lease: float = _LONG, copies: int = 1) -> Delivery:
    for _ in range(copies):
        await other.publish(topic, b"x", key="k")
    for lent in await other.pipeline.send(Receive(topic, "g", 1, _POLL, lease)):
        return lent
    raise Broken(f"no message of {copies} was lent")


_WAYS: dict[str, tuple[Way, frozenset[Feature], float]] = {
    "scheduled": (_scheduled, frozenset({_F.DELAYED}), _SOON),
    "given back": (_given_back, NO_FEATURES, 0.0),
    "given back for later": (_given_back_for_later, NO_FEATURES, _SOON),
    "left": (_left, NO_FEATURES, _LEASE),
    "behind one acknowledged": (_behind_one_acknowledged, frozenset({_F.ORDERED}), 0.0),
    "behind one killed": (_behind_one_killed, frozenset({_F.ORDERED}), 0.0),
    "redriven": (_redriven, NO_FEATURES, 0.0),
    "replayed": (_replayed, frozenset({_F.REPLAY}), 0.0),
}
"""How a message becomes deliverable: what makes it so, and after how many seconds."""
