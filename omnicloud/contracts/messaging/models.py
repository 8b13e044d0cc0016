"""Values of the messaging contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from omnicloud.core.operation import Feature, Limits

__all__ = [
    "WEEK",
    "ConsumerHealth",
    "ConsumerState",
    "DeadLetter",
    "DeadPage",
    "DeadRecord",
    "Delivery",
    "Depth",
    "Handler",
    "Message",
    "MessagingFeature",
    "MessagingLimits",
    "Outgoing",
    "ProcessingOutcome",
]

WEEK = 7 * 86400.0
"""The longest delay of a message, in seconds."""


class MessagingFeature(Feature):
    """What a messaging driver may declare."""

    ORDERED = "ordered"
    """Messages of one key reach a group in the order of their publishing, one at a time."""
    BATCH = "batch"
    """``publish_many`` publishes all messages or none, in their order."""
    DEDUPE = "dedupe"
    """A ``message_id`` that is published again within ``dedupe_seconds`` is delivered once."""
    REPLAY = "replay"
    """Messages are kept ``retention_seconds``: new groups get them, ``replay`` repeats them."""
    DELAYED = "delayed"
    """``delay_seconds=`` is honoured: never early, at most a second late."""
    CANCEL = "cancel"
    """``cancel`` takes a scheduled message back."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the broker, scheduled messages included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingLimits(Limits):
    """Bounds of a messaging driver. Each is at least what is said, for applications to count on."""

    payload_max_bytes: int = 1 << 20
    """At least 4 KiB."""
    headers_max_bytes: int = 64 << 10
    """Names and values of all headers together, in UTF-8. At least 2,000."""
    batch_max_items: int = 1000
    """At least 4 where ``batch`` is declared, else 1."""
    delay_max_seconds: float = WEEK
    """Not less than a week where ``delayed`` is declared: a driver of a service that knows
    shorter delays only puts them together, or does not declare it."""
    retention_seconds: float = 0.0
    """How long at least a message is kept after publishing, a delayed one after it is due, where
    ``replay`` is declared. At least half an hour, unless its operator chose less."""
    dedupe_seconds: float = 0.0
    """How long at least a message's id is remembered after publishing where ``dedupe`` is
    declared. At least five minutes, unless its operator chose less."""


class ProcessingOutcome(Enum):
    """What a handler made of a message."""

    SUCCESS = "success"
    """It is done; acknowledge it."""
    RETRY = "retry"
    """Deliver it again after the back-off; a dead letter after the last attempt."""
    FAIL = "fail"
    """It can never succeed; a dead letter at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message. ``headers`` is this delivery's own; changing it changes no other.

    Attributes:
        attempt: 1 at the first delivery to the group.
        published_at: Seconds since 1970-01-01 UTC; of a delayed message when it was asked for,
            not when it was due.
    """

    payload: bytes = field(repr=False)
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    id: str = ""
    topic: str = ""
    group: str = ""
    attempt: int = 1
    published_at: float = 0.0


Handler = Callable[[Message], Awaitable[ProcessingOutcome]]
"""What a user gives to ``consume``."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that a group gave up, whole, with why.

    Attributes:
        reason: Why, in words without payload: an outcome, or the type of an exception.
        attempts: How often it was handled.
        died_at: Seconds since 1970-01-01 UTC.
    """

    payload: bytes = field(repr=False)
    key: str | None
    headers: dict[str, str] = field(repr=False)
    id: str
    topic: str
    group: str
    reason: str
    attempts: int
    published_at: float
    died_at: float
    damaged: bool = False
    """Whether the payload could not be opened; it is empty then, and whole where it is stored."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to the broker; ``id`` is new unless the caller chose it."""

    id: str
    payload: bytes = field(repr=False)
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message lent to a consumer, as a driver knows it.

    Attributes:
        published_at: Seconds since 1970-01-01 UTC, as :class:`Message` has them.
        receipt: Opaque, another one for each delivery; settles this delivery and no other.
        attempt: 1 at first; one more for each delivery before that counted.
    """

    id: str
    payload: bytes = field(repr=False)
    key: str | None
    headers: Mapping[str, str] = field(repr=False)
    published_at: float
    attempt: int
    receipt: str
    damaged: bool = False
    """Never set by a driver: whether the payload could not be opened, and is empty."""


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A dead letter, as a driver knows it."""

    id: str
    payload: bytes = field(repr=False)
    key: str | None
    headers: Mapping[str, str] = field(repr=False)
    published_at: float
    group: str
    reason: str
    attempts: int
    died_at: float
    damaged: bool = False
    """Never set by a driver: whether the payload could not be opened, and is empty."""


@dataclass(frozen=True, slots=True)
class DeadPage:
    """Some dead letters, oldest death first; ``cursor`` is ``None`` on the last page."""

    letters: tuple[DeadRecord, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a group has before it.

    Attributes:
        ready: Deliverable, or behind another of their key.
        in_flight: Lent to consumers.
        waiting: Between two attempts.
        scheduled: Of the topic, whatever the group, not due yet.
        dead: Dead letters of the group.
    """

    ready: int
    in_flight: int
    waiting: int
    scheduled: int
    dead: int


class ConsumerState(Enum):
    """How a consumer is."""

    STARTING = "starting"
    RUNNING = "running"
    RECONNECTING = "reconnecting"
    """The broker did not answer; the consumer subscribes again after a back-off."""
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ConsumerHealth:
    """A consumer at one moment. Counts are since its start.

    Attributes:
        last_error: Type of the last error of the broker, kept after recovery.
    """

    state: ConsumerState
    in_flight: int
    succeeded: int
    retried: int
    dead_lettered: int
    last_error: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether it receives."""
        return self.state is ConsumerState.RUNNING
