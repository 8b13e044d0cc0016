"""The law of messaging about times of no whole number of seconds."""

from __future__ import annotations

from functools import partial
from typing import Any

from omnicloud.contracts.messaging.driver import Extend, Nack, Publish, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery, Outgoing
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.early import FRACTIONS, Ending, none_early
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["FractionLaws"]

Pipe = Pipeline[Any]

_LONG, _WAIT = 60.0, 2.0


class FractionLaws(Contract):
    """A loan and a wait are as long as they are said to be."""

    @law(
        "MS-202",
        "A lease or a delay of no whole number of seconds is kept to its end, whichever call "
        "gave it.",
        rung=Rung.RESILIENCE,
    )
    async def times_are_kept_to_their_end(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        endings: list[Ending] = []
        for way in ("lent", "extended", "given back"):
            for seconds in FRACTIONS:
                topic = f"{way.replace(' ', '-')}-{seconds}"
                for pipe in (one, two):
                    await pipe.send(Subscribe(topic, "g"))
                await one.send(Publish(topic, (Outgoing(topic, b"x"),)))
                long = seconds if way == "lent" else _LONG
                until = world.clock.monotonic() + seconds
                lent = await received(one, topic, "g", 1, wait=_WAIT, lease=long)
                equal(1, len(lent), f"messages lent of {topic!r}")
                if way != "lent":
                    until = world.clock.monotonic() + seconds
                if way == "extended":
                    await one.send(Extend(topic, "g", (lent[0].receipt,), seconds))
                elif way == "given back":
                    await one.send(Nack(topic, "g", lent[0].receipt, seconds))
                about = f"a message {way} for {seconds} s"
                endings.append(Ending(until, partial(_comes, two, topic), about))
        await none_early(world, endings)


async def _comes(pipe: Pipe, topic: str) -> bool:
    """Whether another is lent the message."""
    found: tuple[Delivery, ...] = await pipe.send(Receive(topic, "g", 1, 0.0, _LONG))
    return bool(found)
