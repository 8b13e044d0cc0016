"""Orders are taken: each stored once by its key, with the event that tells of it, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum

from omnicloud import AlreadyExistsError, ConflictError, OmniCloud, OutboxEvent
from omnicloud.contracts.documents import Document

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
    try:
        await _store(cloud, orders)
    except AlreadyExistsError:
        return await _take_new(cloud, orders)
    return [Answer.TAKEN] * len(orders)


async def _take_new(cloud: OmniCloud, orders: Sequence[Order]) -> list[Answer]:
    """Look which are new, and take these; again, where another took one of them meanwhile."""
    for _ in range(_TRIES):
        known: dict[str, Document] = {}
        answers, new = [], []
        for order in orders:
            found = known.get(order.key) or await _stored(cloud, order.key)
            answers.append(_answer(found, order))
            if found is None:
                new.append(order)
            known[order.key] = found or content_of(order)
        with suppress(AlreadyExistsError):
            await _store(cloud, new)
            return answers
    raise ConflictError("others take the same orders at the same time")


async def _store(cloud: OmniCloud, orders: Sequence[Order]) -> None:
    """Store new orders and the event that tells of them: all of it, or nothing."""
    if not orders:
        return
    async with cloud.transaction() as tx:
        documents = tx.documents("orders")
        for order in orders:
            document = {"_id": order.key, "status": "taken", **content_of(order)}
            await documents.insert_one("orders", document)
        told = [{"key": order.key, **content_of(order)} for order in orders]
        event = OutboxEvent(TAKEN_TOPIC, json.dumps(told).encode())
        await tx.outbox("events").save_event(event)


async def _stored(cloud: OmniCloud, key: str) -> Document | None:
    return await cloud.documents("orders").find_one("orders", {"_id": key})


def _answer(known: Document | None, order: Order) -> Answer:
    if known is None:
        return Answer.TAKEN
    same = all(known[name] == value for name, value in content_of(order).items())
    return Answer.DUPLICATE if same else Answer.DIFFERENT
