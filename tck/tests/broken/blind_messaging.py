"""messaging drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause, rootless
from omnicloud.contracts.messaging.driver import (
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery
from omnicloud.errors import UnavailableError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.queue import Dead, _State
from omnicloud_tck.messaging import MessagingContract


def messaging(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-ME-{number:02}", tier, summary, MessagingContract)


@messaging(1, "T0", "what is given back is forgotten")
class ForgetsNacked(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.remove(entry)
        return True


@messaging(2, "T0", "redrive copies: the dead letter stays as well")
class RedrivesCopies(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for letter in chosen:
            stored = replace(letter.stored, number=topic.number())
            topic.groups[letter.group].add(stored)
        self._store.tell()
        return len(chosen)


@messaging(3, "T1", "a message that is redriven goes on counting its attempts")
class RedrivesCounted(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        died = {(one.group, one.stored.id): one.attempts for one in topic.dead(op.group)}
        count = await super().redrive(op)
        for group in topic.groups.values():
            for entry in group.entries.values():
                if entry.attempt == 0 and (group.name, entry.stored.id) in died:
                    entry.attempt = died[group.name, entry.stored.id]
        return count


@messaging(4, "T1", "redrive takes the first hundred dead letters, and says so")
class RedrivesHundred(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        topic.redrive(chosen[:100])
        self._store.tell()
        return len(chosen[:100])


@messaging(5, "T1", "headers without a value are left out")
class DropsEmptyHeaders(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        kept = tuple(
            replace(one, headers={k: v for k, v in one.headers.items() if v}) for one in op.messages
        )
        await super().publish(replace(op, messages=kept))


@messaging(6, "T1", "of several messages of one key in a batch only the last is kept")
class CompactsBatches(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        last = {one.key: one.id for one in op.messages if one.key is not None}
        kept = tuple(one for one in op.messages if one.key is None or last[one.key] == one.id)
        await super().publish(replace(op, messages=kept))


@messaging(7, "T1", "replay leaves out what was published at the very moment that is given")
class ReplaysAfter(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        return await super().replay(replace(op, since=math.nextafter(op.since, math.inf)))


@messaging(8, "T2", "one receive lends several messages of one key at once")
class LendsRuns(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        lent = list(await super().receive(op))
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            return tuple(lent)
        for first in tuple(lent):
            lane = group._lanes.get(first.key or "", [])
            if first.key is None or len(lent) >= op.most or not lane:
                continue
            entry = group.entries[lane[0]]
            if entry.state is not _State.READY:
                continue
            entry.attempt += 1
            entry.receipt = f"{entry.stored.number}-run{entry.attempt}"
            group._change(entry, _State.LENT, self._now() + op.lease)
            stored = entry.stored
            lent.append(
                Delivery(
                    stored.id,
                    stored.payload,
                    stored.key,
                    stored.headers,
                    stored.published_at,
                    entry.attempt,
                    entry.receipt,
                )
            )
        return tuple(lent)


@messaging(9, "T2", "an old receipt extends the lease that another consumer has now")
class ExtendsAnothers(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            return ()
        good = []
        for receipt in op.receipts:
            entry = group.entries.get(int(receipt.partition("-")[0]))
            if entry is not None and entry.state is _State.LENT:
                group.extend(entry, self._now() + op.lease)
                good.append(receipt)
        return tuple(good)


@messaging(10, "T2", "a second client that subscribes sets the group back to the beginning")
class SubscribesAnew(MemoryMessaging):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._known: set[tuple[str, str]] = set()

    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        there = op.group in topic.groups
        topic.subscribe(op.group)
        if there and (op.topic, op.group) not in self._known:
            topic.replay(op.group, 0.0)
            self._store.tell()
        self._known.add((op.topic, op.group))


@messaging(11, "T2", "cancel looks, awaits, and says yes to both who ask at once")
class CancelsTwice(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        there = op.id in (await self._topic(op.topic))._cancellable
        await pause()
        await super().cancel(op)
        return there


@messaging(12, "T2", "an id is looked up, awaited for, and published: twice at once is twice")
class DedupesLate(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic, now = await self._topic(op.topic), self._now()
        fresh = {one.id: one for one in op.messages if not topic.knows(one.id, now)}
        await pause()
        topic, now, stamp = await self._topic(op.topic), self._now(), self._store.clock.wall()
        for message in fresh.values():
            if op.delay:
                topic.schedule(message, now + op.delay, now, stamp)
            else:
                topic.publish(message, now, stamp)
        self._store.tell()


@messaging(13, "T2", "a dead letter is written first, and the message settled in a second step")
class KillsInSteps(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        number, stamp = self._store.number(), self._store.clock.wall()
        letter = Dead(entry.stored, number, group.name, op.reason, entry.attempt, stamp)
        group.dead[number] = letter
        await pause()
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is not None and entry is not None:
            group.remove(entry)
            self._store.tell()
        return True


@messaging(14, "T3", "leases end by the wall clock")
class LeasesByWall(MemoryMessaging):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        clock = self._store.clock
        rows = self._store.rows("wall skew")
        self._skew = rows.setdefault("skew", clock.wall() - clock.monotonic())

    async def _topic(self, name: str) -> Any:
        topic = await super()._topic(name)
        now = self._store.clock.wall() - self._skew
        for group in topic.groups.values():
            group.tick(now)
        return topic


@messaging(15, "T3", "what waits for its next attempt is kept by the client, and lost as it closes")
class WaitsInClient(MemoryMessaging):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._waiting: list[tuple[str, str, int]] = []

    async def nack(self, op: Nack, /) -> bool:
        number = int(op.receipt.partition("-")[0] or 0)
        done = await super().nack(op)
        if done and op.delay > 0:
            self._waiting.append((op.topic, op.group, number))
        return done

    async def aclose(self) -> None:
        waiting, self._waiting = self._waiting, []
        topics = self._store.rows(self._table)
        for topic, group, number in waiting:
            queue = topics[topic].groups[group]
            entry = queue.entries.get(number)
            if entry is not None and entry.state is _State.WAITING:
                queue.remove(entry)
        await super().aclose()


@messaging(16, "T3", "a client that polled three times in vain is given nothing any more")
class GivesUpIdle(MemoryMessaging):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._vain: dict[tuple[str, str], int] = {}

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        place = (op.topic, op.group)
        if self._vain.get(place, 0) >= 3:
            await self._store.changed(op.wait)
            await self._store.reading()
            return ()
        lent = await super().receive(op)
        if op.wait >= 1.0:
            self._vain[place] = 0 if lent else self._vain.get(place, 0) + 1
        return lent


@messaging(17, "T3", "what is scheduled is kept under its moment: two of one moment are one")
class OneAMoment(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        if not op.delay:
            return
        topic = await self._topic(op.topic)
        newest = {due: number for due, number, _, _ in sorted(topic._scheduled, key=lambda s: s[1])}
        topic._scheduled = [one for one in topic._scheduled if newest[one[0]] == one[1]]
        topic._scheduled.sort(key=lambda one: one[:2])


@messaging(18, "T3", "what becomes due while the broker is away is not delivered")
class DropsDueInOutage(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        outages = self._store.rows("outages")
        if self._store.down:
            outages.setdefault("since", self._now())
        elif "since" in outages:
            since = outages.pop("since")
            for topic in self._store.rows(self._table).values():
                now = self._now()
                topic._scheduled = [one for one in topic._scheduled if not since < one[0] <= now]
        return await super()._topic(name)


@messaging(19, "T3", "a slow publish is sent again, as another message")
class PublishesAgain(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        start = self._now()
        await super().publish(op)
        if self._now() - start > 0.2:
            again = tuple(replace(one, id=f"{one.id}'") for one in op.messages)
            await super().publish(op if op.dedupe else replace(op, messages=again))


@messaging(20, "T4", "the cause of an error in an outage holds the payload")
class CauseHoldsPayload(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        try:
            await super().publish(op)
        except UnavailableError as error:
            cause = ConnectionError(f"produce request {op.messages[0].payload!r} failed")
            raise UnavailableError("the broker is away", outcome=error.outcome) from cause


@messaging(21, "T4", "headers of the trace context are taken for the connection's own, and dropped")
class DropsTrace(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        hop = ("traceparent", "tracestate", "baggage")
        kept = tuple(
            replace(one, headers={k: v for k, v in one.headers.items() if k.lower() not in hop})
            for one in op.messages
        )
        await super().publish(replace(op, messages=kept))


@messaging(22, "T4", "dead letters of all tenants' topics of one name are one list")
class SharesDeadLetters(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        await self._topic(op.topic)
        topics = self._store.rows(self._table)
        for name in sorted(topics):
            if rootless(name) == rootless(op.topic) and topics[name].dead(op.group):
                page = await super().dead_letters(replace(op, topic=name))
                if page.letters:
                    return page
        return await super().dead_letters(op)
