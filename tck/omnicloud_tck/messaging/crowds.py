"""The laws of messaging about requests that name many, and about what stands in several groups."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from omnicloud.contracts.messaging import Message, Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Extend, Kill, Nack, Subscribe
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.world import World

__all__ = ["CrowdLaws"]

_MANY = 130  # more than those know who ask a server for a hundred at a time
_OFTEN = 32  # more than brokers allow that give up a message by themselves
_VERY_OFTEN = 1_200  # after which those who keep what is old throw it away
_LARGE, _SOME = 300_000, 5  # more than a megabyte together, which ends a page of some stores
_POLL = 20.0  # seconds that a group waits
_SLOW = 10.0  # of which a slow machine may take so many
_LEASE = 120.0
_GROUPS = ("g", "h", "i")


class CrowdLaws(Contract):
    """A request does all that it names, and finds what stands behind much else."""

    @law("MS-185", "A message that is dead in several groups is given back by its id to each.")
    async def redriving_reaches_each_group(self, world: World[Any]) -> None:
        one = await _subscribed(world, "dead", *_GROUPS)
        ids = [await one.publish("dead", b"%d" % number) for number in range(3)]
        for group in _GROUPS:
            for lent in await taken(one, "dead", group, len(ids)):
                await one.pipeline.send(Kill("dead", group, lent.receipt, "on purpose"))
        letters = [letter.id async for letter in one.dead_letters("dead")]
        equal(sorted(ids * len(_GROUPS)), sorted(letters), "letters of all groups")
        asked = [ids[2], "unknown", ids[0], ids[2]]
        equal(6, await one.redrive("dead", ids=asked), "letters of two messages in three groups")
        for group in _GROUPS:
            back = await taken(one, "dead", group, 2)
            equal(sorted([ids[0], ids[2]]), sorted(m.id for m in back), f"came again to {group}")
            left = [letter.id async for letter in one.dead_letters("dead", group=group)]
            equal([ids[1]], left, f"letters that stay with {group}")

    @law("MS-186", "However many leases are extended at once, each is.")
    async def each_of_many_is_extended(self, world: World[Any]) -> None:
        one = await _subscribed(world, "held", "g")
        for number in range(_MANY):
            await one.publish("held", b"%d" % number)
        held = await taken(one, "held", "g", _MANY, lease=_LEASE)
        receipts = tuple(lent.receipt for lent in held)
        good = await one.pipeline.send(Extend("held", "g", receipts, 0.5))
        equal(sorted(receipts), sorted(good), "receipts that are still good")
        again = await taken(one, "held", "g", _MANY, wait=2.0)
        equal(
            sorted(lent.id for lent in held),
            sorted(lent.id for lent in again),
            "messages delivered after the shorter lease",
        )

    @law(
        "MS-187",
        "However many messages wait behind one of their key, a free one is lent.",
        needs=[MessagingFeature.ORDERED],
    )
    async def many_hide_no_other(self, world: World[Any]) -> None:
        one = await _subscribed(world, "behind", "g")
        for number in range(_MANY):
            await one.publish("behind", b"%d" % number, key="held")
        await taken(one, "behind", "g", 1, lease=_LEASE)
        for key in ("free", None):
            name = await one.publish("behind", b"free", key=key)
            found = await taken(one, "behind", "g", 1, wait=2.0, lease=_LEASE)
            equal([name], [lent.id for lent in found], f"lent behind {_MANY} that are held up")

    @law(
        "MS-188",
        "Of a batch of any size no known id is delivered again, and every other is.",
        needs=[MessagingFeature.BATCH, MessagingFeature.DEDUPE],
    )
    async def batches_of_many_know_each_id(self, world: World[Any]) -> None:
        one = await _subscribed(world, "batch", "g")
        size = min(_MANY, one.pipeline.driver.limits.batch_max_items - 1)
        ids = [f"id-{number:03}" for number in range(size + 1)]
        batch = [Message(name.encode(), id=name) for name in ids]
        await one.publish_many("batch", batch[:-1])
        await one.publish_many("batch", batch)
        found = await taken(one, "batch", "g", 2 * _MANY, lease=_LEASE)
        equal(ids, sorted(lent.id for lent in found), "messages of two batches with the same ids")

    @law(
        "MS-189",
        "However many messages a group has settled, a replay brings each back.",
        needs=[MessagingFeature.REPLAY],
    )
    async def replays_bring_all(self, world: World[Any]) -> None:
        one = await _subscribed(world, "again", "g")
        ids = [await one.publish("again", b"%d" % number) for number in range(_MANY)]
        for lent in await taken(one, "again", "g", _MANY, lease=_LEASE):
            await one.pipeline.send(Ack("again", "g", lent.receipt))
        equal(_MANY, await one.replay("again", "g", since=0.0), "messages that are replayed")
        found = await taken(one, "again", "g", _MANY, lease=_LEASE)
        equal(sorted(ids), sorted(lent.id for lent in found), "messages that come again")

    @law("MS-190", "However often a message fails it comes again, and each attempt is counted.")
    async def attempts_have_no_end(self, world: World[Any]) -> None:
        one = await _subscribed(world, "often", "g")
        name = await one.publish("often", b"x")
        for attempt in range(1, _OFTEN):
            found = await taken(one, "often", "g", 1, wait=3.0, lease=_LEASE)
            told = [(lent.id, lent.attempt) for lent in found]
            equal([(name, attempt)], told, f"delivered after {attempt - 1} attempts")
            receipt = found[0].receipt
            good = await one.pipeline.send(Extend("often", "g", (receipt,), _LEASE))
            equal((receipt,), tuple(good), "receipts that are still good")
            back: bool = await one.pipeline.send(Nack("often", "g", receipt))
            that(back, "it was not taken back")
        letters = [letter async for letter in one.dead_letters("often")]
        equal([], letters, "dead letters of a message that nobody gave up")

    @law("MS-191", "However often a lease is extended, it can be again.")
    async def extensions_have_no_end(self, world: World[Any]) -> None:
        one = await _subscribed(world, "long", "g")
        await one.publish("long", b"x")
        (lent,) = await taken(one, "long", "g", 1, wait=3.0, lease=_LEASE)
        for turn in range(_OFTEN):
            good = await one.pipeline.send(Extend("long", "g", (lent.receipt,), _LEASE))
            equal((lent.receipt,), tuple(good), f"receipts that are good, {turn} times extended")
        settled: bool = await one.pipeline.send(Ack("long", "g", lent.receipt))
        that(settled, "it could not be settled")

    @law(
        "MS-194",
        "However often leases are extended, what was lent before comes back on time.",
        rung=Rung.RESILIENCE,
    )
    async def much_work_forgets_no_lease(self, world: World[Any]) -> None:
        one = await _subscribed(world, "busy", "g")
        for number in range(3):
            await one.publish("busy", b"%d" % number)
        left, put_off, kept = await taken(one, "busy", "g", 3, lease=_LEASE)
        back: bool = await one.pipeline.send(Nack("busy", "g", put_off.receipt, _LEASE / 2))
        that(back, "it was not taken back")
        for _ in range(_VERY_OFTEN if world.virtual else _OFTEN):
            await one.pipeline.send(Extend("busy", "g", (kept.receipt,), 3 * _LEASE))
        if not world.virtual:  # shorter now, where waiting costs time
            await one.pipeline.send(Extend("busy", "g", (left.receipt,), 1.0))
        await world.sleep(_LEASE + 1.0 if world.virtual else 1.5)
        found = await taken(one, "busy", "g", 3, wait=2.0, lease=_LEASE)
        expected = {left.id, put_off.id} if world.virtual else {left.id}
        equal(sorted(expected), sorted(lent.id for lent in found), "delivered again")

    @law(
        "MS-195",
        "A receipt is good for the group that was lent it; asked of another it settles nothing.",
        rung=Rung.CONCURRENCY,
    )
    async def receipts_are_of_one_group(self, world: World[Any]) -> None:
        one = await _subscribed(world, "receipts", "g", "other")
        await one.publish("receipts", b"x")
        (lent,) = await taken(one, "receipts", "g", 1, wait=3.0, lease=_LEASE)
        for place in (("receipts", "other"), ("receipts", "nobody"), ("nothing", "g")):
            requests: list[Any] = [Ack(*place, lent.receipt), Nack(*place, lent.receipt)]
            requests.append(Kill(*place, lent.receipt, "no"))
            for op in (*requests, Extend(*place, (lent.receipt,), 0.1)):
                with suppress(NotFoundError):  # a broker may say that there is no such group
                    answer: object = await one.pipeline.send(op)
                    nothing = () if isinstance(op, Extend) else False
                    equal(nothing, answer, f"{op.name} in {place}")
        good = await one.pipeline.send(Extend("receipts", "g", (lent.receipt,), _LEASE))
        equal((lent.receipt,), tuple(good), "receipts that are still good")

    @law("MS-192", "However large dead letters are together, each is listed.")
    async def large_letters_are_listed(self, world: World[Any]) -> None:
        one = await _subscribed(world, "large", "g")
        size = min(_LARGE, one.pipeline.driver.limits.payload_max_bytes)
        payloads = [bytes([65 + number]) * size for number in range(_SOME)]
        for payload in payloads:
            await one.publish("large", payload)
        for lent in await taken(one, "large", "g", _SOME, lease=_LEASE):
            await one.pipeline.send(Kill("large", "g", lent.receipt, "on purpose"))
        letters = [letter.payload async for letter in one.dead_letters("large")]
        equal(sorted(payloads), sorted(letters), f"dead letters of {size} bytes")

    @law("MS-193", "However many groups there are, each is given a message, also those that wait.")
    async def each_of_many_groups_is_given(self, world: World[Any]) -> None:
        groups = [f"g-{number}" for number in range(12)]
        one = await _subscribed(world, "to all", *groups)
        other = Messaging(await world.pipeline(), world.clock)
        waiting = [
            asyncio.ensure_future(taken(one, "to all", group, 1, wait=_POLL))
            for group in groups[-3:]
        ]
        await world.sleep(0.1)
        asked = world.clock.monotonic()
        name = await other.publish("to all", b"x")
        found = [lent.id for some in await asyncio.gather(*waiting) for lent in some]
        waited = world.clock.monotonic() - asked
        equal([name] * 3, found, "delivered to three groups that waited")
        that(waited <= (1.0 if world.virtual else _SLOW), f"they waited for {waited:.2f} s")
        for group in groups[:-3]:
            found = [lent.id for lent in await taken(one, "to all", group, 1, wait=3.0)]
            equal([name], found, f"delivered to {group}")


async def _subscribed(world: World[Any], topic: str, *groups: str) -> Messaging:
    one = Messaging(await world.pipeline(), world.clock)
    for group in groups:
        await one.pipeline.send(Subscribe(topic, group))
    return one
