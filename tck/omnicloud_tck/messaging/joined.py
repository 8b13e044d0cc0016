"""The law of messaging about names of which a careless join makes one."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Subscribe
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
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
            for pair in both:
                await pipe.send(Subscribe(*pair))
            for pair in both:
                await _published(one, pair)
            # Held all at once: a key that another topic's holds back is not lent.
            held = [await received(pipe, *pair, 5, wait=_WAIT, lease=_LEASE) for pair in both]
            for pair, lent in zip(both, held, strict=True):
                told = [(message.payload, message.key) for message in lent]
                equal([(repr(pair).encode(), pair.inner)], told, f"what {pair} is lent")
            for pair, lent in zip(both, held, strict=True):
                good = await pipe.send(Ack(*pair, lent[0].receipt))
                equal(True, good, f"whether the receipt of {pair} is good")


async def _published(messaging: Messaging, pair: Pair) -> None:
    """Publish under the inner name as key, and as id where ids are known again."""
    known = MessagingFeature.DEDUPE in messaging.pipeline.driver.features
    name = pair.inner if known else None
    await messaging.publish(pair.outer, repr(pair).encode(), key=pair.inner, message_id=name)
