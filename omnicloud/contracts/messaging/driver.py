"""The requests of the messaging contract and the driver that answers them.

A *topic* keeps messages for its *groups*. A group exists from its first subscription; each
message published after that is delivered to it until it is acknowledged or dead-lettered. What
was published before is delivered too where ``replay`` is declared and it is still retained.

A delivery is *lent* for a lease. When the lease ends unsettled, the message is delivered again
and the old receipt settles nothing any more: settling with it answers ``False`` and changes
nothing. With ``ordered`` a message of a key is not lent while an earlier one of that key and
group is lent or waits for its next attempt; messages without a key wait for none.

Order ("in their order", "in its old place", "behind what waits") is of the messages of one key,
where ``ordered`` is declared. Across keys, and of messages without one, a driver strives for it,
and nobody relies on it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

from omnicloud.contracts.messaging.models import (
    DeadPage,
    DeadRecord,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
    Outgoing,
)
from omnicloud.core.names import Scope
from omnicloud.core.operation import NO_FEATURES, Effect, Feature, Operation, Seal
from omnicloud.errors import CorruptedError, InvalidArgumentError

__all__ = [
    "Ack",
    "Cancel",
    "DeadLetters",
    "Extend",
    "Kill",
    "Measure",
    "MessagingDriver",
    "Nack",
    "Publish",
    "Receive",
    "Redrive",
    "Replay",
    "Subscribe",
]


R = TypeVar("R")
Stored = TypeVar("Stored", Delivery, DeadRecord)


class MessagingDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> MessagingLimits: ...
    async def publish(self, op: Publish, /) -> None: ...
    async def subscribe(self, op: Subscribe, /) -> None: ...
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]: ...
    async def ack(self, op: Ack, /) -> bool: ...
    async def nack(self, op: Nack, /) -> bool: ...
    async def extend(self, op: Extend, /) -> tuple[str, ...]: ...
    async def kill(self, op: Kill, /) -> bool: ...
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage: ...
    async def redrive(self, op: Redrive, /) -> int: ...
    async def cancel(self, op: Cancel, /) -> bool: ...
    async def replay(self, op: Replay, /) -> int: ...
    async def measure(self, op: Measure, /) -> Depth: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _OnTopic(Operation[MessagingDriver, R]):
    """A request about one topic, whose name is all that a tenant's namespace concerns."""

    topic: str

    @property
    def resource(self) -> str:
        return self.topic

    def scoped(self, scope: Scope) -> Self:
        return self if scope.holds(self.topic) else replace(self, topic=scope.enter(self.topic))


@dataclass(frozen=True, slots=True)
class _Settling(_OnTopic[R]):
    """A write whose second time changes nothing more."""

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT


@dataclass(frozen=True, slots=True)
class Publish(_OnTopic[None]):
    """Take these messages, in their order.

    With ``delay`` (seconds, counted from the arrival of the request) they are not delivered
    before it has passed; they take their place in the order of their key when they are due, and
    the groups that exist by then get them.
    ``dedupe`` says that the ids are the caller's choice: one that is known is taken silently
    and not delivered again. Without it every id is one that no message had before. The id of a
    scheduled message is known from its request on.
    """

    name: ClassVar[str] = "messaging.publish"
    messages: tuple[Outgoing, ...]
    delay: float | None = None
    dedupe: bool = False

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT if self.dedupe else Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        if not self.dedupe and self.delay is None and len(self.messages) == 1:
            return NO_FEATURES
        needed = set[Feature]()
        if len(self.messages) != 1:
            needed.add(MessagingFeature.BATCH)
        if self.delay is not None:
            needed.add(MessagingFeature.DELAYED)
        if self.dedupe:
            needed.add(MessagingFeature.DEDUPE)
        return frozenset(needed)

    def check(self, driver: MessagingDriver) -> None:
        limits = driver.limits
        limits.check_stored_name(self.topic, "topic")
        _check_batch(self.messages, limits)
        if self.delay is not None and self.delay > limits.delay_max_seconds:
            raise InvalidArgumentError(
                f"delay_seconds is {self.delay}, the limit delay_max_seconds is "
                f"{limits.delay_max_seconds}"
            )

    def sealed(self, seal: Seal) -> Publish:
        closed = tuple(
            replace(one, payload=seal.close(one.payload, _place(self.topic, one.id)))
            for one in self.messages
        )
        return replace(self, messages=closed)

    def run(self, driver: MessagingDriver) -> Awaitable[None]:
        return driver.publish(self)


