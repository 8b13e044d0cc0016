"""The laws of messages that are given back often, and of groups that nobody began."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.driver import Nack, Receive, Subscribe
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.world import World

__all__ = ["ReturnLaws"]

_TIMES = 6
_DELAY = 5.0
_LEASE = 20.0


class ReturnLaws(Contract):
    """However often a message comes back, it comes back as it did the first time."""

    @law(
        "MS-196",
        "A message waits as long as it is told to after each attempt, however many there were.",
        rung=Rung.RESILIENCE,
    )
    async def each_attempt_waits(self, world: World[Any]) -> None:
        one = Messaging(await world.pipeline(), world.clock)
        await one.pipeline.send(Subscribe("waits", "g"))
        await one.publish("waits", b"x")
        for number in range(1, _TIMES + 1):
            (lent,) = await taken(one, "waits", "g", 1, lease=_LEASE)
            equal(number, lent.attempt, "the attempt")
            await one.pipeline.send(Nack("waits", "g", lent.receipt))
        for number in range(_TIMES + 1, _TIMES + 3):
            (lent,) = await taken(one, "waits", "g", 1, lease=_LEASE)
            await one.pipeline.send(Nack("waits", "g", lent.receipt, _DELAY))
            equal([], await taken(one, "waits", "g", 1), f"lent at once after attempt {number}")
            if not world.virtual:
                return
            await world.sleep(_DELAY)

    @law(
        "MS-197",
        "A group that nobody began is lent nothing, or told to be unknown, and nothing else.",
    )
    async def unknown_groups(self, world: World[Any]) -> None:
        one = Messaging(await world.pipeline(), world.clock)
        await one.pipeline.send(Subscribe("known", "g"))
        await one.publish("known", b"x")
        for place in (("known", "nobody"), ("nothing", "g")):
            with suppress(NotFoundError):
                found = await one.pipeline.send(Receive(*place, 10, 0.1, _LEASE))
                equal(0, len(found), f"messages lent in {place}")
        equal(1, len(await taken(one, "known", "g", 2)), "messages lent to the group that is there")
