"""What was published: a group that was there before the first order has all of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable

from omnicloud import Message, Messaging, ProcessingOutcome

__all__ = ["orders_settled", "orders_taken", "told"]

_SECONDS = 60.0
_QUIET = 0.2


async def told(
    broker: Messaging, topic: str, expected: int, keys_of: Callable[[bytes], list[str]]
) -> Counter[str]:
    """How many events of a topic tell of each order.

    Returns when all messages there are have been read; or after a minute, if fewer than
    ``expected`` orders are told of.
    """
    messages: dict[str, list[str]] = {}

    async def read(message: Message) -> ProcessingOutcome:
        messages[message.id] = keys_of(message.payload)
        return ProcessingOutcome.SUCCESS

    reader = asyncio.create_task(broker.consume(topic, read, group="audit", concurrency=500))
    until = time.monotonic() + _SECONDS
    try:
        # What is missing in the end shows in the counts.
        while time.monotonic() < until:
            await asyncio.sleep(_QUIET)
            read_all = sum(map(len, messages.values())) >= expected
            if read_all and not await _unread(broker, topic):
                break
    finally:
        reader.cancel()
        await asyncio.wait([reader])
    return Counter(key for keys in messages.values() for key in keys)


def orders_taken(payload: bytes) -> list[str]:
    """The orders that an event ``orders.taken`` tells of."""
    return [str(order["key"]) for order in json.loads(payload)]


def orders_settled(payload: bytes) -> list[str]:
    """The order that an event ``orders.settled`` tells of."""
    return [str(json.loads(payload)["order"])]


async def _unread(broker: Messaging, topic: str) -> int:
    depth = await broker.depth(topic, "audit")
    return depth.ready + depth.in_flight + depth.waiting
