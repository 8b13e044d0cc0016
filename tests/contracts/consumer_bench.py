"""A memory broker in virtual time, and consumers that end with the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.messaging import (
    Consumer,
    Message,
    Messaging,
    ProcessingOutcome,
)
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual

SUCCESS, RETRY, FAIL = ProcessingOutcome.SUCCESS, ProcessingOutcome.RETRY, ProcessingOutcome.FAIL


class Bench:
    """A broker, a client, and consumers that are cancelled at the end."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.messaging = self.client()
        self.tasks: list[asyncio.Task[None]] = []
        self.seen: list[Message] = []

    def client(self) -> Messaging:
        return Messaging(Pipeline(MemoryMessaging(self.store)), self.clock)

    def consume(self, handler: Callable[[Message], Awaitable[Any]], **options: Any) -> Consumer:
        consumer = self.client().consumer("t", handler, **{"backoff": 0.1, **options})
        self.tasks.append(asyncio.create_task(consumer.run()))
        return consumer

    async def succeed(self, message: Message) -> ProcessingOutcome:
        self.seen.append(message)
        return SUCCESS

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.seen]

    async def dead(self) -> list[Any]:
        return [letter async for letter in self.messaging.dead_letters("t")]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()


def virtual(test: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in virtual time with a bench of its own."""

    async def main() -> None:
        bench = Bench()
        try:
            async with asyncio.timeout(3600):
                await test(bench)
        finally:
            await bench.stop()

    def run() -> None:
        run_virtual(main())

    run.__name__ = test.__name__
    return run
