"""Drivers for which what they told is something else when it is given back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import DeadLetters, Receive, Replay
from omnicloud.contracts.messaging.models import DeadPage, Delivery
from omnicloud.contracts.outbox.driver import ListAggregates, ListEvents
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.sagas.driver import Claim, Get, ListSagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract

Round = Callable[[float], float]


def stamped(delivered: Round, died: Round, since: Round) -> type[MemoryMessaging]:
    """A broker that tells, and reads, stamps in its own ways."""

    class Stamped(MemoryMessaging):
        async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
            found = await super().receive(op)
            return tuple(replace(one, published_at=delivered(one.published_at)) for one in found)

        async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
            page = await super().dead_letters(op)
            told = (replace(one, published_at=died(one.published_at)) for one in page.letters)
            return replace(page, letters=tuple(told))

        async def replay(self, op: Replay, /) -> int:
            return await super().replay(replace(op, since=since(op.since)))

    return Stamped


def _as_it_is(moment: float) -> float:
    return moment


def _millis(moment: float) -> float:
    return round(moment, 3)


def _up(moment: float) -> float:
    return math.ceil(moment * 1000) / 1000


def _seconds_up(moment: float) -> float:
    return float(math.ceil(moment))


def _tenths(moment: float) -> float:
    return round(moment, 1)


def _after(moment: float) -> float:
    return math.nextafter(moment, math.inf)


def _small(moment: float) -> float:
    """As a float of 32 bits, in which a moment of today is good to two minutes."""
    return float(int(moment) & ~127) + 128.0


_STAMPS: tuple[tuple[str, Round, Round, Round, str], ...] = (
    ("17", _millis, _millis, _as_it_is, "stamps are told in milliseconds and kept exactly"),
    ("18", _up, _as_it_is, _as_it_is, "a delivery's stamp is told rounded up"),
    ("19", _as_it_is, _up, _as_it_is, "a letter's stamp is told rounded up"),
    ("20", _as_it_is, _as_it_is, _seconds_up, "a replay begins with the next whole second"),
    ("21", _as_it_is, _as_it_is, _after, "a replay begins after the moment that is told"),
    ("22", _tenths, _tenths, _as_it_is, "stamps are told in tenths of a second"),
    ("23", _as_it_is, _small, _as_it_is, "a letter's stamp is kept in a small float"),
    ("24", _as_it_is, _as_it_is, _millis, "a replay's beginning is rounded to milliseconds"),
)
for _id, _delivered, _died, _since, _about in _STAMPS:
    broken(f"BLIND14-MS-{_id}", "T3", _about, MessagingContract)(stamped(_delivered, _died, _since))


@broken(
    "BLIND14-MS-25", "T3", "a replay looks at the moment of each message's end", MessagingContract
)
class ReplaysByDue(MemoryMessaging):
    """The log's moments are those at which messages were due; told is when they were sent."""

    async def replay(self, op: Replay, /) -> int:
        topic = await self._topic(op.topic)
        shift = self._store.clock.wall() - self._now()
        kept, topic._log = (
            topic._log,
            type(topic._log)(
                (end, replace(one, published_at=end - topic.kept + shift))
                for end, one in topic._log
            ),
        )
        try:
            return await super().replay(op)
        finally:
            topic._log = kept


@broken("BLIND14-OX-18", "T1", "a page begins after the moment of the event told", OutboxContract)
class PagesByMoment(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        found = await super().list_events(replace(op, after=None, limit=100_000))
        at = next((one.saved_at for one in found if one.event_id == op.after), None)
        left = found if at is None else tuple(one for one in found if one.saved_at > at)
        return left[: op.limit]


@broken("BLIND14-OX-19", "T1", "a page begins after the number of the event told", OutboxContract)
class PagesByNumber(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        if not op.every or op.after is None:
            return await super().list_events(op)
        found = await super().list_events(replace(op, after=None, limit=100_000))
        at = next((one.sequence_id or 0 for one in found if one.event_id == op.after), 0)
        return tuple(
            one for one in found if (one.sequence_id or 0) >= at and one.event_id != op.after
        )[: op.limit]


@broken("BLIND14-OX-20", "T1", "the key after which a page begins is read trimmed", OutboxContract)
class AfterIsTrimmed(MemoryOutbox):
    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        after = None if op.after is None else op.after.strip()
        return await super().list_aggregates(replace(op, after=after))


@broken("BLIND14-OX-22", "T3", "an event is told as saved when it was claimed", OutboxContract)
class SavedWhenClaimed(MemoryOutbox):
    async def claim(self, op: Any, /) -> tuple[EventRecord, ...]:
        found = await super().claim(op)
        return tuple(replace(one, saved_at=self._store.clock.wall()) for one in found)


class _Telling(MemorySagas):
    """Tells versions in its own ways."""

    def _got(self, record: SagaRecord) -> SagaRecord:
        return record

    def _claimed(self, record: SagaRecord) -> SagaRecord:
        return record

    def _listed(self, record: SagaRecord) -> SagaRecord:
        return record

    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await super().get(op)
        return found and self._got(found)

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        return tuple(map(self._claimed, await super().claim(op)))

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        return tuple(map(self._listed, await super().list_sagas(op)))


@broken("BLIND14-SA-13", "T1", "a listing tells the version before an update", SagaContract)
class ListsOldVersions(_Telling):
    def _listed(self, record: SagaRecord) -> SagaRecord:
        return replace(record, version=max(1, record.version - 1))


@broken("BLIND14-SA-14", "T1", "a claim tells the version that comes next", SagaContract)
class ClaimsNextVersion(_Telling):
    def _claimed(self, record: SagaRecord) -> SagaRecord:
        return replace(record, version=record.version + 1)


@broken("BLIND14-SA-15", "T1", "a claim tells versions of one digit", SagaContract)
class VersionsOfOneDigit(_Telling):
    def _claimed(self, record: SagaRecord) -> SagaRecord:
        return replace(record, version=min(record.version, 9))


@broken("BLIND14-SA-16", "T1", "versions are told as a byte", SagaContract)
class VersionsOfAByte(_Telling):
    def _got(self, record: SagaRecord) -> SagaRecord:
        return replace(record, version=record.version & 255)


@broken("BLIND14-SA-17", "T1", "the id after which a page begins is folded", SagaContract)
class AfterIsFolded(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        after = op.after and op.after.casefold()
        return await super().list_sagas(replace(op, after=after))
