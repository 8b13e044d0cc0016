"""How a law claims events: a driver may give fewer than it could, and wait shorter than it may."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.outbox import Outbox
from omnicloud.contracts.outbox.driver import Claim
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.outbox.portable import SPACE

__all__ = ["claimed"]

_PAUSE = 0.02  # seconds before a driver that answered none early is asked again


async def claimed(
    outbox: Outbox, owner: str, most: int, *, lease: float, wait: float = 0.0
) -> tuple[EventRecord, ...]:
    """At most ``most`` events: all that the owner is given, however few at a time.

    Waits for the first one only, ``wait`` seconds on the loop's clock.
    """
    now = asyncio.get_running_loop().time
    found: tuple[EventRecord, ...] = ()
    end = now() + wait
    while len(found) < most:
        left = 0.0 if found else max(0.0, end - now())
        claim = Claim(SPACE, owner, most - len(found), left, lease)
        more = await outbox.pipeline.send(claim)
        found += more
        if more:
            continue
        if found or now() >= end:
            break
        await asyncio.sleep(min(_PAUSE, end - now()))
    return found
