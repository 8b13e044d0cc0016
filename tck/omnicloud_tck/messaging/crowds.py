"""The laws of messaging about requests that name many, and about what stands in several groups."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Extend, Kill, Subscribe
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.world import World

__all__ = ["CrowdLaws"]

_MANY = 130  # more than those know who ask a server for a hundred at a time
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


async def _subscribed(world: World[Any], topic: str, *groups: str) -> Messaging:
    one = Messaging(await world.pipeline(), world.clock)
    for group in groups:
        await one.pipeline.send(Subscribe(topic, group))
    return one