@dataclass(frozen=True, slots=True)
class Subscribe(_Settling[None]):
    """Make sure that the group exists. A known group stays as it is."""

    name: ClassVar[str] = "messaging.subscribe"
    group: str

    def check(self, driver: MessagingDriver) -> None:
        _check_place(self.topic, self.group, driver.limits)

    def run(self, driver: MessagingDriver) -> Awaitable[None]:
        return driver.subscribe(self)


@dataclass(frozen=True, slots=True)
class Receive(_OnTopic[tuple[Delivery, ...]]):
    """Lend at most ``most`` messages for ``lease`` seconds.

    Waits at most ``wait`` seconds for the first one. It may give fewer than are ready, and may
    answer none before ``wait`` has passed: who wants more asks again.

    Errors of a driver:
        NotFoundError: The broker does not know the group (any more); subscribe again.
    """

    name: ClassVar[str] = "messaging.receive"
    group: str
    most: int = 1
    wait: float = 0.0
    lease: float = 30.0

    @property
    def waits(self) -> float:
        return self.wait

    @property
    def effect(self) -> Effect:
        # Deliveries whose answer is lost come back only when their lease ends.
        return Effect.ONCE

    def unsealed(self, result: tuple[Delivery, ...], seal: Seal) -> tuple[Delivery, ...]:
        return tuple(_opened(one, self.topic, seal) for one in result)

    def run(self, driver: MessagingDriver) -> Awaitable[tuple[Delivery, ...]]:
        return driver.receive(self)


@dataclass(frozen=True, slots=True)
class Ack(_Settling[bool]):
    """The message is handled: forget it for this group. Whether the receipt was still good."""

    name: ClassVar[str] = "messaging.ack"
    group: str
    receipt: str

    def run(self, driver: MessagingDriver) -> Awaitable[bool]:
        return driver.ack(self)


@dataclass(frozen=True, slots=True)
class Nack(_Settling[bool]):
    """Give the message back, to be delivered again after ``delay`` seconds, in its old place.

    With ``count=False`` this delivery was no attempt: the next one has the same number.
    Whether the receipt was still good.
    """

    name: ClassVar[str] = "messaging.nack"
    group: str
    receipt: str
    delay: float = 0.0
    count: bool = True

    def run(self, driver: MessagingDriver) -> Awaitable[bool]:
        return driver.nack(self)


@dataclass(frozen=True, slots=True)
class Extend(_Settling[tuple[str, ...]]):
    """Let the leases end ``lease`` seconds from now. Answers the receipts that are still good."""

    name: ClassVar[str] = "messaging.extend"
    group: str
    receipts: tuple[str, ...]
    lease: float = 30.0

    def run(self, driver: MessagingDriver) -> Awaitable[tuple[str, ...]]:
        return driver.extend(self)


@dataclass(frozen=True, slots=True)
class Kill(_Settling[bool]):
    """Make the delivery a dead letter of its group, whole, in one step.

    Whether the receipt was still good.
    """

    name: ClassVar[str] = "messaging.kill"
    group: str
    receipt: str
    reason: str

    def run(self, driver: MessagingDriver) -> Awaitable[bool]:
        return driver.kill(self)


@dataclass(frozen=True, slots=True)
class DeadLetters(_OnTopic[DeadPage]):
    """A page of a topic's dead letters, oldest death first; of one group, or of all."""

    name: ClassVar[str] = "messaging.dead_letters"
    group: str | None = None
    cursor: str | None = None
    limit: int = 100

    def unsealed(self, result: DeadPage, seal: Seal) -> DeadPage:
        opened = tuple(_opened(one, self.topic, seal) for one in result.letters)
        return DeadPage(opened, result.cursor)

    def run(self, driver: MessagingDriver) -> Awaitable[DeadPage]:
        return driver.dead_letters(self)


