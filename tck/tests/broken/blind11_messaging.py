"""Messaging drivers that count from the wrong moment, remember too early, or read headers."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Nack, Publish, Receive, Redrive
from omnicloud.contracts.messaging.models import Delivery, MessagingFeature, Outgoing
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError, UnavailableError
from omnicloud.memory.messaging import FEATURES, MemoryMessaging, _delivery
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.messaging import MessagingContract

# When a lease begins


class _Leases(MemoryMessaging):
    """Lends until a moment that it works out once, at the begin of the long poll."""

    def _until(self, op: Receive) -> float:
        return self._now() + op.lease

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until, leased = self._now() + op.wait, self._until(op)
        while True:
            topic = await self._topic(op.topic)
            group = topic.groups.get(op.group)
            if group is None:
                raise NotFoundError("the topic has no such group", hint="subscribe it")
            now = self._now()
            lent = group.lend(op.most, max(now, leased))
            if lent or now >= until:
                return tuple(map(_delivery, lent))
            next_tick = topic.next_tick(group)
            wake = until if next_tick is None else min(until, next_tick)
            await self._store.changed(wake - now)


@broken("BLIND11-MS-01", "T3", "leases begin with the long poll", MessagingContract)
class LeaseFromPoll(_Leases):
    pass


@broken("BLIND11-MS-02", "T3", "leases begin when the long poll would end", MessagingContract)
class LeaseFromPollsEnd(_Leases):
    def _until(self, op: Receive) -> float:
        return self._now() + op.wait + op.lease


@broken("BLIND11-MS-03", "T3", "what is given back waits from its delivery on", MessagingContract)
class DelayFromDelivery(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._lent: dict[str, float] = {}

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        self._lent |= dict.fromkeys((one.receipt for one in found), self._now())
        return found

    async def nack(self, op: Nack, /) -> bool:
        gone = self._now() - self._lent.get(op.receipt, self._now())
        return await super().nack(replace(op, delay=max(0.0, op.delay - gone)))


@broken("BLIND11-MS-04", "T3", "who waited long lends for a second at most", MessagingContract)
class TiredLease(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        began = self._now()
        found = await super().receive(op)
        if found and self._now() - began > 0.5 * op.wait > 0:
            group = (await self._topic(op.topic)).groups[op.group]
            for entry in filter(None, (group.held(one.receipt) for one in found)):
                group.extend(entry, self._now() + min(1.0, op.lease / 2))
        return found


# When an id is known


class _Marks(MemoryMessaging):
    """Remembers ids in one request and stores the messages in the next."""

    def _early(self, op: Publish) -> bool:
        return op.dedupe

    async def publish(self, op: Publish, /) -> None:
        if not self._early(op):
            await super().publish(op)
            return
        new = await self._marked(op)
        topic = await self._topic(op.topic)
        now, stamp = self._now(), self._store.clock.wall()
        for one in new:
            if op.delay:
                topic.schedule(one, now + op.delay, now, stamp)
            else:
                topic.publish(one, now, stamp)
        self._store.tell()

    async def _marked(self, op: Publish) -> list[Outgoing]:
        topic = await self._topic(op.topic)
        now = self._now()
        new = []
        for one in op.messages:
            if not topic.knows(one.id, now):
                topic._ids[one.id] = now + topic.kept
                new.append(one)
        return new


@broken("BLIND11-MS-11", "T3", "an id is remembered before its message", MessagingContract)
class IdFirst(_Marks):
    def _early(self, op: Publish) -> bool:
        return op.dedupe and not op.delay


@broken("BLIND11-MS-12", "T3", "an id is remembered before what is scheduled", MessagingContract)
class IdFirstLater(_Marks):
    def _early(self, op: Publish) -> bool:
        return op.dedupe and bool(op.delay)


@broken("BLIND11-MS-13", "T3", "the ids of a batch are remembered before it", MessagingContract)
class IdsFirst(_Marks):
    def _early(self, op: Publish) -> bool:
        return op.dedupe and len(op.messages) > 1


@broken("BLIND11-MS-14", "T3", "a cancel leaves an id without its message", MessagingContract)
class IdFirstMended(_Marks):
    """What fails is cleaned up; who is cancelled has no time for it."""

    async def publish(self, op: Publish, /) -> None:
        before = set((await self._topic(op.topic))._ids)
        try:
            await super().publish(op)
        except UnavailableError:
            for one in op.messages:
                if one.id not in before:
                    self._store.rows(self._table)[op.topic]._ids.pop(one.id, None)
            raise


@broken("BLIND11-MS-15", "T3", "a client sends no id a second time", MessagingContract)
class SentIsSent(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._sent: set[tuple[str, str]] = set()

    async def publish(self, op: Publish, /) -> None:
        if op.dedupe:
            new = tuple(one for one in op.messages if (op.topic, one.id) not in self._sent)
            self._sent |= {(op.topic, one.id) for one in new}
            op = replace(op, messages=new)
        await super().publish(op)


@broken("BLIND11-MS-16", "T3", "an id is remembered after its message", MessagingContract)
class IdLast(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if not op.dedupe:
            await super().publish(op)
            return
        topic = await self._topic(op.topic)
        now = self._now()
        until = {one.id: topic._ids.get(one.id) for one in op.messages}
        await super().publish(op)
        new = [name for name, known in until.items() if known is None]
        noted = {name: topic._ids.pop(name) for name in new}
        await self._topic(op.topic)
        topic._ids |= {name: max(now, at) for name, at in noted.items()}


@broken("BLIND11-MS-17", "T3", "undeclared, an id is remembered before", MessagingContract)
class UndeclaredIdFirst(_Marks):
    """It has no word of ids, and yet takes none twice."""

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES - {MessagingFeature.DEDUPE}

    def _early(self, op: Publish) -> bool:
        return True


# What headers mean

Sends = Callable[[Publish], Coroutine[Any, Any, None]]


class _Reads(MemoryMessaging):
    """Publishes once more where a header says so."""

    to: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(self._kept, op.messages))))
        for one in op.messages:
            await self._copied(super().publish, one, op)

    def _kept(self, one: Outgoing) -> Outgoing:
        kept = {k: v for k, v in one.headers.items() if k not in self.off}
        return replace(one, headers=kept)

    async def _copied(self, send: Sends, one: Outgoing, op: Publish) -> None:
        for name in self.to:
            to = one.headers.get(name)
            if to in self._store.rows(self._table):
                await send(replace(op, topic=to, messages=(self._kept(one),)))


@broken("BLIND11-MS-21", "T4", "headers called CC and BCC route copies", MessagingContract)
class CarbonCopies(_Reads):
    to, off = ("CC", "BCC"), ("BCC",)


@broken("BLIND11-MS-22", "T4", "a header called Nats-Schedule-Target routes", MessagingContract)
class ScheduleTarget(_Reads):
    to = ("Nats-Schedule-Target",)


@broken("BLIND11-MS-23", "T4", "a header, destination, routes what is delayed", MessagingContract)
class Destination(_Reads):
    to = ("destination",)

    async def _copied(self, send: Sends, one: Outgoing, op: Publish) -> None:
        if op.delay:
            await super()._copied(send, one, op)


@broken("BLIND11-MS-24", "T4", "a redrive goes where x-original-topic says", MessagingContract)
class OriginalTopic(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        letters = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        count = await super().redrive(op)
        for one in letters:
            to = one.stored.headers.get("x-original-topic", "")
            if to in self._store.rows(self._table):
                kept = one.stored
                copy = Outgoing(f"{kept.id}-again", kept.payload, kept.key, kept.headers)
                await super().publish(Publish(to, (copy,)))
        return count


@broken("BLIND11-MS-25", "T1", "a payload is decoded as a header says", MessagingContract)
class DecodesTransfer(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(_decoded, op.messages))))


def _decoded(one: Outgoing) -> Outgoing:
    if one.headers.get("Content-Transfer-Encoding") == "base64":
        with suppress(binascii.Error):
            return replace(one, payload=b64decode(one.payload, validate=True))
    return one


@broken("BLIND11-MS-26", "T1", "a header called x-message-ttl ends a message", MessagingContract)
class LivesShort(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        kept = tuple(
            one for one in op.messages if one.headers.get("x-message-ttl") not in ("0", "1")
        )
        await super().publish(replace(op, messages=kept))


@broken("BLIND11-MS-27", "T4", "a line break in a header begins another", MessagingContract)
class HeadersByLines(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(_by_lines, op.messages))))


def _by_lines(one: Outgoing) -> Outgoing:
    text = "".join(f"{name}: {value}\r\n" for name, value in one.headers.items())
    pairs = (line.partition(": ") for line in text.split("\r\n") if line)
    return replace(one, headers={name: value for name, _, value in pairs})
