"""The law of messaging about names of which a careless join makes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Subscribe
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.longest import longest
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.seams import Pair, pairs
from omnicloud_tck.world import World

__all__ = ["JoinedLaws"]

_LEASE = 60.0
_WAIT = 2.0


class JoinedLaws(Contract):
    """A topic and what is in it are two names."""

    @law(
        "MS-183",
        "Topics with groups, keys and ids of which a join makes one are apart.",
        rung=Rung.TRUST,
    )
    async def joined_names_stay_apart(self, world: World[Any]) -> None:
        one, pipe = Messaging(await world.pipeline()), await world.pipeline()
        for both in pairs(every=world.virtual):
            await _stay_apart(one, pipe, both)

    @law(
        "MS-209",
        "The longest topics, groups, keys and ids of the tenants with the longest names are apart "
        "by their ends.",
        rung=Rung.TRUST,
    )
    async def the_longest_stay_apart(self, world: World[Any]) -> None:
        names, (one, two) = await longest(world)
        if names:
            await _stay_apart(Messaging(one), two, names)


async def _stay_apart(one: Messaging, pipe: Pipeline[Any], names: Sequence[Pair]) -> None:
    """Keep something under all of these names at once, and look at each."""
    for pair in names:
        await pipe.send(Subscribe(*pair))
    for pair in names:
        await _published(one, pair)
    # Held all at once: a key that another topic's holds back is not lent.
    held = []
    for pair in names:
        others = [each for each in names if each.outer == pair.outer]
        most = len(others)
        held.append(await received(pipe, *pair, 5, wait=_WAIT, lease=_LEASE, until=most))
        told = sorted((message.payload, message.key) for message in held[-1])
        expected = sorted((repr(each).encode(), each.inner) for each in others)
        equal(expected, told, f"what {_short(pair)} is lent")
    for pair, lent in zip(names, held, strict=True):
        for message in lent:
            good = await pipe.send(Ack(*pair, message.receipt))
            equal(True, good, f"whether the receipt of {_short(pair)} is good")


def _short(pair: Pair) -> str:
    return f"{pair.outer[-20:]!r} and {pair.inner[-20:]!r}"


async def _published(messaging: Messaging, pair: Pair) -> None:
    """Publish under the inner name as key, and as id where ids are known again."""
    known = MessagingFeature.DEDUPE in messaging.pipeline.driver.features
    name = pair.inner if known else None
    await messaging.publish(pair.outer, repr(pair).encode(), key=pair.inner, message_id=name)
