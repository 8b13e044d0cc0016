"""The worker: begins a saga for each order taken, runs sagas, and writes to customers."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from omnicloud import (
    AlreadyExistsError,
    Backoff,
    Message,
    OmniCloud,
    ProcessingOutcome,
    SagaEngine,
    SagaStateConflictError,
)

from .fulfilment import SETTLED_TOPIC, Fulfilment
from .intake import TAKEN_TOPIC

__all__ = ["LEASE_SECONDS", "run_worker"]

LEASE_SECONDS = 4.0
"""After it the others go on with what a dead process had in hand."""
_UNTIL_DONE = 10_000
_AGAIN = Backoff(most=5.0)
"""A store that is away for an hour is no reason to lay an order aside: it is tried again."""


async def run_worker(cloud: OmniCloud) -> None:
    """Work until cancelled."""
    sagas = [Fulfilment(cloud).saga]
    engine = SagaEngine(cloud.sagas("runs"), sagas, lease=LEASE_SECONDS, concurrency=32, poll=0.1)
    letters = cloud.documents("letters")

    async def begin(message: Message) -> ProcessingOutcome:
        for order in json.loads(message.payload):
            key = order.pop("key")
            try:
                await engine.start("order", order, saga_id=key)
            except SagaStateConflictError:
                continue  # a delivery before this one began it
        return ProcessingOutcome.SUCCESS

    async def tell(message: Message) -> ProcessingOutcome:
        """Write one letter for an event, however often the event comes: its id is the letter's."""
        event = json.loads(message.payload)
        letter = {"_id": message.id, "order": event["order"], "status": event["status"]}
        with suppress(AlreadyExistsError):
            await letters.insert_one("letters", letter)
        return ProcessingOutcome.SUCCESS

    broker = cloud.messaging("broker")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.resume_pending())
        for topic, handler, group, concurrency in (
            (TAKEN_TOPIC, begin, "fulfilment", 4),
            (SETTLED_TOPIC, tell, "letters", 32),
        ):
            consume = broker.consume(
                topic,
                handler,
                group=group,
                concurrency=concurrency,
                max_attempts=_UNTIL_DONE,
                backoff=_AGAIN,
                lease=LEASE_SECONDS,
            )
            tasks.create_task(consume)
