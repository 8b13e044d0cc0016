"""Orders are taken: each stored once by its key, with the event that tells of it, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum

from omnicloud import ConflictError, OmniCloud, OutboxEvent

from .model import Order, content_of

__all__ = ["TAKEN_TOPIC", "Answer", "take_orders"]

TAKEN_TOPIC = "orders.taken"
_TRIES = 5


class Answer(StrEnum):
    """What became of an order that was handed in."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    """It was taken before; nothing was done."""
    DIFFERENT = "different"
    """Another order was taken with this key; nothing was done."""


async def take_orders(cloud: OmniCloud, orders: Sequence[Order]) -> list[Answer]:
    """Take all that are new, in one transaction; what became of each.

    Raises:
        ConflictError: Other writers came first again and again; nothing was written.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return await _take(cloud, orders)
        except ConflictError:
            if attempt == _TRIES:
                raise
    raise AssertionError("the loop returns or raises")


async def _take(cloud: OmniCloud, orders: Sequence[Order]) -> list[Answer]:
    async with cloud.transaction() as tx:
        documents = tx.documents("orders")
        keys = [order.key for order in orders]
        known = {
            str(one["_id"]): one
            for one in await documents.find_many("orders", {"_id": {"$in": keys}})
        }
        answers, new = [], []
        for order in orders:
            document = {"_id": order.key, "status": "taken", **content_of(order)}
            answers.append(_answer(known.get(order.key), document))
            if answers[-1] is Answer.TAKEN:
                await documents.insert_one("orders", document)
                known[order.key] = document
                new.append({"key": order.key, **content_of(order)})
        if new:
            event = OutboxEvent(TAKEN_TOPIC, json.dumps(new).encode())
            await tx.outbox("events").save_event(event)
    return answers


def _answer(known: dict[str, object] | None, document: dict[str, object]) -> Answer:
    if known is None:
        return Answer.TAKEN
    same = all(known[name] == document[name] for name in ("customer", "lines"))
    return Answer.DUPLICATE if same else Answer.DIFFERENT
