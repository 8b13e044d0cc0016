"""A consumer that laws start, watch and stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from omnicloud.contracts.messaging import Backoff, Message, Messaging, ProcessingOutcome
from omnicloud_tck.check import Broken
from omnicloud_tck.world import World

__all__ = ["Listener"]

_STOP_SECONDS = 5.0
_TURNS = 100  # how often it is looked while one waits
_QUICK = Backoff(0.05, 0.05, 0.0)

Answer = Callable[[Message], Awaitable[ProcessingOutcome]]


async def _success(_: Message) -> ProcessingOutcome:
    return ProcessingOutcome.SUCCESS


class Listener:
    """Consumes a topic inside its block and keeps what it saw, and when.

    Args:
        answer: What to make of a message, ``SUCCESS`` by default.
        options: As for ``Messaging.consume``.
    """

    def __init__(
        self,
        world: World[Any],
        messaging: Messaging,
        topic: str,
        answer: Answer = _success,
        **options: Any,
    ) -> None:
        self._world = world
        self._messaging = messaging
        self._topic = topic
        self._answer = answer
        self._options = {"backoff": _QUICK, "grace": 2.0, **options}
        self._task: asyncio.Task[None] | None = None
        self.seen: list[Message] = []
        self.times: list[float] = []

    @property
    def payloads(self) -> list[bytes]:
        """What was seen, in order."""
        return [message.payload for message in self.seen]

    async def __aenter__(self) -> Self:
        work = self._messaging.consume(self._topic, self._handle, **self._options)
        self._task = asyncio.ensure_future(work)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Cancel it; it has to end."""
        task, self._task = self._task, None
        if task is None:
            return
        if task.done():
            failed = None if task.cancelled() else task.exception()
            raise Broken(f"the consumer ended by itself ({type(failed).__name__})") from failed
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=_STOP_SECONDS)
        if not done:
            raise Broken(f"a cancelled consumer had not ended after {_STOP_SECONDS:.0f} s")
        with contextlib.suppress(asyncio.CancelledError):
            task.result()

    async def until(self, count: int, seconds: float = 5.0) -> None:
        """Wait for so many deliveries, for each so long: who is slow needs long for many.

        Raises:
            Broken: They did not come.
        """
        known, turns = len(self.seen), 0
        while len(self.seen) < count:
            if len(self.seen) > known:
                known, turns = len(self.seen), 0
            if turns == _TURNS:
                raise Broken(f"{known} of {count} deliveries came, and no other in {seconds} s")
            turns += 1
            await self._world.sleep(seconds / _TURNS)

    async def exactly(self, count: int, seconds: float = 5.0, quiet: float = 0.5) -> None:
        """Wait for so many deliveries, and see that no more come."""
        await self.until(count, seconds)
        await self._world.sleep(quiet)
        if len(self.seen) != count:
            raise Broken(f"{len(self.seen)} deliveries came instead of {count}")

    async def _handle(self, message: Message) -> ProcessingOutcome:
        copy = Message(
            message.payload,
            message.key,
            dict(message.headers),
            message.id,
            message.topic,
            message.group,
            message.attempt,
            message.published_at,
        )
        self.seen.append(copy)
        self.times.append(self._world.clock.monotonic())
        return await self._answer(message)
