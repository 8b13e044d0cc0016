"""messaging drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

from broken.registry import broken
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
from omnicloud.core.operation import Feature
from omnicloud.errors import InternalError, PublishError, UnavailableError
from omnicloud.memory.messaging import FEATURES, MemoryMessaging
from omnicloud_tck.messaging import MessagingContract


def messaging(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, MessagingContract)


class _Rewriting(MemoryMessaging):
    """Publishes another message than it is given."""

    def rewritten(self, message: Outgoing) -> Outgoing:
        return message

    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(self.rewritten, op.messages))))


class _Redelivering(MemoryMessaging):
    """Delivers another message than was published."""

    def rewritten(self, one: Delivery) -> Delivery:
        return one

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(map(self.rewritten, await super().receive(op)))


class _Durable(MemoryMessaging):
    """Says that it is durable, which the memory world's restart makes true of the store."""

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES | {MessagingFeature.DURABLE}


# Publishing


@messaging("PR01", "T0", "publish does nothing")
class PublishesNothing(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)


@messaging("PR02", "T0", "the key is dropped")
class NoKey(_Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, key=None)


@messaging("PR03", "T0", "a broker out of reach is a raw OSError")
class RawError(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        try:
            await super().publish(op)
        except UnavailableError:
            raise ConnectionRefusedError(111, "refused") from None


@messaging("PR04", "T0", "publish to a broker out of reach succeeds")
class SilentOutage(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if not self._store.down:
            await super().publish(op)


@messaging("PR05", "T1", "payloads that are not UTF-8 are replaced")
class Utf8Only(_Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, payload=message.payload.decode(errors="replace").encode())


@messaging("PR06", "T1", "an empty payload is not delivered")
class EmptyIsNothing(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        kept = tuple(one for one in op.messages if one.payload)
        await super().publish(replace(op, messages=kept))


@messaging("PR07", "T1", "payloads are cut at 64 KiB")
class Cut(_Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, payload=message.payload[: 64 << 10])


@messaging("PR08", "T1", "header names are lower-cased")
class LowerHeaders(_Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, headers={k.lower(): v for k, v in message.headers.items()})


@messaging("PR09", "T1", "header values lose what is not ASCII")
class AsciiHeaders(_Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        plain = {k: v.encode("ascii", "ignore").decode() for k, v in message.headers.items()}
        return replace(message, headers=plain)


@messaging("PR10", "T1", "headers of earlier messages leak into later ones")
class LeakingHeaders(_Rewriting):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._all: dict[str, str] = {}

    def rewritten(self, message: Outgoing) -> Outgoing:
        self._all.update(message.headers)
        return replace(message, headers=dict(self._all))


@messaging("PR11", "T1", "identical payloads are taken for one")
class DedupesPayloads(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._payloads: set[bytes] = set()

    async def publish(self, op: Publish, /) -> None:
        new = tuple(one for one in op.messages if one.payload not in self._payloads)
        self._payloads.update(one.payload for one in op.messages)
        await super().publish(replace(op, messages=new))


@messaging("PR12", "T2", "every message is published twice")
class Twice(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        again = tuple(replace(one, id=f"{one.id}'") for one in op.messages)
        await super().publish(replace(op, messages=again))


@messaging("PR13", "T2", "messages published close together arrive in reverse order")
class ReversedBatch(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._batches: dict[str, list[Publish]] = defaultdict(list)

    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)
        batch = self._batches[op.topic]
        batch.append(op)
        if len(batch) == 1:
            asyncio.get_running_loop().call_later(0.01, self._flush, op.topic)

    def _flush(self, topic: str) -> None:
        for op in reversed(self._batches.pop(topic, [])):
            task = asyncio.ensure_future(super().publish(op))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())


@messaging("PR16", "T3", "a broker that goes away after the connection: publish says yes and loses")
class LosesAfterConnect(MemoryMessaging):
    _connected = False

    async def publish(self, op: Publish, /) -> None:
        if self._connected and self._store.down:
            return
        await super().publish(op)
        self._connected = True


@messaging("PR17", "T3", "after one failed publish the client stays broken")
class NeverReconnects(MemoryMessaging):
    _broken = False

    async def publish(self, op: Publish, /) -> None:
        try:
            if self._broken:
                raise UnavailableError("the connection is gone")
            await super().publish(op)
        except UnavailableError:
            self._broken = True
            raise


@messaging("PR18", "T3", "every 20th publish raises although the message is delivered")
class FalseAlarm(MemoryMessaging):
    _count = 0

    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        self._count += 1
        if self._count % 20 == 0:
            raise PublishError("no acknowledgement")


@messaging("PR19", "T2", "more than 8 concurrent publishes: the excess is dropped")
class DropsExcess(MemoryMessaging):
    _inside = 0

    async def publish(self, op: Publish, /) -> None:
        if self._inside >= 8:
            return
        self._inside += 1
        try:
            await asyncio.sleep(0.001)
            await super().publish(op)
        finally:
            self._inside -= 1


@messaging("PR20", "T1", "ids are cut to 8 characters")
class ShortIds(_Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, id=message.id[:8])


@messaging("PR21", "T3", "every 50th message is lost")
class LosesSome(MemoryMessaging):
    _count = 0

    async def publish(self, op: Publish, /) -> None:
        self._count += 1
        if self._count % 50:
            await super().publish(op)


@messaging("PR22", "T1", "topics are folded to lower case")
class TopicsFold(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, topic=op.topic.lower()))

    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(replace(op, topic=op.topic.lower()))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, topic=op.topic.lower()))

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(replace(op, topic=op.topic.lower()))


@messaging("PR23", "T1", "it says a limit that it does not keep")
class FalseLimit(MemoryMessaging):
    @property
    def limits(self) -> MessagingLimits:
        return MessagingLimits(payload_max_bytes=1 << 20, retention_seconds=60, dedupe_seconds=60)

    async def publish(self, op: Publish, /) -> None:
        if any(len(one.payload) > 256 << 10 for one in op.messages):
            raise InternalError("message too large")
        await super().publish(op)


@messaging("PR24", "T1", "a batch is published in reverse")
class BatchBackwards(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=op.messages[::-1]))


@messaging("PR25", "T2", "a batch gives every message the headers of the last")
class BatchHeaders(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        last = op.messages[-1].headers
        await super().publish(
            replace(op, messages=tuple(replace(one, headers=last) for one in op.messages))
        )


@messaging("PR26", "T1", "a batch over its limit is taken in part before it is refused")
class BatchInPart(MemoryMessaging):
    @property
    def limits(self) -> Any:
        driver, true = self, super().limits

        class Lax(MessagingLimits):
            """Writes what fits while it is being asked."""

            def check_stored_name(self, stored: str, what: str) -> None:
                topics = driver._store.rows(driver._table)
                if what == "topic" and stored == "none" and stored in topics:
                    first = Outgoing("part", b"part")
                    topics[stored].publish(first, driver._now(), 0.0)

        return Lax(
            payload_max_bytes=true.payload_max_bytes,
            batch_max_items=true.batch_max_items,
            retention_seconds=true.retention_seconds,
            dedupe_seconds=true.dedupe_seconds,
        )


# Consuming


@messaging("CO01", "T0", "nothing is ever delivered")
class DeliversNothing(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        await asyncio.sleep(max(op.wait, 0.01))
        return ()


@messaging("CO02", "T0", "acknowledged messages come again")
class AckDoesNothing(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        return await super().nack(Nack(op.topic, op.group, op.receipt))


@messaging("CO03", "T0", "RETRY acknowledges")
class RetryAcknowledges(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().ack(Ack(op.topic, op.group, op.receipt))


@messaging("CO04", "T1", "a message that would be a dead letter is dropped")
class DropsTheDead(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        return await super().ack(Ack(op.topic, op.group, op.receipt))


@messaging("CO06", "T1", "dead letters lose their headers")
class DeadWithoutHeaders(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return replace(page, letters=tuple(replace(one, headers={}) for one in page.letters))


@messaging("CO07", "T1", "dead letters lose their key")
class DeadWithoutKey(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return replace(page, letters=tuple(replace(one, key=None) for one in page.letters))


@messaging("CO08", "T1", "a key of None arrives as text")
class NoneAsText(_Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        return replace(one, key=str(one.key))


@messaging("CO09", "T1", "the attempt is always 1, so retries never end")
class AlwaysFirst(_Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        return replace(one, attempt=1)


@messaging("CO10", "T1", "FAIL is tried again before it is a dead letter")
class FailRetries(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._failed: dict[str, int] = defaultdict(int)

    async def kill(self, op: Kill, /) -> bool:
        number = op.receipt.partition("-")[0]
        self._failed[number] += 1
        if self._failed[number] < 3:
            return await super().nack(Nack(op.topic, op.group, op.receipt))
        return await super().kill(op)


@messaging("CO12", "T2", "RETRY puts a message behind the later ones of its key")
class RetryToTheTail(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None or not op.count:
            return await super().nack(op)
        topic = self._store.rows(self._table)[op.topic]
        group.remove(entry)
        moved = replace(entry.stored, number=topic.number())
        group.add(moved)
        group.entries[moved.number].attempt = entry.attempt
        self._store.tell()
        return True


@messaging("CO14", "T2", "each message is delivered twice without a failure")
class DeliveredTwice(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._once: set[str] = set()

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        again = [one for one in found if one.id not in self._once]
        self._once.update(one.id for one in found)
        return (*found, *again)[: max(op.most, len(found))] if op.most > 1 else found


@messaging("CO15", "T2", "a second delivery and the dead letter have other headers than the first")
class SecondHeaders(_Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        return replace(one, headers={"retried": "yes"}) if one.attempt > 1 else one


@messaging("CO16", "T2", "consumers of one group all get every message")
class Broadcast(MemoryMessaging):
    _numbers = itertools.count()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._me = f"-{next(self._numbers)}"

    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(replace(op, group=op.group + self._me))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        await self.subscribe(Subscribe(op.topic, op.group))
        return await super().receive(replace(op, group=op.group + self._me))

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(replace(op, group=op.group + self._me))

    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, group=op.group + self._me))


@messaging("CO17", "T3", "what failed is acknowledged when its handler raised")
class RaisedIsDone(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.delay > 0:
            return await super().ack(Ack(op.topic, op.group, op.receipt))
        return await super().nack(op)


@messaging("CO18", "T3", "after a failed message nothing more is delivered")
class DiesOfFailure(MemoryMessaging):
    _dead = False

    async def nack(self, op: Nack, /) -> bool:
        self._dead = self._dead or op.count
        return await super().nack(op)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if self._dead:
            await asyncio.sleep(max(op.wait, 0.01))
            return ()
        return await super().receive(op)


@messaging("CO19", "T3", "a message is acknowledged when it is received")
class AutoAck(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        for one in found:
            await super().ack(Ack(op.topic, op.group, one.receipt))
        return found

    async def ack(self, op: Ack, /) -> bool:
        return True


@messaging("CO20", "T3", "the consumer stops after 100 messages")
class StopsAtHundred(MemoryMessaging):
    _count = 0

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if self._count >= 100:
            await asyncio.sleep(max(op.wait, 0.01))
            return ()
        found = await super().receive(op)
        self._count += len(found)
        return found


@messaging("CO22", "T3", "the whole topic is pulled into the client")
class Hoards(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, most=1_000_000))


@messaging("CO23", "T3", "a cancelled receive goes on")
class CannotBeCancelled(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        obeys = self._now() + 15.0  # or the trial itself would never end
        while True:
            try:
                return await super().receive(op)
            except asyncio.CancelledError:
                if self._now() >= obeys:
                    raise


@messaging("CO24", "T3", "a lease never ends: what a dead consumer held is lost")
class LeaseForEver(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, lease=1e9))


@messaging("CO25", "T3", "leases are never extended")
class NoExtension(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        await self._topic(op.topic)
        return op.receipts


@messaging("CO26", "T3", "an old receipt settles the new delivery")
class AnyReceipt(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        number = int(op.receipt.partition("-")[0])
        group = (await self._topic(op.topic)).groups[op.group]
        entry = group.entries.get(number)
        if entry is None:
            return False
        group.remove(entry)
        return True


@messaging("CO27", "T1", "a refused receipt is answered with yes")
class YesToAll(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        await super().ack(op)
        return True


@messaging("CO28", "T1", "the delay of a retry is ignored")
class RetryAtOnce(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, delay=0.0))


@messaging("CO29", "T1", "what is given back counts as an attempt")
class AlwaysCounts(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, count=True))


@messaging("CO30", "T2", "a waiting receiver is not woken")
class NotWoken(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(replace(op, wait=0.0))
        if not found and op.wait:
            await asyncio.sleep(op.wait)
            found = await super().receive(replace(op, wait=0.0))
        return found


@messaging("CO31", "T2", "a receiver waits for ever")
class WaitsForEver(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, wait=1e6))


@messaging("CO32", "T3", "messages that a cancelled receiver was about to get are lost")
class CancelledTakes(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        try:
            return await super().receive(op)
        except asyncio.CancelledError:
            task = asyncio.ensure_future(super().receive(replace(op, lease=1e6, wait=5.0)))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise


@messaging("CO33", "T2", "order per key holds only while nothing fails")
class NoLanes(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        keyless = tuple(
            replace(one, key=None, headers={**one.headers, "\0k": one.key}) if one.key else one
            for one in op.messages
        )
        await super().publish(replace(op, messages=keyless))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(self._named(one) for one in await super().receive(op))

    @staticmethod
    def _named(one: Delivery) -> Delivery:
        headers = dict(one.headers)
        key = headers.pop("\0k", None)
        return replace(one, key=key, headers=headers)


@messaging("CO34", "T1", "depth counts nothing")
class NoDepth(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        await self._topic(op.topic)
        return Depth(0, 0, 0, 0, 0)


@messaging("CO35", "T3", "a group forgets what it had when it subscribes again")
class SubscribeResets(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        topic.groups.pop(op.group, None)
        topic._log.clear()
        topic.subscribe(op.group)


# Groups, dead letters, faults


@messaging("XMS01", "T2", "a group gets only what is published while it receives")
class OnlyWhileListening(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._table = ("messaging", "listening", *args[1:])

    async def publish(self, op: Publish, /) -> None:
        listening = self._store.rows("listening")
        await self._topic(op.topic)
        if listening.get(op.topic, 0):
            await super().publish(op)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        listening = self._store.rows("listening")
        listening[op.topic] = listening.get(op.topic, 0) + 1
        try:
            return await super().receive(op)
        finally:
            listening[op.topic] -= 1


@messaging("XMS02", "T2", "a second group gets nothing: groups share")
class GroupsShare(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(replace(op, group="all"))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, group="all"))

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(replace(op, group="all"))


@messaging("XMS03", "T1", "a new group gets nothing of what is retained")
class NewGroupsStartEmpty(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        if op.group not in topic.groups:
            topic.subscribe(op.group)
            for entry in list(topic.groups[op.group].entries.values()):
                topic.groups[op.group].remove(entry)


@messaging("XMS04", "T2", "a slow key blocks every other")
class HeadOfLine(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is not None and group.counts()[1]:
            await asyncio.sleep(min(op.wait, 0.05))
            return ()
        return await super().receive(replace(op, most=1))


@messaging("XMS05", "T3", "what is given back at shutdown becomes a dead letter")
class ShutdownKills(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if not op.count:
            return await super().kill(Kill(op.topic, op.group, op.receipt, "shutdown"))
        return await super().nack(op)


@messaging("XMS08", "T3", "after an outage a consumer gets nothing and hears no error")
class DeafAfterOutage(MemoryMessaging):
    _deaf = False

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        if self._deaf or self._store.down:
            self._deaf = True
            await asyncio.sleep(max(op.wait, 0.01))
            return ()
        waiting = asyncio.ensure_future(super().receive(op))
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=0.1)
                self._deaf = self._deaf or self._store.down
                if self._deaf:
                    return await self.receive(op)
            return waiting.result()
        finally:
            waiting.cancel()


@messaging("XMS09", "T3", "the offset is committed before the handler has succeeded")
class CommitsEarly(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        for receipt in op.receipts:
            await super().ack(Ack(op.topic, op.group, receipt))
        return op.receipts

    async def nack(self, op: Nack, /) -> bool:
        await self._topic(op.topic)
        return False


@messaging("XMS12", "T1", "a dead letter has no reason and no attempts")
class DeadWithoutReason(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        bare = tuple(replace(one, reason="", attempts=0) for one in page.letters)
        return replace(page, letters=bare)


@messaging("XMS13", "T1", "a dead letter does not know its group")
class DeadWithoutGroup(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(replace(op, group=None))
        return replace(page, letters=tuple(replace(one, group="") for one in page.letters))


@messaging("XMS14", "T2", "a batch is flushed only when it is full")
class FlushedWhenFull(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._buffer: list[Outgoing] = []

    async def publish(self, op: Publish, /) -> None:
        self._buffer += op.messages
        while len(self._buffer) >= 10:
            batch, self._buffer = tuple(self._buffer[:10]), self._buffer[10:]
            await super().publish(replace(op, messages=batch))


@messaging("XMS15", "T1", "only the first 100 dead letters are listed")
class FirstHundredDead(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return replace(await super().dead_letters(op), cursor=None)


@messaging("XMS16", "T2", "redriving leaves the dead letters where they are")
class RedriveCopies(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        letters = topic.dead(op.group)
        count = await super().redrive(op)
        for letter in letters:
            topic.groups[letter.group].dead[letter.number] = letter
        return count


@messaging("XMS17", "T2", "redriven messages go to every group")
class RedrivePublishes(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        letters = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for letter in letters:
            del topic.groups[letter.group].dead[letter.number]
            stored = letter.stored
            again = Outgoing(stored.id, stored.payload, stored.key, stored.headers)
            topic.publish(again, self._now(), 0.0)
        self._store.tell()
        return len(letters)


@messaging("XMS18", "T3", "acknowledged messages are written later, and lost in a crash")
class WritesLater(_Durable):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._unwritten: list[Publish] = []

    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)
        self._unwritten.append(op)
        asyncio.get_running_loop().call_later(0.05, self._write)

    def _write(self) -> None:
        ops, self._unwritten = self._unwritten, []
        if self._store.rows("epoch").setdefault(id(self), True):
            for op in ops:
                task = asyncio.ensure_future(super().publish(op))
                task.add_done_callback(lambda done: done.cancelled() or done.exception())


@messaging("XMS19", "T3", "what was lent when the broker died stays lent for ever")
class LentForEver(_Durable):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        lease = op.lease if op.lease > 2 else 1e9
        return await super().receive(replace(op, lease=lease))


@messaging("XMS20", "T2", "a known id is delivered again from another client")
class DedupesPerClient(MemoryMessaging):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._mine: set[tuple[str, str]] = set()

    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        for one in op.messages:
            if (op.topic, one.id) not in self._mine:
                topic._ids.pop(one.id, None)
            self._mine.add((op.topic, one.id))
        await super().publish(op)


@messaging("XMS21", "T1", "replay ignores since")
class ReplaysAll(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        return await super().replay(replace(op, since=0.0))


@messaging("XMS22", "T1", "replay does nothing")
class ReplaysNothing(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        await self._topic(op.topic)
        return 0


@messaging("XMS23", "T2", "handing out skips messages under a load of many clients")
class SkipsUnderLoad(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        if len(found) >= 3:
            await super().ack(Ack(op.topic, op.group, found[1].receipt))
            return found[:1] + found[2:]
        return found


# Delays


@messaging("DE01", "T0", "delays are ignored")
class NoDelay(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=None))


@messaging("DE02", "T0", "delayed messages are never delivered")
class NeverDelayed(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=1e9) if op.delay else op)


@messaging("DE03", "T0", "delayed messages lose their headers")
class DelayedWithoutHeaders(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        bare = tuple(replace(one, headers={}) for one in op.messages)
        await super().publish(replace(op, messages=bare) if op.delay else op)


@messaging("DE04", "T1", "every delay is 2 s")
class AlwaysTwo(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=2.0) if op.delay else op)


@messaging("DE05", "T1", "delays are cut to whole seconds")
class WholeSeconds(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=float(int(op.delay))) if op.delay else op)


@messaging("DE06", "T1", "delivery is up to 0.9 s late")
class Late(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=op.delay + 0.9) if op.delay else op)


@messaging("DE07", "T1", "a delay of 0 is never delivered")
class ZeroIsNever(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=1e9) if op.delay == 0 else op)


@messaging("DE08", "T1", "delays are at most 15 minutes")
class FifteenMinutes(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)
        if op.delay and op.delay > 900:
            return
        await super().publish(op)


@messaging("DE12", "T2", "two pending messages with one payload are one")
class DelayedCollapse(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            payload = op.messages[0].payload
            scheduled = (await self._topic(op.topic))._scheduled
            if any(one[2].payload == payload for one in scheduled):
                return
        await super().publish(op)


@messaging("DE13", "T2", "delayed messages come in the order of publishing")
class DelaysInOrder(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            scheduled = (await self._topic(op.topic))._scheduled
            last = max((one[0] for one in scheduled), default=0.0) - self._now()
            op = replace(op, delay=max(op.delay, last + 0.001))
        await super().publish(op)


@messaging("DE14", "T1", "cancel says yes and does nothing")
class CancelsNothing(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        topic = await self._topic(op.topic)
        return topic._cancellable.pop(op.id, None) is not None


@messaging("DE15", "T3", "due times follow the wall clock")
class WallDelays(MemoryMessaging):
    def _now(self) -> float:
        return self._store.clock.wall()


@messaging("XDM02", "T3", "scheduled messages are forgotten in a crash")
class ForgetsSchedule(_Durable):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(op)
        known = self._store.rows("owners")
        owner = known.setdefault(op.topic, id(self))
        if owner != id(self):
            (await self._topic(op.topic))._scheduled.clear()


@messaging("CO36", "T2", "every call blocks the event loop for 20 ms")
class Blocks(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        time.sleep(0.02)
        return await super().subscribe(op)


@messaging("CO37", "T3", "leaks one task per call")
class LeaksTasks(MemoryMessaging):
    leaked: list[asyncio.Task[None]] = []

    async def subscribe(self, op: Subscribe, /) -> None:
        self.leaked.append(asyncio.ensure_future(asyncio.sleep(1e6)))
        return await super().subscribe(op)

    async def aclose(self) -> None:
        while self.leaked:
            self.leaked.pop().cancel()