@dataclass(frozen=True, slots=True)
class Redrive(_Settling[int]):
    """Give dead letters back to their groups as new messages of the old id, attempt 1.

    Of one group or of all; those ids or, with none given, all. Each moves in one step: it is a
    dead letter or deliverable, never both, never neither. Answers how many.
    """

    name: ClassVar[str] = "messaging.redrive"
    group: str | None = None
    ids: tuple[str, ...] = ()

    def run(self, driver: MessagingDriver) -> Awaitable[int]:
        return driver.redrive(self)


@dataclass(frozen=True, slots=True)
class Cancel(_Settling[bool]):
    """Take a scheduled message back. ``False`` where it is due already or unknown.

    Whether its id counts as known afterwards is left to the driver: publish under another one.
    """

    name: ClassVar[str] = "messaging.cancel"
    id: str

    def needs(self) -> frozenset[Feature]:
        return frozenset({MessagingFeature.CANCEL})

    def run(self, driver: MessagingDriver) -> Awaitable[bool]:
        return driver.cancel(self)


@dataclass(frozen=True, slots=True)
class Replay(_OnTopic[int]):
    """Deliver again what is retained and was published at ``since`` or later (wall clock).

    Messages that the group has before it anyway stay as they are; the others come back with
    attempt 1 in their old order. Answers how many come back. An unknown group is made, as
    ``Subscribe`` makes it: all that is retained is before it then, so none comes back.

    A dead letter is not before its group: its message comes back, and it stays a dead letter
    beside that. Whether a message that was redriven comes back beside its copy is left to the
    driver.
    """

    name: ClassVar[str] = "messaging.replay"
    group: str
    since: float

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return frozenset({MessagingFeature.REPLAY})

    def check(self, driver: MessagingDriver) -> None:
        _check_place(self.topic, self.group, driver.limits)

    def run(self, driver: MessagingDriver) -> Awaitable[int]:
        return driver.replay(self)


@dataclass(frozen=True, slots=True)
class Measure(_OnTopic[Depth]):
    """How many messages the group has before it.

    An unknown group has none; the topic's scheduled ones are counted for it, too.
    """

    name: ClassVar[str] = "messaging.measure"
    group: str

    def run(self, driver: MessagingDriver) -> Awaitable[Depth]:
        return driver.measure(self)


def _place(topic: str, message_id: str) -> str:
    return f"{len(topic)}:{topic}:{message_id}"


def _opened(one: Stored, topic: str, seal: Seal) -> Stored:
    # One message that does not open must not keep the others of the answer from their readers.
    try:
        return replace(one, payload=seal.open(one.payload, _place(topic, one.id)))
    except CorruptedError:
        return replace(one, payload=b"", damaged=True)


def _check_place(topic: str, group: str, limits: MessagingLimits) -> None:
    limits.check_stored_name(topic, "topic")
    limits.check_stored_name(group, "group")


def _check_batch(messages: tuple[Outgoing, ...], limits: MessagingLimits) -> None:
    if len(messages) > limits.batch_max_items:
        raise InvalidArgumentError(
            f"{len(messages)} messages in one batch, the limit batch_max_items is "
            f"{limits.batch_max_items}",
            hint="send several batches; each is all or nothing for itself",
        )
    for message in messages:
        _check_message(message, limits)


def _check_message(message: Outgoing, limits: MessagingLimits) -> None:
    if len(message.payload) > limits.payload_max_bytes:
        raise InvalidArgumentError(
            f"the payload has {len(message.payload)} bytes, the limit payload_max_bytes is "
            f"{limits.payload_max_bytes}",
            hint="store it as an object and send its key",
        )
    if message.headers:
        size = sum(len(k.encode()) + len(v.encode()) for k, v in message.headers.items())
        if size > limits.headers_max_bytes:
            raise InvalidArgumentError(
                f"the headers have {size} bytes, the limit headers_max_bytes is "
                f"{limits.headers_max_bytes}"
            )
