"""How a law receives: a driver may lend fewer than it could, and wait shorter than it may."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.messaging.driver import MessagingDriver, Receive
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.core.pipeline import Pipeline

__all__ = ["received"]

_PAUSE = 0.02  # seconds before a driver that answered none early is asked again


async def received(
    pipe: Pipeline[MessagingDriver],
    topic: str,
    group: str,
    most: int,
    *,
    wait: float,
    lease: float,
    until: int = 1,
) -> list[Delivery]:
    """At most ``most`` messages, asked for until there are ``until``.

    Fewer where none comes any more for ``wait`` seconds on the loop's clock.
    """
    now = asyncio.get_running_loop().time
    found: list[Delivery] = []
    end = now() + wait
    while len(found) < until:
        left = max(0.0, end - now())
        more = await pipe.send(Receive(topic, group, most - len(found), left, lease))
        found += more
        if more:
            end = now() + wait
        elif now() >= end:
            break
        else:
            await asyncio.sleep(min(_PAUSE, end - now()))
    return found
