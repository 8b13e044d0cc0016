"""The loop that receives, handles and settles messages, and drains when it is stopped."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from typing import final

from omnicloud.contracts.messaging.driver import MessagingDriver, Receive, Subscribe
from omnicloud.contracts.messaging.loans import Loans
from omnicloud.contracts.messaging.models import (
    ConsumerHealth,
    ConsumerState,
    Delivery,
    Handler,
    Message,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.tracing import consuming
from omnicloud.core.arguments import awaited
from omnicloud.core.backoff import Backoff
from omnicloud.core.clock import Clock
from omnicloud.core.draining import run_draining
from omnicloud.core.failures import tell_failure
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    InvalidArgumentError,
    PermissionDeniedError,
    UnsupportedError,
)

__all__ = ["Consumer", "ConsumerOptions"]

_WAIT = 20.0  # seconds of one long poll
_RECONNECT = Backoff(first=0.1, most=5.0, jitter=0.2)
_LOST = 20
"""Deliveries that may end without an outcome, beyond the attempts, before a message is given up."""
_HOPELESS = (InvalidArgumentError, UnsupportedError, PermissionDeniedError, ConfigurationError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerOptions:
    """How a consumer works; see :meth:`Messaging.consume`. Times in seconds."""

    group: str
    concurrency: int
    max_attempts: int
    backoff: Backoff
    prefetch: int
    lease: float
    grace: float


@final
class Consumer:
    """One member of a group. Run it once.

    A handler's message is lent for ``lease`` seconds and the loan is renewed while the handler
    works, so a crash gives the message back after at most that time. Such a delivery counts as
    an attempt, but a message is dead-lettered by its handler's outcomes, not because a consumer
    died; only one that was delivered 20 times more than ``max_attempts`` without any outcome is
    given up, since it may be what ends its consumers.
    """

    def __init__(
        self,
        pipeline: Pipeline[MessagingDriver],
        topic: str,
        handler: Handler,
        options: ConsumerOptions,
        clock: Clock,
    ) -> None:
        self._pipeline = pipeline
        self._topic = topic
        self._handler = handler
        self._options = options
        self._clock = clock
        self._loans = Loans(pipeline, topic, options.group, options.lease, clock)
        self._queue: deque[Delivery] = deque()
        self._busy = 0
        self._freed = asyncio.Event()
        self._receiver: asyncio.Task[None] | None = None
        self._stopping = False
        self._state = ConsumerState.STARTING
        self._counts: Counter[ProcessingOutcome] = Counter()
        self._last_error: str | None = None

    @property
    def health(self) -> ConsumerHealth:
        """How it is now."""
        return ConsumerHealth(
            self._state,
            in_flight=self._busy,
            succeeded=self._counts[ProcessingOutcome.SUCCESS],
            retried=self._counts[ProcessingOutcome.RETRY],
            dead_lettered=self._counts[ProcessingOutcome.FAIL],
            last_error=self._last_error,
        )

    async def run(self) -> None:
        """Work until cancelled, or until the service is closed.

        When cancelled it receives no more, gives back what it has not started (that is no
        attempt), and lets handlers finish for ``grace`` seconds. Those still at work then are
        cancelled and their messages delivered again when their lease ends.

        Raises:
            ClosedError: The service was closed before.
            OmniCloudError: Something that asking again cannot mend; the rest is retried.
        """
        self._pipeline.check_open()
        try:
            await run_draining(self._work(), self._stop, self._options.grace)
        finally:
            self._state = ConsumerState.STOPPED

    def _stop(self) -> None:
        self._stopping = True
        self._state = ConsumerState.DRAINING
        if self._receiver is not None:
            self._receiver.cancel()

    async def _work(self) -> None:
        if self._stopping:
            return
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(self._loans.keep())
            self._receiver = asyncio.create_task(self._receive(tasks))
            try:
                await asyncio.wait({self._receiver})
                await self._finish()
            finally:
                keeper.cancel()
                self._receiver.cancel()
                await asyncio.wait({self._receiver})
        if not self._receiver.cancelled():
            self._receiver.result()

    async def _finish(self) -> None:
        while self._queue:
            await self._loans.give_back(self._queue.popleft())
        while self._busy:
            await self._until_freed()

    async def _receive(self, tasks: asyncio.TaskGroup) -> None:
        failures = 0
        while not self._stopping:
            try:
                await self._pipeline.send(Subscribe(self._topic, self._options.group))
                self._state = ConsumerState.RUNNING
                # A driver may swallow the cancellation; the flag ends the loop all the same.
                while not self._stopping:
                    await self._receive_some(tasks)
                    failures = 0
            except ClosedError:
                return
            except _HOPELESS:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a driver throws, ask again later
                failures += 1
                self._state = ConsumerState.RECONNECTING
                self._last_error = type(error).__name__
            await self._clock.sleep(_RECONNECT.after(failures))

    async def _receive_some(self, tasks: asyncio.TaskGroup) -> None:
        options = self._options
        room = options.concurrency + options.prefetch - self._busy - len(self._queue)
        if room <= 0:
            await self._until_freed()
            return
        op = Receive(self._topic, options.group, room, _WAIT, options.lease)
        deliveries = await self._pipeline.send(op)
        self._loans.take(deliveries)
        self._queue.extend(deliveries)
        if not self._stopping:
            self._start(tasks)

    def _start(self, tasks: asyncio.TaskGroup) -> None:
        while self._queue and self._busy < self._options.concurrency:
            self._busy += 1
            tasks.create_task(self._handle(self._queue.popleft(), tasks))

    async def _until_freed(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    async def _handle(self, delivery: Delivery, tasks: asyncio.TaskGroup) -> None:
        try:
            outcome, reason = await self._ask(delivery)
            await self._settle(delivery, outcome, reason)
        finally:
            self._loans.drop(delivery)
            self._busy -= 1
            self._freed.set()
        self._start(tasks)

    async def _ask(self, delivery: Delivery) -> tuple[ProcessingOutcome, str]:
        if delivery.damaged:
            return ProcessingOutcome.FAIL, "the payload could not be opened"
        if delivery.attempt > self._options.max_attempts + _LOST:
            return ProcessingOutcome.FAIL, "too many deliveries ended without an outcome"
        message = self._message(delivery)
        try:
            with consuming(message):
                answer = self._handler(message)
                awaited(answer, "the handler")
                outcome: object = await answer
        except asyncio.CancelledError:
            if _being_cancelled():
                raise
            return ProcessingOutcome.RETRY, "the handler raised CancelledError"
        except Exception as error:  # noqa: BLE001 - a handler's error is an outcome
            tell_failure("the handler of a message", error, f"attempt {message.attempt}")
            return ProcessingOutcome.RETRY, f"the handler raised {type(error).__name__}"
        if isinstance(outcome, ProcessingOutcome):
            return outcome, f"the handler returned {outcome.name}"
        kind = type(outcome).__name__
        return ProcessingOutcome.RETRY, f"the handler returned {kind}, which is no outcome"

    def _message(self, delivery: Delivery) -> Message:
        return Message(
            payload=delivery.payload,
            key=delivery.key,
            headers=dict(delivery.headers),
            id=delivery.id,
            topic=self._topic,
            group=self._options.group,
            attempt=delivery.attempt,
            published_at=delivery.published_at,
        )

    async def _settle(self, delivery: Delivery, outcome: ProcessingOutcome, reason: str) -> None:
        if outcome is ProcessingOutcome.RETRY and delivery.attempt >= self._options.max_attempts:
            outcome = ProcessingOutcome.FAIL
            reason = f"{reason}, at attempt {delivery.attempt} of {self._options.max_attempts}"
        if outcome is ProcessingOutcome.SUCCESS:
            await self._loans.ack(delivery)
        elif outcome is ProcessingOutcome.FAIL:
            await self._loans.kill(delivery, reason)
        else:
            await self._loans.retry(delivery, self._options.backoff.after(delivery.attempt))
        self._counts[outcome] += 1


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
