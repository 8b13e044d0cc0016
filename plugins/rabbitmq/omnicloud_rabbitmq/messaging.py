"""The messaging contract on a broker.

A topic is a fanout exchange and a group a quorum queue behind it, which counts how often a message
came back. What must be said anew of a message (its attempts, why it died) is published again
before the broker is told to forget the old one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from functools import partial
from typing import Any

from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    DeadPage,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
    Outgoing,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError, OmniCloudError, UnavailableError, UnsupportedError
from omnicloud_rabbitmq.broker import Broker, broker_of
from omnicloud_rabbitmq.config import RabbitConfig
from omnicloud_rabbitmq.desk import Desk
from omnicloud_rabbitmq.envelope import Meta, packed
from omnicloud_rabbitmq.later import Later
from omnicloud_rabbitmq.letters import Letters
from omnicloud_rabbitmq.notes import Notes
from omnicloud_rabbitmq.shelf import Shelf
from omnicloud_rabbitmq.topology import Names

__all__ = ["FEATURES", "RabbitMessaging", "open_messaging"]

FEATURES: frozenset[Feature] = frozenset({MessagingFeature.DELAYED, MessagingFeature.DURABLE})

_TIDY_SECONDS = 2.0


class RabbitMessaging:
    """A messaging driver over a :class:`Broker`."""

    def __init__(self, broker: Broker, names: Names) -> None:
        self._broker = broker
        self._names = names
        self._shelf = Shelf(broker)
        self._letters = Letters(broker, names, self._shelf)
        self._topics: set[str] = set()
        self._groups: set[tuple[str, str]] = set()
        self._scheduled: dict[str, Later] = {}
        self._waiting: dict[tuple[str, str], Later] = {}
        self._desks: dict[tuple[str, str], Desk] = {}
        self._tidying: set[asyncio.Task[None]] = set()
        self._behind: set[asyncio.Task[None]] = set()

    @property
    def broker(self) -> Broker:
        """Where it is served."""
        return self._broker

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> MessagingLimits:
        return MessagingLimits()

    async def publish(self, op: Publish, /) -> None:
        asked = self._broker.clock.monotonic()
        await self._topic(op.topic)
        try:
            for message in op.messages:
                await self._published(op, self._body(message), asked)
        except NotFoundError as error:
            self._topics.discard(op.topic)
            raise UnavailableError(
                "someone deleted the topic on the broker", hint="publish again"
            ) from error
        except OmniCloudError:
            self._topics.discard(op.topic)
            raise

    async def subscribe(self, op: Subscribe, /) -> None:
        place = (op.topic, op.group)
        name = self._names.group(*place)
        if place in self._groups and await self._broker.count(name) is not None:
            return
        await self._topic(op.topic)
        async with self._shelf.held(self._names.making):
            if await self._broker.count(name) is None:
                await self._letters.note(*place)
            kept = self._names.kept(self._broker.version)
            await self._broker.declare(*self._names.group_methods(*place, kept))
        self._groups.add(place)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await self._desk(op.topic, op.group).receive(op.most, op.wait, op.lease)

    async def ack(self, op: Ack, /) -> bool:
        return await self._desk(op.topic, op.group).ack(op.receipt)

    async def nack(self, op: Nack, /) -> bool:
        desk = self._desk(op.topic, op.group)
        return await desk.nack(op.receipt, op.delay, count=op.count)

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        return await self._desk(op.topic, op.group).extend(op.receipts, op.lease)

    async def kill(self, op: Kill, /) -> bool:
        return await self._desk(op.topic, op.group).kill(
            op.receipt, lambda loan: self._letters.bury(op.topic, op.group, loan, op.reason)
        )

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return await self._letters.page(op)

    async def redrive(self, op: Redrive, /) -> int:
        return await self._letters.redrive(op)

    async def cancel(self, op: Cancel, /) -> bool:
        await asyncio.sleep(0)
        raise UnsupportedError("RabbitMQ cannot take back one message that waits")

    async def replay(self, op: Replay, /) -> int:
        await asyncio.sleep(0)
        raise UnsupportedError("RabbitMQ's queues keep nothing that was acknowledged")

    async def measure(self, op: Measure, /) -> Depth:
        ready = await self._broker.count(self._names.group(op.topic, op.group))
        scheduled = await self._schedule(op.topic).count()
        if ready is None:
            return Depth(0, 0, 0, scheduled, 0)
        return Depth(
            ready=ready,
            in_flight=await self._notes(op.topic, op.group).count(),
            waiting=await self._retries(op.topic, op.group).count(),
            scheduled=scheduled,
            dead=await self._letters.count(op.topic, op.group),
        )

    async def aclose(self) -> None:
        """Lend no more; the broker belongs to who opened it."""
        for task in self._behind:
            task.cancel()
        if self._behind:
            await asyncio.wait(self._behind, timeout=_TIDY_SECONDS)
        if self._tidying:
            await asyncio.wait(self._tidying, timeout=_TIDY_SECONDS)
        for task in self._tidying:
            task.cancel()
        for desk in self._desks.values():
            desk.aclose()
        self._desks.clear()
        await asyncio.sleep(0)

    async def _topic(self, topic: str) -> None:
        """Make sure that there is one."""
        if topic in self._topics:
            return
        # What the kept queues are is known once the broker has been asked.
        nowhere_is_there = await self._broker.count(self._names.nowhere) is not None
        methods = self._names.topic_methods(topic, self._names.kept(self._broker.version))
        async with nullcontext() if nowhere_is_there else self._shelf.held(self._names.making):
            await self._broker.declare(*methods)
        self._topics.add(topic)

    async def _published(self, op: Publish, body: bytes, asked: float) -> None:
        if op.delay:
            await self._schedule(op.topic).publish(body, op.delay, asked)
        else:
            await self._broker.publish(self._names.topic(op.topic), "", body)

    def _body(self, message: Outgoing) -> bytes:
        now = self._broker.clock.wall()
        meta = Meta(message.id, message.key, dict(message.headers), now)
        return packed(meta, message.payload)

    def _schedule(self, topic: str) -> Later:
        if topic not in self._scheduled:
            name = self._names.topic(topic)
            make = partial(self._shelf.make, self._names.making)
            self._scheduled[topic] = Later(
                self._broker, make, self._prepare, f"{name}/", to_exchange=name
            )
        return self._scheduled[topic]

    def _retries(self, topic: str, group: str) -> Later:
        place = (topic, group)
        if place not in self._waiting:
            name = self._names.group(*place)
            make = partial(self._shelf.make, self._names.making)
            self._waiting[place] = Later(self._broker, make, self._prepare, name, to_queue=name)
        return self._waiting[place]

    def _notes(self, topic: str, group: str) -> Notes:
        names = self._names
        beside = (names.notes(topic, group), names.lent(topic, group))
        return Notes(self._broker, self._shelf, *beside, names.lock(topic))

    def _desk(self, topic: str, group: str) -> Desk:
        place = (topic, group)
        if place not in self._desks:
            name = self._names.group(*place)
            later = self._retries(*place)
            notes = self._notes(*place)
            self._desks[place] = Desk(self._broker, name, later, notes, self._tidy)
        return self._desks[place]

    def _tidy(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what a message is waiting for; closing waits for it."""
        _kept(self._tidying, work)

    def _prepare(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what can be done again at any time; closing ends it."""
        _kept(self._behind, work)


def _kept(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work, name="omnicloud rabbitmq")
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def open_messaging(config: RabbitConfig, opening: Opening) -> RabbitMessaging:
    """A messaging driver on the configured broker."""
    broker = await broker_of(config, opening)
    namespace = opening.service.name if config.namespace is None else config.namespace
    return RabbitMessaging(broker, Names(namespace, config.queues))
