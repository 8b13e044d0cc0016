"""The loop that publishes what the outbox holds: leased, in order, at least once."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, final

from opentelemetry import metrics

from omnicloud.contracts.outbox.driver import Claim, Fail, Keep, Mark
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.outbox.portable import SPACE, Outbox
from omnicloud.core.arguments import awaited, between, check_function
from omnicloud.core.backoff import Backoff, as_backoff
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.draining import run_draining
from omnicloud.core.durations import Seconds, positive, seconds
from omnicloud.core.failures import tell_failure
from omnicloud.errors import (
    CircuitOpenError,
    ClosedError,
    DeadlineExceededError,
    InvalidArgumentError,
    ThrottledError,
    UnavailableError,
)

__all__ = ["EVENT_ID_HEADER", "Publish", "Relay", "RelayHealth"]

EVENT_ID_HEADER = "outbox-event-id"
"""The header that tells a consumer which event a message is of, so that it can know it again."""

_WAIT = 20.0  # seconds of one long poll
_STORE_AGAIN = Backoff(first=0.1, most=5.0, jitter=0.2)
_BROKER_AGAIN = Backoff(first=0.1, most=5.0, jitter=0.2)
_BROKER_AWAY = (UnavailableError, ThrottledError, CircuitOpenError, DeadlineExceededError)
_HOUSEKEEPING = 60.0  # seconds between two looks at retention
_lag = metrics.get_meter("omnicloud.outbox").create_gauge(
    "omnicloud.outbox.lag", unit="s", description="Age of the oldest pending event"
)


class Publish(Protocol):
    """Where events go; ``Messaging.forward`` is one."""

    def __call__(
        self,
        topic: str,
        payload: bytes,
        /,
        *,
        key: str | None,
        headers: Mapping[str, str],
        message_id: str,
    ) -> Awaitable[object]:
        """Publish; an event that is published twice has the same ``message_id`` both times."""


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """A relay at one moment. Counts are since its start."""

    running: bool
    in_flight: int
    published: int
    failed: int
    parked: int
    last_error: str | None


@final
class Relay:
    """Publishes the events of an outbox until it is cancelled. Run it once.

    Several relays may work on one outbox: each event is claimed by one of them, for a lease
    that is renewed while it works; when a relay dies the others take over after the lease, and
    what it had published but not marked is published again with the same ``message_id``.

    Events of one aggregate are published one after another, those of different aggregates and
    those without one at once. A failed event comes back after a back-off, and the later ones of
    its aggregate wait for it. After ``max_attempts`` it is *parked*; its aggregate then stands
    still, because its order is what it promises, until the event is requeued or marked as
    processed. All others go on. While the broker does not answer at all nothing is parked.

    A relay works for the tenant of the task that runs it.

    Args:
        outbox: Whose events.
        publish: Where to; ``forward`` of a :class:`~omnicloud.contracts.messaging.Messaging`.
        batch: How many events are held at most, 1 to 1,000.
        concurrency: How many are published at once.
        max_attempts: After so many failures an event is parked.
        backoff: Wait between the attempts of an event: a :class:`Backoff`, or seconds each time;
            a broker that does not answer at all is tried again within five seconds.
        lease: Seconds after which the claims of a dead relay end.
        retention: How long processed events are kept; ``None`` is for ever.
        grace: Seconds to finish what is being published when cancelled.
    """

    def __init__(
        self,
        outbox: Outbox,
        publish: Publish,
        *,
        batch: int = 500,
        concurrency: int = 64,
        max_attempts: int = 10,
        backoff: Backoff | Seconds = Backoff(),  # noqa: B008 - frozen
        lease: Seconds = 30.0,
        retention: Seconds | None = 7 * 86400.0,
        grace: Seconds = 10.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not isinstance(outbox, Outbox):
            raise InvalidArgumentError(
                f"outbox must be an Outbox, not {type(outbox).__name__}",
                hint='cloud.outbox("events")',
            )
        check_function(publish, "publish", 'cloud.messaging("broker").forward')
        self._pipeline = outbox.pipeline
        self._outbox = outbox
        self._publish = publish
        self._batch = between(batch, 1, 1000, "batch")
        self._slots = asyncio.Semaphore(between(concurrency, 1, sys.maxsize, "concurrency"))
        self._max_attempts = between(max_attempts, 1, sys.maxsize, "max_attempts")
        self._backoff = as_backoff(backoff)
        self._lease = positive(lease, "lease")
        self._retention = None if retention is None else seconds(retention, "retention")
        self._grace = seconds(grace, "grace")
        self._clock = clock
        self._owner = uuid.uuid4().hex
        self._claimer: asyncio.Task[None] | None = None
        self._stopping = False
        self._held: set[str] = set()
        self._done: list[str] = []
        self._news = asyncio.Event()
        self._freed = asyncio.Event()
        self._published = self._failed = self._parked = 0
        self._away = 0
        self._last_error: str | None = None
        self._running = False

    @property
    def health(self) -> RelayHealth:
        """How it is now."""
        return RelayHealth(
            self._running,
            len(self._held),
            self._published,
            self._failed,
            self._parked,
            self._last_error,
        )

    async def run(self) -> None:
        """Work until cancelled, or until the service is closed.

        Raises:
            ClosedError: It was closed before.
        """
        self._pipeline.check_open()
        try:
            await run_draining(self._work(), self._stop, self._grace)
        finally:
            self._running = False

    def _stop(self) -> None:
        self._stopping = True
        if self._claimer is not None:
            self._claimer.cancel()

    async def _work(self) -> None:
        if self._stopping:
            return
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(one) for one in (self._keep(), self._mark(), self._look_after())
            ]
            self._claimer = asyncio.create_task(self._claim(tasks))
            try:
                await asyncio.wait({self._claimer})
                while self._held:
                    await self._until_freed()
            finally:
                self._claimer.cancel()
                await asyncio.wait({self._claimer})
                for helper in helpers:
                    helper.cancel()

    async def _claim(self, tasks: asyncio.TaskGroup) -> None:
        failures = 0
        while True:
            try:
                room = self._batch - len(self._held)
                if room <= 0:
                    await self._until_freed()
                    continue
                op = Claim(SPACE, self._owner, room, _WAIT, self._lease)
                events = await self._pipeline.send(op)
                failures = 0
                self._running = True
            except ClosedError:
                return
            except Exception as error:  # noqa: BLE001 - whatever a driver throws, ask again later
                failures += 1
                self._running = False
                self._last_error = type(error).__name__
                await self._clock.sleep(_STORE_AGAIN.after(failures))
                continue
            fresh = [event for event in events if event.event_id not in self._held]
            if events and not fresh:  # a store that hands out what is claimed: do not spin
                await self._clock.sleep(_STORE_AGAIN.after(1))
                continue
            self._held.update(event.event_id for event in fresh)
            for lane in _lanes(fresh):
                tasks.create_task(self._relay(lane))
            if self._away:
                await self._clock.sleep(self._until_back())

    async def _relay(self, lane: Sequence[EventRecord]) -> None:
        for number, event in enumerate(lane):
            async with self._slots:
                tried = not self._stopping
                published = tried and await self._try(event)
            if not published:
                # What was tried is no longer held, or has been claimed anew.
                await self._release([one.event_id for one in lane[number + tried :]])
                return

    async def _try(self, event: EventRecord) -> bool:
        try:
            answer = self._publish(
                event.destination_topic,
                event.payload,
                key=event.message_key if event.message_key is not None else event.aggregate_key,
                headers={EVENT_ID_HEADER: event.event_id},
                message_id=event.event_id,
            )
            awaited(answer, "publish")
            await answer
        except Exception as error:  # noqa: BLE001 - a publisher's error is an outcome
            # A broker that is away is no fault of the event, unless others have just got through.
            away = isinstance(error, _BROKER_AWAY)
            blame = not away or not self._away
            self._away += away
            self._last_error = type(error).__name__
            if not away:
                tell_failure("publish", error, "the event waits for its next attempt")
            await self._note_failure(event, blame=blame)
            return False
        self._away = 0
        self._published += 1
        self._done.append(event.event_id)
        self._news.set()
        return True

    async def _note_failure(self, event: EventRecord, *, blame: bool) -> None:
        self._failed += 1
        attempts = event.attempts + 1
        park = blame and attempts >= self._max_attempts
        self._parked += park
        delay = self._backoff.after(attempts) if blame else self._until_back()
        # Not held from here on: a slow answer may come after the event's next claim.
        self._forget([event.event_id])
        if not await self._quietly(Fail(SPACE, self._owner, event.event_id, delay, park)):
            await self._release([event.event_id])

    def _until_back(self) -> float:
        """Seconds until a broker that is away is tried again: it says nothing of the events."""
        return min(self._backoff.after(self._away), _BROKER_AGAIN.after(self._away))

    async def _release(self, event_ids: list[str]) -> None:
        self._forget(event_ids)  # first: what was given free may be claimed before the answer
        if event_ids:
            await self._quietly(Keep(SPACE, self._owner, tuple(event_ids), 0.0))

    async def _mark(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            done, self._done = self._done, []
            if await self._quietly(Mark(SPACE, tuple(done))):
                self._forget(done)
            else:
                self._done.extend(done)
                self._news.set()
                await self._clock.sleep(_STORE_AGAIN.after(1))

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(self._lease / 3)
            if self._held:
                held = tuple(sorted(self._held))
                await self._quietly(Keep(SPACE, self._owner, held, self._lease))

    async def _look_after(self) -> None:
        while True:
            try:
                if self._retention is not None:
                    await self._outbox.purge(self._retention)
                _lag.set((await self._outbox.lag()).oldest_seconds)
            except Exception as error:  # noqa: BLE001 - the next round tries again
                self._last_error = type(error).__name__
            await self._clock.sleep(_HOUSEKEEPING)

    async def _quietly(self, op: Fail | Keep | Mark) -> bool:
        """Tell the store; where that fails the lease mends it."""
        try:
            await self._pipeline.send(op)
        except ClosedError:
            return True
        except Exception as error:  # noqa: BLE001 - whatever a driver throws
            self._last_error = type(error).__name__
            return False
        return True

    def _forget(self, event_ids: Iterable[str]) -> None:
        self._held.difference_update(event_ids)
        self._freed.set()

    async def _until_freed(self) -> None:
        self._freed.clear()
        await self._freed.wait()


def _lanes(events: Sequence[EventRecord]) -> Iterable[Sequence[EventRecord]]:
    """Events that must follow each other, together; the others alone."""
    lanes: dict[str, list[EventRecord]] = {}
    for event in events:
        own = f"-{event.event_id}" if event.aggregate_key is None else f"+{event.aggregate_key}"
        lanes.setdefault(own, []).append(event)
    return lanes.values()
