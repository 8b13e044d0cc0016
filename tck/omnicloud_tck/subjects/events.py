"""A plain reading of an outbox: its events in the order of saving, and who has claimed which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from omnicloud.contracts.outbox.models import EventRecord, EventStatus

__all__ = ["Event", "Space"]


@dataclass(slots=True)
class Event:
    """An event and what became of it. Moments are monotonic, ``stamp`` is of the wall clock."""

    event_id: str
    topic: str
    payload: bytes
    message_key: str | None
    key: str | None
    sequence: int | None
    stamp: float
    born: float
    status: EventStatus = EventStatus.PENDING
    attempts: int = 0
    owner: str = ""
    until: float = 0.0
    ready_at: float = 0.0
    processed: float = 0.0

    def told(self) -> tuple[object, ...]:
        """What every question tells of it, but for its stamp."""
        keys = (self.topic, self.payload, self.message_key, self.key)
        return (self.event_id, *keys, self.sequence, self.status, self.attempts)


def told(record: EventRecord) -> tuple[object, ...]:
    """The same of a record."""
    one = record
    keys = (one.destination_topic, one.payload, one.message_key, one.aggregate_key)
    return (one.event_id, *keys, one.sequence_id, one.status, one.attempts)


@dataclass(slots=True)
class Space:
    """All events of a space."""

    events: list[Event] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Space:
        """As it is now."""
        return Space([replace(one) for one in self.events], dict(self.numbers))

    def moments(self) -> Iterator[float]:
        """When a claim or a wait ends."""
        for one in self.events:
            yield one.until
            yield one.ready_at

    def find(self, event_id: str) -> Event | None:
        """The event of an id."""
        return next((one for one in self.events if one.event_id == event_id), None)

    def save(self, event: Event) -> None:
        """Put an event behind all others, numbered in its aggregate."""
        if event.key is not None:
            event.sequence = self.numbers[event.key] = self.numbers.get(event.key, 0) + 1
        self.events.append(event)

    def of(self, status: EventStatus, key: str | None, *, every: bool) -> list[Event]:
        """The events of a status: of an aggregate, of none, or all."""
        return [one for one in self.events if one.status is status and (every or one.key == key)]

    def aggregates(self) -> list[str]:
        """Keys with a pending event, by code points."""
        pending = (one.key for one in self.events if one.status is EventStatus.PENDING)
        return sorted({key for key in pending if key is not None})

    def claimable(self, now: float) -> list[Event]:
        """The free ones, the oldest first; behind one that is not free, none of its aggregate."""
        open_ = [one for one in self.events if one.status is not EventStatus.PROCESSED]
        parked = EventStatus.PARKED
        held = {one.key for one in open_ if one.until > now or one.status is parked} - {None}
        found: list[Event] = []
        for one in open_:
            if one.key in held or one.status is parked:
                continue
            if one.until <= now and one.ready_at <= now:
                found.append(one)
            elif one.key is not None:
                held.add(one.key)
        return found

    def waiting(self, now: float) -> set[str | None]:
        """Keys of aggregates of which an event waits for its next attempt."""
        pending = self.of(EventStatus.PENDING, None, every=True)
        return {one.key for one in pending if one.ready_at > now} - {None}

    def is_claimed(self, one: Event, owner: str, now: float) -> bool:
        """Whether that owner has it now."""
        return one.owner == owner and one.until > now and one.status is EventStatus.PENDING
