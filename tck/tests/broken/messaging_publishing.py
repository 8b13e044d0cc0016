"""messaging drivers that publish wrongly."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import Any

from broken.messaging_base import Rewriting, messaging
from omnicloud.contracts.messaging.driver import (
    Ack,
    Publish,
    Receive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    Delivery,
    MessagingLimits,
    Outgoing,
)
from omnicloud.errors import InternalError, PublishError, UnavailableError
from omnicloud.memory.messaging import MemoryMessaging


@messaging("PR01", "T0", "publish does nothing")
class PublishesNothing(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)


@messaging("PR02", "T0", "the key is dropped")
class NoKey(Rewriting):
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
class Utf8Only(Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, payload=message.payload.decode(errors="replace").encode())


@messaging("PR06", "T1", "an empty payload is not delivered")
class EmptyIsNothing(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        kept = tuple(one for one in op.messages if one.payload)
        await super().publish(replace(op, messages=kept))


@messaging("PR07", "T1", "payloads are cut at 64 KiB")
class Cut(Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, payload=message.payload[: 64 << 10])


@messaging("PR08", "T1", "header names are lower-cased")
class LowerHeaders(Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        return replace(message, headers={k.lower(): v for k, v in message.headers.items()})


@messaging("PR09", "T1", "header values lose what is not ASCII")
class AsciiHeaders(Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        plain = {k: v.encode("ascii", "ignore").decode() for k, v in message.headers.items()}
        return replace(message, headers=plain)


@messaging("PR10", "T1", "headers of earlier messages leak into later ones")
class LeakingHeaders(Rewriting):
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
class ShortIds(Rewriting):
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
