"""Messages that are due later: a queue for each topic, which its receivers empty in time.

SQS delays a message by whole seconds, a quarter of an hour at most. It comes out of the queue
shortly before it is due, to whoever receives from the topic at the time, who keeps it until the
moment and then publishes it; one that is due much later goes back in. When that is the service's
own stamps say, to the millisecond: when it was sent, and when it was first received.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import msgspec

from omnicloud.errors import NotFoundError, OmniCloudError
from omnicloud_aws.behind import Behind
from omnicloud_aws.envelope import Meta, packed
from omnicloud_aws.places import Places
from omnicloud_aws.queues import BATCH, LONGEST_DELAY, LONGEST_WAIT, MOST_BYTES, Found, Queues
from omnicloud_aws.topics import Topics

__all__ = ["Later"]

_AHEAD_SECONDS = 1.0  # by which it comes out early, or more; the service counts whole seconds
_HIDDEN_SECONDS = 15.0  # while it is kept for its moment
_LINGER_SECONDS = 15.0  # for which a topic is watched after its last receiver
_LOOK_SECONDS = 20.0  # between looks whether a topic has such a queue by now
_SWEEP_SECONDS = 5.0  # for which a receiver waits at most for what was due before it came
_PAUSE_SECONDS = 1.0  # after a failure
_TICK_SECONDS = 0.05  # within which something earlier may have come
_AT_HAND = 200  # messages that are kept at once
_NOTE = packed(Meta("", None, {}, 0.0), b"")
"""Tells receivers that the topic has such a queue now: a message without an id and a key."""


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(order=True, slots=True)
class _Kept:
    """A message that is ours until it is due, in monotonic seconds."""

    due: float
    found: Found = field(compare=False)


@dataclass(slots=True)
class _Watch:
    """What is known of a topic's queue here.

    Attributes:
        kept: A heap.
        passing: Whether some of it is being published.
        swept: Unless it has yet to be seen what was due when receiving began.
    """

    receivers: int = 0
    wanted: float = 0.0
    looked: float = -math.inf
    noted: bool = False
    mover: asyncio.Task[None] | None = None
    passer: asyncio.Task[None] | None = None
    passing: bool = False
    swept: asyncio.Event = field(default_factory=_set)
    kept: list[_Kept] = field(default_factory=list)


class Later:
    """What a service's topics have scheduled."""

    def __init__(self, queues: Queues, topics: Topics, places: Places, behind: Behind) -> None:
        self._queues = queues
        self._topics = topics
        self._places = places
        self._behind = behind
        self._clock = queues.client.time.clock
        self._there: set[str] = set()
        self._watches: dict[str, _Watch] = {}

    async def publish(self, topic: str, meta: Meta, payload: bytes, delay: float) -> None:
        """Let a message be due so many seconds after this call began."""
        due = self._clock.monotonic() + delay

        async def put() -> None:
            await self._put(topic, meta, payload, due - self._clock.monotonic())

        if topic not in self._there:
            await self._make(topic)
        try:
            await put()
        except NotFoundError:  # it was just made, or someone deleted it
            await self._make(topic)
            await self._queues.into_new(put)
        self._there.add(topic)

    async def count(self, topic: str) -> int:
        """How many messages are not published yet."""
        counts = await self._queues.count(self._places.later(topic))
        return 0 if counts is None else counts.all

    @contextmanager
    def watched(self, topic: str) -> Iterator[Callable[[], Awaitable[bool]]]:
        """A block in which what becomes due is published.

        What it gives waits until all is that was due while nobody received, and says whether
        there was anything to wait for.
        """
        watch = self._watches.setdefault(topic, _Watch())
        watch.receivers += 1
        self._look(topic, watch)
        try:
            yield partial(self._swept, watch)
        finally:
            watch.receivers -= 1
            watch.wanted = self._clock.monotonic() + _LINGER_SECONDS

    def noted(self, topic: str) -> None:
        """The topic has such a queue, says a message."""
        watch = self._watches.setdefault(topic, _Watch())
        watch.looked, watch.noted = -math.inf, True
        self._look(topic, watch)

    # The queue.

    async def _make(self, topic: str) -> None:
        """Make sure that it is there and that receivers know."""
        name = self._places.later(topic)
        if not await self._queues.exists(name):
            await self._queues.make(name)
            await self._topics.publish(topic, _NOTE)

    async def _put(self, topic: str, meta: Meta, payload: bytes, left: float) -> None:
        body = packed(msgspec.structs.replace(meta, wait=max(0.0, left)), payload)
        out = math.floor(min(left - _AHEAD_SECONDS, LONGEST_DELAY))
        try:
            await self._queues.send(self._places.later(topic), body, max(0, out))
        except NotFoundError:
            self._there.discard(topic)
            raise

    # Receivers.

    def _look(self, topic: str, watch: _Watch) -> None:
        """See to it that the queue is emptied, where there is one."""
        now = self._clock.monotonic()
        if watch.mover is None and now >= watch.looked + _LOOK_SECONDS:
            watch.looked = now
            watch.swept.clear()
            watch.mover = self._behind.wait(self._moves(topic, watch))

    async def _swept(self, watch: _Watch) -> bool:
        if watch.swept.is_set():
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(_SWEEP_SECONDS):
                await watch.swept.wait()
        return True

    async def _moves(self, topic: str, watch: _Watch) -> None:
        """Take out what is due soon, as long as anyone receives from the topic."""
        name = self._places.later(topic)
        try:
            while watch.receivers or self._clock.monotonic() < watch.wanted:
                try:
                    await self._take(topic, name, watch)
                except NotFoundError:
                    if not watch.noted:
                        return
                    watch.noted = False  # it was made while this looked
                except OmniCloudError:
                    watch.swept.set()
                    await self._clock.sleep(_PAUSE_SECONDS)
            watch.looked = -math.inf  # there is one: the next receiver need not look
        finally:
            watch.swept.set()
            watch.mover = None

    async def _take(self, topic: str, name: str, watch: _Watch) -> None:
        """Take some out, and wait for them once all is published that was due at first."""
        if len(watch.kept) > _AT_HAND:
            await self._clock.sleep(_TICK_SECONDS)
            return
        wait = LONGEST_WAIT if watch.swept.is_set() else 0
        found = await self._queues.receive(name, BATCH, wait, _HIDDEN_SECONDS)
        for one in found:
            due = one.came + one.left(self._queues.client.time.now())
            heapq.heappush(watch.kept, _Kept(due, one))
        if watch.kept and watch.passer is None:
            watch.passer = self._behind.wait(self._passes(topic, name, watch))
        if watch.swept.is_set() or found:
            return
        if watch.passing or (watch.kept and watch.kept[0].due <= self._clock.monotonic()):
            await self._clock.sleep(_TICK_SECONDS)
        else:
            watch.swept.set()

    async def _passes(self, topic: str, name: str, watch: _Watch) -> None:
        """Publish what is kept as it becomes due, and put back what is due much later."""
        try:
            while watch.kept:
                left = watch.kept[0].due - self._clock.monotonic()
                if left > _HIDDEN_SECONDS / 2:
                    kept = heapq.heappop(watch.kept)
                    await self._behind.through(self._put_back(topic, name, kept))
                elif left > 0:
                    await self._clock.sleep(min(left, _TICK_SECONDS))
                else:
                    watch.passing = True
                    some = self._due(watch.kept)
                    left_over = await self._behind.through(self._passed_on(topic, name, some))
                    self._keep_on(watch, left_over)
                    watch.passing = False
        except asyncio.CancelledError:
            for kept in watch.kept:
                self._behind.start(self._given_back(name, kept.found))
            raise
        finally:
            watch.passer, watch.passing = None, False

    def _due(self, kept: list[_Kept]) -> list[Found]:
        """What is due, the earliest first, as much as goes into one batch."""
        now = self._clock.monotonic()
        some: list[Found] = []
        size = 0
        while kept and kept[0].due <= now and len(some) < BATCH:
            size += kept[0].found.size
            if some and size > MOST_BYTES:
                break
            some.append(heapq.heappop(kept).found)
        return some

    def _keep_on(self, watch: _Watch, some: list[Found]) -> None:
        """Try those again soon, as long as they are ours; then they come out of the queue again."""
        again = self._clock.monotonic() + _PAUSE_SECONDS
        for one in some:
            if again + _PAUSE_SECONDS < one.came + _HIDDEN_SECONDS:
                heapq.heappush(watch.kept, _Kept(again, one))

    async def _passed_on(self, topic: str, name: str, some: list[Found]) -> list[Found]:
        """Publish them and take them out of the queue; those of which the first failed."""
        bodies = [packed(msgspec.structs.replace(one.meta, wait=0.0), one.payload) for one in some]
        try:
            taken = await self._topics.publish_many(topic, bodies)
        except OmniCloudError:
            return some
        handles = [one.handle for one, is_taken in zip(some, taken, strict=True) if is_taken]
        with suppress(OmniCloudError):  # what is not deleted comes out of the queue again
            await self._queues.delete_many(name, handles)
        return [one for one, is_taken in zip(some, taken, strict=True) if not is_taken]

    async def _put_back(self, topic: str, name: str, kept: _Kept) -> None:
        with suppress(OmniCloudError):
            left = kept.due - self._clock.monotonic()
            await self._put(topic, kept.found.meta, kept.found.payload, left)
            await self._queues.delete(name, kept.found.handle)

    async def _given_back(self, name: str, one: Found) -> None:
        with suppress(OmniCloudError):
            await self._queues.hide(name, [one.handle], 0)
