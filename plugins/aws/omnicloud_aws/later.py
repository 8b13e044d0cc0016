"""Messages that are due later: a queue for each topic, which its receivers empty in time.

SQS delays a message by whole seconds, a quarter of an hour at most. It comes out of the queue
shortly before it is due, to whoever receives from the topic at the time, who keeps it until the
moment and then publishes it; one that is due much later goes back in. When that is the service's
own stamps say, to the millisecond: when it was sent, and when it was first received.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import msgspec

from omnicloud.errors import NotFoundError, OmniCloudError
from omnicloud_aws.behind import Behind
from omnicloud_aws.envelope import Meta, packed
from omnicloud_aws.places import Places
from omnicloud_aws.queues import BATCH, LONGEST_DELAY, LONGEST_WAIT, Found, Queues
from omnicloud_aws.topics import Topics

__all__ = ["Later"]

_AHEAD_SECONDS = 1.0  # by which it comes out early, or more; the service counts whole seconds
_HIDDEN_SECONDS = 15.0  # while it is kept for its moment
_LINGER_SECONDS = 15.0  # for which a topic is watched after its last receiver
_LOOK_SECONDS = 20.0  # between looks whether a topic has such a queue by now
_PAUSE_SECONDS = 1.0  # after a failure
_AT_HAND = 200  # messages that are kept at once
_NOTE = packed(Meta("", None, {}, 0.0), b"")
"""Tells receivers that the topic has such a queue now: a message without an id."""


@dataclass(slots=True)
class _Watch:
    """What is known of a topic's queue here."""

    receivers: int = 0
    wanted: float = 0.0
    looked: float = -math.inf
    mover: asyncio.Task[None] | None = None
    kept: set[asyncio.Task[None]] = field(default_factory=set)


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
        if topic not in self._there:
            await self._make(topic)
        try:
            await self._put(topic, meta, payload, due - self._clock.monotonic())
        except NotFoundError:  # someone deleted it
            await self._make(topic)
            await self._put(topic, meta, payload, due - self._clock.monotonic())

    async def count(self, topic: str) -> int:
        """How many messages are not published yet."""
        counts = await self._queues.count(self._places.later(topic))
        return 0 if counts is None else counts.all

    @contextmanager
    def watched(self, topic: str) -> Iterator[None]:
        """A block in which what becomes due is published."""
        watch = self._watches.setdefault(topic, _Watch())
        watch.receivers += 1
        self._look(topic, watch)
        try:
            yield
        finally:
            watch.receivers -= 1
            watch.wanted = self._clock.monotonic() + _LINGER_SECONDS

    def noted(self, topic: str) -> None:
        """The topic has such a queue, says a message."""
        watch = self._watches.setdefault(topic, _Watch())
        watch.looked = -math.inf
        self._look(topic, watch)

    # The queue.

    async def _make(self, topic: str) -> None:
        """Make sure that it is there and that receivers know."""
        name = self._places.later(topic)
        if not await self._queues.exists(name):
            await self._queues.make(name)
            await self._topics.publish(topic, _NOTE)
        self._there.add(topic)

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
            watch.mover = self._behind.wait(self._moves(topic, watch))

    async def _moves(self, topic: str, watch: _Watch) -> None:
        """Take out what is due soon, as long as anyone receives from the topic."""
        name = self._places.later(topic)
        try:
            while watch.receivers or self._clock.monotonic() < watch.wanted:
                try:
                    await self._take(topic, name, watch)
                except NotFoundError:
                    return
                except OmniCloudError:
                    await self._clock.sleep(_PAUSE_SECONDS)
            watch.looked = -math.inf  # there is one: the next receiver need not look
        finally:
            watch.mover = None

    async def _take(self, topic: str, name: str, watch: _Watch) -> None:
        if len(watch.kept) > _AT_HAND:
            await asyncio.wait(watch.kept, return_when=asyncio.FIRST_COMPLETED)
            return
        for one in await self._queues.receive(name, BATCH, LONGEST_WAIT, _HIDDEN_SECONDS):
            task = self._behind.wait(self._kept(topic, name, one))
            watch.kept.add(task)
            task.add_done_callback(watch.kept.discard)

    async def _kept(self, topic: str, name: str, one: Found) -> None:
        """Keep a message until it is due, and publish it; what is kept at the end goes back."""
        due = one.came + one.left(self._queues.client.time.now())
        left = due - self._clock.monotonic()
        try:
            if left < _HIDDEN_SECONDS / 2:
                await self._clock.sleep(max(0.0, left))
        except asyncio.CancelledError:
            self._behind.start(self._given_back(name, one))
            raise
        await self._behind.through(self._passed_on(topic, name, one, due))

    async def _passed_on(self, topic: str, name: str, one: Found, due: float) -> None:
        with suppress(OmniCloudError):  # it comes out of the queue again
            left = due - self._clock.monotonic()
            if left > 0:
                await self._put(topic, one.meta, one.payload, left)
            else:
                body = packed(msgspec.structs.replace(one.meta, wait=0.0), one.payload)
                await self._topics.publish(topic, body)
            await self._queues.delete(name, one.handle)

    async def _given_back(self, name: str, one: Found) -> None:
        with suppress(OmniCloudError):
            await self._queues.hide(name, [one.handle], 0)
