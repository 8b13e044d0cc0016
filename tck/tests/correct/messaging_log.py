"""A right messaging driver over a log in three partitions, of which groups remember offsets."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from correct.apart import Apart, Backend
from correct.common import correct
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
    DeadRecord,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
    Outgoing,
)
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError, UnsupportedError

_PARTITIONS = 3
_DEAD_PAGE = 2
Place = tuple[int, int]
"""A partition and an offset."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in the log; one that was redriven is for one group only."""

    message: Outgoing
    published: float
    written: float
    group: str | None = None


@dataclass(slots=True)
class Loan:
    """What a group has done about a message that it is not done with."""

    attempts: int = 0
    due: float = 0.0
    until: float = 0.0
    receipt: str = ""


@dataclass(slots=True)
class Group:
    """Places that it is done with, and its loans."""

    done: set[Place] = field(default_factory=set)
    loans: dict[Place, Loan] = field(default_factory=dict)
    turn: int = 0


class Topic:
    """A log, its groups and the dead."""

    def __init__(self) -> None:
        self.partitions: list[list[Entry]] = [[] for _ in range(_PARTITIONS)]
        self.groups: dict[str, Group] = {}
        self.dead: list[DeadRecord] = []
        self._robin = 0

    def append(self, entry: Entry) -> None:
        """Write at the end of the partition of the key; without one, of the next."""
        key = entry.message.key
        self._robin += key is None
        number = self._robin if key is None else zlib.crc32(key.encode())
        self.partitions[number % _PARTITIONS].append(entry)

    def ahead(self, name: str) -> Iterator[tuple[Place, Entry, Loan]]:
        """What a group has before it, partition by partition."""
        group = self.groups[name]
        for number in range(_PARTITIONS):
            partition = (group.turn + number) % _PARTITIONS
            for offset, entry in enumerate(self.partitions[partition]):
                place = partition, offset
                if place not in group.done and entry.group in (None, name):
                    yield place, entry, group.loans.setdefault(place, Loan())


