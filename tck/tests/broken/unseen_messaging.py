"""messaging drivers, wrong in ways that no law was written for: names, batches and leases."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
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
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.messaging import MemoryMessaging, _letter
from omnicloud.memory.queue import Entry
from omnicloud_tck.messaging import MessagingContract


def messaging(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, MessagingContract)


class _Sends(MemoryMessaging):
    """Publishes something else than it is given."""

    def sent(self, message: Outgoing) -> Outgoing:
        return message

    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(self.sent, op.messages))))


@messaging("U-MS-01", "T0", "redrive answers how many and moves none")
class RedrivesNone(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        return len([one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids])


@messaging("U-MS-02", "T1", "subscribing again drops what the group had before it")
class SubscribeAnew(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            topic.subscribe(op.group)
            return
        for entry in list(group.entries.values()):
            if not entry.receipt and entry.attempt == 0:
                group.remove(entry)


@messaging("U-MS-03", "T1", "a batch with one id that is known is dropped whole")
class BatchKnown(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        if op.dedupe and any(topic.knows(one.id, self._now()) for one in op.messages):
            return
        await super().publish(op)


@messaging("U-MS-04", "T1", "an id twice in one batch is delivered twice")
class BatchTwice(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        now, stamp = self._now(), self._store.clock.wall()
        fresh = [one for one in op.messages if not topic.knows(one.id, now)]
        for message in fresh:
            if op.delay:
                topic.schedule(message, now + op.delay, now, stamp)
            else:
                topic.publish(message, now, stamp)
        self._store.tell()


@messaging("U-MS-05", "T1", "header values lose the blanks around them")
class TrimmedHeaders(_Sends):
    def sent(self, message: Outgoing) -> Outgoing:
        return replace(message, headers={k: v.strip() for k, v in message.headers.items()})


@messaging("U-MS-06", "T1", "headers with an empty value are dropped")
class NoEmptyHeaders(_Sends):
    def sent(self, message: Outgoing) -> Outgoing:
        return replace(message, headers={k: v for k, v in message.headers.items() if v})


@messaging("U-MS-07", "T1", "keys arrive in composed form")
class ComposedKeys(_Sends):
    def sent(self, message: Outgoing) -> Outgoing:
        key = message.key
        return replace(message, key=key and unicodedata.normalize("NFC", key))


@messaging("U-MS-08", "T1", "topics that differ in case only are one")
class CaselessTopics(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        return await super()._topic(name.lower())


@messaging("U-MS-09", "T1", "group names that differ in trailing blanks only are one")
class PaddedGroups(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(replace(op, group=op.group.rstrip() or op.group))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, group=op.group.rstrip() or op.group))

    async def _held(self, topic: str, group: str, receipt: str) -> Any:
        return await super()._held(topic, group.rstrip() or group, receipt)


@messaging("U-MS-10", "T1", "dead letters are kept under topic:group, joined by a colon")
class JoinedDead(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        if op.group is None:
            return await super().dead_letters(op)
        await self._store.reading()
        place = f"{op.topic}:{op.group}"
        letters = [
            letter
            for name, topic in self._store.rows(self._table).items()
            for group in topic.groups
            if f"{name}:{group}" == place
            for letter in topic.dead(group)
        ]
        return DeadPage(tuple(map(_letter, letters)), None)


@messaging("U-MS-11", "T1", "a payload of exactly the limit is refused")
class LimitItself(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if any(len(one.payload) >= self.limits.payload_max_bytes for one in op.messages):
            raise InvalidArgumentError("too large: payload_max_bytes")
        await super().publish(op)


@messaging("U-MS-12", "T1", "the first dead letter of each page but the first is left out")
class PageEdge(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return DeadPage(page.letters[1:] if op.cursor else page.letters, page.cursor)


@messaging("U-MS-13", "T2", "a cursor of dead letters counts them, so a redrive skips one")
class OffsetCursor(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        start = int(op.cursor or 0)
        letters = (await self._topic(op.topic)).dead(op.group)
        page = letters[start : start + op.limit]
        more = len(letters) > start + op.limit
        return DeadPage(tuple(map(_letter, page)), str(start + op.limit) if more else None)


@messaging("U-MS-14", "T1", "a lease is extended from its end, not from now")
class ExtendsEnd(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            return ()
        held = [entry for entry in map(group.held, op.receipts) if entry is not None]
        for entry in held:
            number, turn = entry.stored.number, entry.turn
            end = max(at for at, n, t in group._timers if (n, t) == (number, turn))
            group.extend(entry, max(end, self._now() + op.lease))
        return tuple(entry.receipt for entry in held)


@messaging("U-MS-15", "T1", "one receipt that is not good spoils the extension of the others")
class ExtendsAllOrNone(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None or any(group.held(one) is None for one in op.receipts):
            return ()
        return await super().extend(op)


@messaging("U-MS-16", "T1", "giving back uncounted forgets the delay")
class UncountedAtOnce(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(op if op.count else replace(op, delay=0.0))


@messaging("U-MS-17", "T2", "what comes back because its lease ended goes behind its key")
class LeaseEndsAtTail(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        topic = await super()._topic(name)
        for group in topic.groups.values():
            for entry in list(group.entries.values()):
                if entry.attempt and not entry.receipt and entry.state.name == "READY":
                    self._to_tail(topic, group, entry)
        return topic

    def _to_tail(self, topic: Any, group: Any, entry: Entry) -> None:
        group.remove(entry)
        stored = replace(entry.stored, number=topic.number())
        group.add(stored)
        group.entries[stored.number].attempt = entry.attempt

    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, delay=max(op.delay, 0.000001)))


@messaging("U-MS-18", "T2", "a delivery whose lease ended was no attempt")
class LeaseEndUncounted(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        topics = self._store.rows(self._table)
        await self._store.reading()
        before = topics.get(name)
        lent = [
            entry
            for group in (before.groups.values() if before else ())
            for entry in group.entries.values()
            if entry.state.name == "LENT"
        ]
        topic = await super()._topic(name)
        for entry in lent:
            if entry.state.name == "READY":
                entry.attempt -= 1
        return topic


@messaging("U-MS-19", "T2", "an old receipt kills the delivery of another consumer")
class KillsOthers(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        number = op.receipt.partition("-")[0]
        entry = group.entries.get(int(number)) if group and number.isdigit() else None
        receipt = entry.receipt if entry is not None and entry.receipt else op.receipt
        return await super().kill(replace(op, receipt=receipt))
