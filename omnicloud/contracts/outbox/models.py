"""Values of the outbox contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypedDict

from omnicloud.core.operation import Feature, Limits

__all__ = [
    "EventRecord",
    "EventStatus",
    "NewEvent",
    "OutboxEvent",
    "OutboxFeature",
    "OutboxLag",
    "OutboxLimits",
    "StoredEvent",
]


class OutboxFeature(Feature):
    """What an outbox driver may declare."""

    TRANSACTION = "transaction"
    """Events are saved in one transaction with the writes of other contracts of the store."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLimits(Limits):
    """Bounds of an outbox driver.

    Attributes:
        payload_max_bytes: At least 4 KiB, so that every application can count on it.
        claim_max_events: At least 1. So many one claim is given; one that asks for more is not
            refused.
    """

    payload_max_bytes: int = 1 << 20
    claim_max_events: int = 1000


class EventStatus(StrEnum):
    """Where an event stands."""

    PENDING = "pending"
    PARKED = "parked"
    """Given up by the relay until it is requeued or marked as processed."""
    PROCESSED = "processed"


class OutboxEvent(NamedTuple):
    """An event to save beside a business write.

    Attributes:
        message_key: Key of the message that it becomes.
        aggregate_key: Events of one aggregate are numbered 1, 2, 3 … and published in that
            order; ``None`` for an event without order.
    """

    destination_topic: str
    payload: bytes
    message_key: str | None = None
    aggregate_key: str | None = None


class StoredEvent(TypedDict):
    """An event as it is stored. ``sequence_id`` is ``None`` where there is no aggregate.

    ``saved_at`` is seconds since 1970-01-01 UTC; ``attempts`` how often publishing failed.
    """

    event_id: str
    destination_topic: str
    payload: bytes
    message_key: str | None
    aggregate_key: str | None
    sequence_id: int | None
    status: str
    attempts: int
    saved_at: float


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way to the store."""

    event_id: str
    destination_topic: str
    payload: bytes = field(repr=False)
    message_key: str | None = None
    aggregate_key: str | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A stored event, as a driver knows it."""

    event_id: str
    destination_topic: str
    payload: bytes = field(repr=False)
    message_key: str | None
    aggregate_key: str | None
    sequence_id: int | None
    status: EventStatus
    attempts: int
    saved_at: float


@dataclass(frozen=True, slots=True)
class OutboxLag:
    """How far publishing is behind.

    Attributes:
        pending: Events that wait to be published.
        parked: Events that were given up.
        oldest_seconds: Age of the oldest pending event; 0 where there is none.
    """

    pending: int
    parked: int
    oldest_seconds: float