class Broker(Backend):
    """All topics by name."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.topics: dict[str, Topic] = {}
        self._receipts = 0

    def topic(self, name: str) -> Topic:
        """A topic; it is there when it is named."""
        return self.topics.setdefault(name, Topic())

    def receipt(self) -> str:
        """Another one for each delivery."""
        self._receipts += 1
        return f"{self._receipts}:{self.chance.getrandbits(20):x}"


@correct("messaging", spared=("MS-110", "MS-111", "MS-180", "MS-181", "MS-182"))
class PartitionedLog(Apart):
    """Lends keyless messages that came back last; tells two dead a page; three in a batch."""

    backend_class = Broker
    _backend: Broker
    features: frozenset[Feature] = frozenset(
        {MessagingFeature.ORDERED, MessagingFeature.BATCH, MessagingFeature.REPLAY}
    )
    limits = MessagingLimits(
        name_max_bytes=1410,
        payload_max_bytes=5000,
        headers_max_bytes=2000,
        batch_max_items=3,
        retention_seconds=1800.0,
    )

    async def publish(self, op: Publish, /) -> None:
        await self.arrive()
        now, stamp = self._backend.now(), self._backend.clock.wall()
        for message in op.messages:
            kept = Outgoing(message.id, message.payload, message.key, dict(message.headers))
            self._backend.topic(op.topic).append(Entry(kept, stamp, now))
        self._backend.tell()
        await self.linger()

    async def subscribe(self, op: Subscribe, /) -> None:
        await self.arrive()
        topic = self._backend.topic(op.topic)
        if op.group not in topic.groups:
            topic.groups[op.group] = Group()
            older = [place for place, entry, _ in topic.ahead(op.group) if not self._kept(entry)]
            topic.groups[op.group].done.update(older)
        await self.linger()

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        await self.arrive()
        end, topic = self._backend.now() + op.wait, self._backend.topic(op.topic)
        while True:
            if op.group not in topic.groups:
                raise NotFoundError("there is no such group")
            free, moment = self._free(topic, op.group)
            if free or self._backend.now() >= end:
                return tuple(self._lent(*one, op.lease) for one in free[: op.most])
            await self._backend.until(min(end, moment))
            await self._store.reading()

    def _free(self, topic: Topic, name: str) -> tuple[list[tuple[Entry, Loan]], float]:
        """What can be lent, and when more can be."""
        topic.groups[name].turn += 1
        first: list[tuple[Entry, Loan]] = []
        again: list[tuple[Entry, Loan]] = []
        keys, moments = set[str | None](), [float("inf")]
        for _, entry, loan in topic.ahead(name):
            key, ready = entry.message.key, max(loan.due, loan.until)
            if ready > self._backend.now():
                moments.append(ready)
            elif key not in keys:
                (again if key is None and loan.attempts else first).append((entry, loan))
            if key is not None:
                keys.add(key)
        return first + again, min(moments)

    def _lent(self, entry: Entry, loan: Loan, lease: float) -> Delivery:
        loan.attempts += 1
        loan.until, loan.receipt = self._backend.now() + lease, self._backend.receipt()
        sent = entry.message
        headers = dict(sent.headers)
        return Delivery(
            sent.id, sent.payload, sent.key, headers, entry.published, loan.attempts, loan.receipt
        )

    def _lending(self, topic: Topic, name: str, receipt: str) -> tuple[Place, Loan] | None:
        """The loan of a receipt that is still good."""
        group = topic.groups.get(name)
        for place, loan in {} if group is None else group.loans.items():
            if loan.receipt == receipt and loan.until > self._backend.now():
                return place, loan
        return None

    async def ack(self, op: Ack, /) -> bool:
        return await self._settled(op.topic, op.group, op.receipt) is not None

    async def kill(self, op: Kill, /) -> bool:
        settled = await self._settled(op.topic, op.group, op.receipt, op.reason)
        return settled is not None

    async def _settled(
        self, name: str, group: str, receipt: str, reason: str | None = None
    ) -> Place | None:
        """Be done with a message; with a reason it is dead."""
        await self.arrive()
        topic = self._backend.topic(name)
        found = self._lending(topic, group, receipt)
        if found is None:
            return None
        place, loan = found
        topic.groups[group].done.add(place)
        del topic.groups[group].loans[place]
        if reason is not None:
            entry = topic.partitions[place[0]][place[1]]
            topic.dead.append(self._died(entry, group, reason, loan.attempts))
        self._backend.tell()
        await self.linger()
        return place

    def _died(self, entry: Entry, group: str, reason: str, attempts: int) -> DeadRecord:
        sent, at = entry.message, self._backend.clock.wall()
        headers = dict(sent.headers)
        return DeadRecord(
            sent.id, sent.payload, sent.key, headers, entry.published, group, reason, attempts, at
        )

    async def nack(self, op: Nack, /) -> bool:
        await self.arrive()
        found = self._lending(self._backend.topic(op.topic), op.group, op.receipt)
        if found is not None:
            loan = found[1]
            loan.attempts -= not op.count
            loan.due, loan.until, loan.receipt = self._backend.now() + op.delay, 0.0, ""
        self._backend.tell()
        await self.linger()
        return found is not None

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        await self.arrive()
        topic = self._backend.topic(op.topic)
        loans = [self._lending(topic, op.group, receipt) for receipt in op.receipts]
        good = [found[1] for found in loans if found is not None]
        for loan in good:
            loan.until = self._backend.now() + op.lease
        await self.linger()
        return tuple(loan.receipt for loan in good)

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        await self.arrive()
        told = json.loads(op.cursor) if op.cursor else []
        dead = [one for one in self._backend.topic(op.topic).dead if op.group in (None, one.group)]
        rest = [one for one in dead if [one.group, one.id, one.died_at] not in told]
        page = rest[: min(op.limit, _DEAD_PAGE)]
        told += [[one.group, one.id, one.died_at] for one in page]
        await self.linger()
        return DeadPage(tuple(page), json.dumps(told) if len(rest) > len(page) else None)

    async def redrive(self, op: Redrive, /) -> int:
        await self.arrive()
        topic = self._backend.topic(op.topic)
        dead = [one for one in topic.dead if op.group in (None, one.group)]
        back = [one for one in dead if not op.ids or one.id in op.ids]
        for one in back:
            topic.dead.remove(one)
            message = Outgoing(one.id, one.payload, one.key, one.headers)
            topic.append(Entry(message, one.published_at, self._backend.now(), one.group))
        self._backend.tell()
        await self.linger()
        return len(back)

    async def replay(self, op: Replay, /) -> int:
        await self.arrive()
        topic = self._backend.topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            raise NotFoundError("there is no such group")
        ahead = {entry.message.id for _, entry, _ in topic.ahead(op.group)}
        again = [
            place
            for place in group.done
            if self._kept(entry := topic.partitions[place[0]][place[1]])
            and entry.published >= op.since
            and entry.message.id not in ahead
        ]
        group.done.difference_update(again)
        self._backend.tell()
        await self.linger()
        return len(again)

    async def measure(self, op: Measure, /) -> Depth:
        await self.arrive()
        topic, now = self._backend.topic(op.topic), self._backend.now()
        if op.group not in topic.groups:
            return Depth(0, 0, 0, 0, 0)
        loans = [loan for _, _, loan in topic.ahead(op.group)]
        lent = sum(loan.until > now for loan in loans)
        waiting = sum(loan.until <= now < loan.due for loan in loans)
        dead = sum(one.group == op.group for one in topic.dead)
        await self.linger()
        return Depth(len(loans) - lent - waiting, lent, waiting, 0, dead)

    async def cancel(self, op: Cancel, /) -> NoReturn:
        await asyncio.sleep(0)
        raise UnsupportedError("nothing is scheduled in a log")

    def _kept(self, entry: Entry) -> bool:
        """Whether it is retained for groups that were done with it, or were not there."""
        age = self._backend.now() - entry.written
        return entry.group is None and age < self.limits.retention_seconds
