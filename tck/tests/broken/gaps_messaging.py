"""messaging drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Nack,
    Publish,
    Receive,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery, Outgoing
from omnicloud.errors import UnavailableError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.queue import GroupQueue
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.messaging import MessagingContract


def messaging(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, MessagingContract)


class _Sends(MemoryMessaging):
    """Changes messages on their way in."""

    def sent(self, message: Outgoing, op: Publish) -> Outgoing:
        return message

    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(self.sent(m, op) for m in op.messages)))


class _Gives(MemoryMessaging):
    """Changes deliveries."""

    def given(self, delivery: Delivery) -> Delivery:
        return delivery

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(map(self.given, await super().receive(op)))


@messaging("PR01", "T0", "publish takes a message and forgets it")
class Forgets(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)


@messaging("PR02", "T0", "key and headers are dropped")
class OnlyPayload(_Sends):
    def sent(self, message: Outgoing, op: Publish) -> Outgoing:
        return Outgoing(message.id, message.payload)


@messaging("PR09", "T1", "headers with an empty value are dropped")
class DropsEmpty(_Sends):
    def sent(self, message: Outgoing, op: Publish) -> Outgoing:
        return replace(message, headers={k: v for k, v in message.headers.items() if v})


@messaging("PR14", "T2", "publishes at once share a buffer: one payload goes out twice")
class SharesBuffer(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._buffer = b""

    async def publish(self, op: Publish, /) -> None:
        if len(op.messages) != 1:
            return await super().publish(op)
        self._buffer = op.messages[0].payload
        await asyncio.sleep(0)
        only = replace(op.messages[0], payload=self._buffer)
        return await super().publish(replace(op, messages=(only,)))


@messaging("PR15", "T2", "a cancelled publish leaves the lock of the connection held")
class KeepsLock(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._lock = asyncio.Lock()

    async def publish(self, op: Publish, /) -> None:
        await self._lock.acquire()
        try:
            await super().publish(op)
        except Exception:
            self._lock.release()
            raise
        self._lock.release()


@messaging("CO01", "T0", "nothing is ever delivered")
class DeliversNothing(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        await self._topic(op.topic)
        await self._store.clock.sleep(op.wait)
        return ()


@messaging("CO02", "T0", "an acknowledged message is delivered again")
class AcksNothing(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        return entry is not None


@messaging("CO03", "T0", "a message that is given back is gone")
class RetryDrops(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await self.ack(Ack(op.topic, op.group, op.receipt))


@messaging("CO05", "T1", "every delivery is attempt 1")
class AlwaysFirst(_Gives):
    def given(self, delivery: Delivery) -> Delivery:
        return replace(delivery, attempt=1)


@messaging("CO07", "T1", "a dead letter has lost its key")
class LetterWithoutKey(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return DeadPage(tuple(replace(one, key=None) for one in page.letters), page.cursor)


@messaging("CO09", "T1", "attempts are counted from 0")
class FromZero(_Gives):
    def given(self, delivery: Delivery) -> Delivery:
        return replace(delivery, attempt=delivery.attempt - 1)


@messaging("CO11", "T1", "a message that is delivered again has lost its headers")
class AgainWithoutHeaders(_Gives):
    def given(self, delivery: Delivery) -> Delivery:
        return delivery if delivery.attempt == 1 else replace(delivery, headers={})


@messaging("CO13", "T2", "messages of one key are lent at once")
class NoOrder(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        keys = self._store.rows("keys")
        keys.update((one.id, one.key) for one in op.messages)
        bare = tuple(replace(one, key=None) for one in op.messages)
        await super().publish(replace(op, messages=bare))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        keys = self._store.rows("keys")
        return tuple(replace(one, key=keys[one.id]) for one in await super().receive(op))

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        keys = self._store.rows("keys")
        return DeadPage(tuple(replace(o, key=keys[o.id]) for o in page.letters), page.cursor)


@messaging("CO21", "T3", "a lease is told to be prolonged, and is not")
class ExtendsNothing(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        return tuple(r for r in op.receipts if group is not None and group.held(r) is not None)


@messaging("XMS01", "T1", "subscribing again empties the group")
class SubscribesAnew(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        if op.group in topic.groups:
            topic.groups[op.group] = GroupQueue(op.group)
        else:
            topic.subscribe(op.group)


@messaging("XMS03", "T2", "a further member of a group is lent what another holds")
class Rebalances(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(op)
        group = (await self._topic(op.topic)).groups[op.group]
        for entry in list(group.entries.values()):
            if entry.receipt and group.held(entry.receipt):
                group.put_back(entry, None, counted=True)


@messaging("XMS06", "T3", "what is given back unhandled counts as an attempt")
class ShutdownCounts(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, count=True))


@messaging("XMS07", "T3", "settling during an outage answers as if it were done")
class CalmAck(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        try:
            return await super().ack(op)
        except UnavailableError:
            return True


@messaging("XMS10", "T1", "a redriven message goes on counting its old attempts")
class RedriveCounts(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        old = {one.stored.id: one.attempts for one in topic.dead(op.group)}
        count = await super().redrive(op)
        for group in topic.groups.values():
            for entry in group.entries.values():
                entry.attempt = entry.attempt or old.get(entry.stored.id, 0)
        return count


@messaging("XMS11", "T2", "a dead letter of one group is taken from the others")
class DeadForAll(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        found, entry = await self._held(op.topic, op.group, op.receipt)
        done = await super().kill(op)
        if done and entry is not None:
            for group in (await self._topic(op.topic)).groups.values():
                other = group.entries.get(entry.stored.number)
                if other is not None and group is not found:
                    group.remove(other)
        return done


@messaging("XMS13", "T1", "an id that is known in one topic is refused in another")
class DedupesEverywhere(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.dedupe:
            seen = self._store.rows("ids")
            fresh = tuple(one for one in op.messages if seen.get(one.id, op.topic) == op.topic)
            seen.update((one.id, op.topic) for one in fresh)
            op = replace(op, messages=fresh)
        await super().publish(op)


class _Delays(MemoryMessaging):
    """Delays otherwise than it is asked."""

    def delay(self, asked: float) -> float:
        return asked

    async def publish(self, op: Publish, /) -> None:
        await super().publish(op if op.delay is None else replace(op, delay=self.delay(op.delay)))


@messaging("DE08", "T1", "a delay in seconds is taken for milliseconds")
class Milliseconds(_Delays):
    def delay(self, asked: float) -> float:
        return asked / 1000


@messaging("DE09", "T1", "delays over 15 minutes are cut to 15 minutes")
class QuarterHour(_Delays):
    def delay(self, asked: float) -> float:
        return min(asked, 900.0)


@messaging("DE10", "T1", "delayed messages lose their key")
class DelayedWithoutKey(_Sends):
    def sent(self, message: Outgoing, op: Publish) -> Outgoing:
        return message if op.delay is None else replace(message, key=None)


@messaging("DE11", "T1", "a longer delay that was published first holds up a shorter one")
class HeadOfLine(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        last = self._store.rows("due")
        if op.delay:
            due = max(self._now() + op.delay, last.get(op.topic, 0.0))
            last[op.topic] = due
            op = replace(op, delay=due - self._now())
        await super().publish(op)


@messaging("DE13", "T2", "a delayed message reaches only one of the groups")
class OneGroup(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        taken = self._store.rows("taken")
        late, kept = self._store.rows("late"), []
        for one in await super().receive(op):
            if one.id in late and taken.setdefault(one.id, op.group) != op.group:
                await self.ack(Ack(op.topic, op.group, one.receipt))
            else:
                kept.append(one)
        return tuple(kept)

    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            self._store.rows("late").update((one.id, True) for one in op.messages)
        await super().publish(op)


@messaging("DE14", "T3", "delayed messages are lost when the client that published them closes")
class DiesWithClient(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._mine: list[tuple[str, str]] = []

    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        if op.delay:
            self._mine.extend((op.topic, one.id) for one in op.messages)

    async def aclose(self) -> None:
        for topic, message in self._mine:
            (await self._topic(topic)).cancel(message)
        self._mine.clear()


@messaging("DE16", "T4", "a scheduled message is cancelled by its id, whose tenant's it may be")
class CancelsForAll(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        topics = list(self._store.rows(self._table))
        return any([await super(CancelsForAll, self).cancel(Cancel(t, op.id)) for t in topics])
