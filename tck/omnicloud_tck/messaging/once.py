"""The laws of messages that are asked about twice at once, and of calls that are given up."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    Kill,
    Publish,
    Receive,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Delivery, Outgoing
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken, equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.world import World

__all__ = ["OnceLaws"]

_F = MessagingFeature
_LEASE = 1.5
_SWEEP = 12  # turns of the loop at which a call is cancelled
_LETTERS = 230  # more than two pages
_NAMED = 110  # more than a page
_BATCH = 60  # more than a page of those that send by tens or by twenty-fives


class OnceLaws(Contract):
    """However many ask at once, and however a call ends, each thing happens once or not."""

    @law(
        "MS-157",
        "However many letters are dead, redriving moves all that were asked for, and no other.",
    )
    async def redriving_moves_all(self, world: World[Any]) -> None:
        one = await _subscribed(world, "many")
        ids = [await one.publish("many", b"%d" % number) for number in range(_LETTERS)]
        held = {lent.id: lent.receipt for lent in await taken(one, "many", "g", _LETTERS)}
        equal(sorted(ids), sorted(held), "messages lent")
        for first in range(0, _LETTERS, 46):
            some = ids[first : first + 46]
            kills = (Kill("many", "g", held[name], "on purpose") for name in some)
            await asyncio.gather(*(one.pipeline.send(op) for op in kills))
        last = ids[-_NAMED:]
        equal(_NAMED, await one.redrive("many", group="g", ids=last), "redriven by their ids")
        back = await taken(one, "many", "g", _NAMED)
        equal(sorted(last), sorted(lent.id for lent in back), "what came again of them")
        equal(_LETTERS - _NAMED, await one.redrive("many", group="g"), "all the others redriven")
        equal(0, (await one.depth("many", "g")).dead, "letters left")
        rest = await taken(one, "many", "g", _LETTERS - _NAMED)
        equal(sorted(ids[:-_NAMED]), sorted(lent.id for lent in rest), "what came again")

    @law(
        "MS-167",
        "A batch is published whole or not at all, wherever publishing it was cancelled.",
        needs=[_F.BATCH],
        rung=Rung.CONCURRENCY,
    )
    async def batches_are_one_step(self, world: World[Any]) -> None:
        one = Messaging(await world.pipeline(), world.clock)
        most = one.pipeline.driver.limits.batch_max_items
        size = min(_BATCH, most)
        topics = [f"cut-{turns}" for turns in range(_SWEEP)]
        for turns, topic in enumerate(topics):
            await one.pipeline.send(Subscribe(topic, "g"))
            batch = tuple(Outgoing(f"{topic}-{number}", b"x") for number in range(size))
            await _cancelled_after(turns, one, Publish(topic, batch))
        await world.sleep(0.5)
        for topic in topics:
            found = (await one.depth(topic, "g")).ready
            that(found in (0, size), f"{found} messages of a batch of {size} are there, {topic}")

    @law(
        "MS-168",
        "Of redrivings at once, by several clients, one moves each letter.",
        rung=Rung.CONCURRENCY,
    )
    async def one_redrives(self, world: World[Any]) -> None:
        clients = [await _subscribed(world, "redriven") for _ in range(3)]
        ids = [await clients[0].publish("redriven", b"%d" % number) for number in range(6)]
        for turn in range(2):
            for lent in await taken(clients[turn], "redriven", "g", len(ids)):
                kill = Kill("redriven", "g", lent.receipt, "on purpose")
                await clients[turn].pipeline.send(kill)
            moving = (one.redrive("redriven", group="g") for one in clients * 2)
            equal(len(ids), sum(await asyncio.gather(*moving)), "letters moved by six at once")
            depth = await clients[0].depth("redriven", "g")
            equal((len(ids), 0), (depth.ready, depth.dead), "messages and letters afterwards")

    @law(
        "MS-171",
        "Of replays at once, by several clients, one brings each message back.",
        needs=[_F.REPLAY],
        rung=Rung.CONCURRENCY,
    )
    async def one_replays(self, world: World[Any]) -> None:
        clients = [await _subscribed(world, "replayed") for _ in range(3)]
        for number in range(4):
            await clients[0].publish("replayed", b"%d" % number)
        for lent in await taken(clients[1], "replayed", "g", 4):
            await clients[1].pipeline.send(Ack("replayed", "g", lent.receipt))
        replaying = (one.replay("replayed", "g", since=0.0) for one in clients * 2)
        equal(4, sum(await asyncio.gather(*replaying)), "messages that six at once bring back")
        equal(4, (await clients[0].depth("replayed", "g")).ready, "messages before the group")

    @law(
        "MS-158",
        "Of cancellations at once one takes the message back, and the others say that it is not.",
        needs=[_F.DELAYED, _F.CANCEL],
        rung=Rung.CONCURRENCY,
    )
    async def one_cancels(self, world: World[Any]) -> None:
        clients = [await _subscribed(world, "cancel") for _ in range(3)]
        for turn in range(3):
            name = await clients[turn].publish("cancel", b"x", delay_seconds=0.8)
            said = await asyncio.gather(*(one.cancel("cancel", name) for one in clients * 2))
            equal(1, said.count(True), "of six cancellations at once, those that took it back")
            equal(False, await clients[0].cancel("cancel", name), "one more")
        await world.sleep(1.0)
        equal([], await taken(clients[0], "cancel", "g", 1, wait=0.2), "what came all the same")

    @law(
        "MS-159",
        "Of publishings of one id at once, by several clients, one is delivered.",
        needs=[_F.DEDUPE],
        rung=Rung.CONCURRENCY,
    )
    async def one_id_is_published(self, world: World[Any]) -> None:
        clients = [await _subscribed(world, "ids") for _ in range(3)]
        names = [f"id-{turn}" for turn in range(4)]
        for name in names:
            publishing = (one.publish("ids", b"x", message_id=name) for one in clients * 2)
            await asyncio.gather(*publishing)
        found = [lent.id for lent in await taken(clients[0], "ids", "g", 2 * len(names))]
        equal(names, sorted(found), "messages delivered of four ids published six times at once")

    @law(
        "MS-160",
        "A message is a dead letter or before its group, never both and never neither, wherever "
        "killing or redriving it was cancelled.",
        rung=Rung.CONCURRENCY,
    )
    async def dying_is_one_step(self, world: World[Any]) -> None:
        one = await _subscribed(world, "dying")
        for number in range(_SWEEP):
            await one.publish("dying", b"%d" % number)
        lent = await _lent_for_short(one)
        for turns, each in enumerate(lent):
            kill = Kill("dying", "g", each.receipt, "on purpose")
            await _cancelled_after(turns, one, kill)
        await world.sleep(_LEASE + 0.5)
        ids = sorted(each.id for each in lent)
        await self._in_one_place(one, ids, "killing")
        letters = [letter.id async for letter in one.dead_letters("dying", group="g")]
        for turns, name in enumerate(letters):
            redrive = Redrive("dying", "g", (name,))
            await _cancelled_after(turns % _SWEEP, one, redrive)
        await world.sleep(0.5)
        await self._in_one_place(one, ids, "redriving")

    async def _in_one_place(self, one: Messaging, ids: list[str], what: str) -> None:
        dead = [letter.id async for letter in one.dead_letters("dying", group="g")]
        depth = await one.depth("dying", "g")
        before = depth.ready + depth.in_flight + depth.waiting
        about = f"dead letters and messages before the group after {what} was cancelled"
        equal(len(ids), len(dead) + before, about)
        equal(len(dead), len(set(dead)), "dead letters, and unlike ones")
        seen = await taken(one, "dying", "g", len(ids), wait=0.3)
        twice = sorted({each.id for each in seen} & set(dead))
        that(not twice, f"{len(twice)} are both after {what} was cancelled")
        equal(ids, sorted([*dead, *(each.id for each in seen)]), about)
        await _given_up(one, seen)


async def _subscribed(world: World[Any], topic: str) -> Messaging:
    """One more client, of a group of that topic."""
    messaging = Messaging(await world.pipeline(), world.clock)
    await messaging.pipeline.send(Subscribe(topic, "g"))
    return messaging


async def _given_up(one: Messaging, lent: list[Delivery]) -> None:
    for each in lent:
        await one.pipeline.send(Kill("dying", "g", each.receipt, "on purpose"))


async def _lent_for_short(one: Messaging) -> list[Delivery]:
    lent: list[Delivery] = []
    for _ in range(_SWEEP):
        more = await one.pipeline.send(Receive("dying", "g", _SWEEP - len(lent), 1.0, _LEASE))
        lent += more
        if len(lent) == _SWEEP:
            return lent
    raise Broken(f"{len(lent)} of {_SWEEP} messages were lent")


async def _cancelled_after(turns: int, one: Messaging, op: Any) -> None:
    task = asyncio.ensure_future(one.pipeline.send(op))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, OmniCloudError):
        await task
