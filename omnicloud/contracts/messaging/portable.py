"""The class users hold: messages by topic."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import final

from omnicloud.contracts.messaging.consumer import Consumer, ConsumerOptions
from omnicloud.contracts.messaging.driver import (
    Cancel,
    DeadLetters,
    Measure,
    MessagingDriver,
    Publish,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    WEEK,
    DeadLetter,
    DeadRecord,
    Depth,
    Handler,
    Message,
    MessagingFeature,
    Outgoing,
)
from omnicloud.contracts.messaging.tracing import carried
from omnicloud.core.arguments import between, check_function, check_iterable, check_names
from omnicloud.core.backoff import Backoff, as_backoff
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.codec import encoded_payload
from omnicloud.core.durations import Seconds, positive, seconds
from omnicloud.core.names import check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    CircuitOpenError,
    DeadlineExceededError,
    InvalidArgumentError,
    PublishError,
    UnavailableError,
)

__all__ = ["Messaging"]

_RESERVED = "omnicloud-"
_MOST_AT_ONCE = 10_000
_MESSAGES_HINT = '[Message(b"one"), Message(b"two", key="ada")]; publish takes the bytes alone'
_HANDLER = "async def handle(message): ...; return ProcessingOutcome.SUCCESS"


@final
class Messaging:
    """Messages by topic, delivered at least once to each group.

    Topics, groups, keys and message ids are names: any Unicode of 1 to 1,024 bytes of UTF-8.
    With encryption payloads are sealed; topics, keys and headers stay readable to the broker.
    Every method may raise :class:`~omnicloud.errors.UnavailableError` (unknown),
    ``DeadlineExceededError`` (unknown) and ``ClosedError``.
    """

    def __init__(self, pipeline: Pipeline[MessagingDriver], clock: Clock = SYSTEM_CLOCK) -> None:
        self._pipeline = pipeline
        self._clock = clock

    @property
    def pipeline(self) -> Pipeline[MessagingDriver]:
        """The way to the driver."""
        return self._pipeline

    async def publish(
        self,
        topic: str,
        payload: bytes,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        delay_seconds: Seconds | None = None,
        message_id: str | None = None,
    ) -> str:
        """Publish a message and return its id.

        Args:
            topic: Where to.
            payload: At most ``limits.payload_max_bytes`` bytes.
            key: Messages of one key keep their order where ``ordered`` is declared.
            headers: Text by name; names that start with ``omnicloud-`` are reserved. The
                running span's context is added as ``traceparent``.
            delay_seconds: Not before so many seconds, 0 to 7 days; ``None`` is at once. Needs
                ``delayed``.
            message_id: The id to give it: publishing one again within the driver's
                ``limits.dedupe_seconds`` does nothing. Needs ``dedupe``.

        Raises:
            PublishError: The broker did not acknowledge it; its ``outcome`` says whether it
                may still be delivered.
            InvalidArgumentError: A bound is broken; nothing was sent.
        """
        message = _outgoing(payload, key, headers, message_id)
        delay = None if delay_seconds is None else _delay(delay_seconds)
        dedupe = message_id is not None
        await self._publish(Publish(check_name(topic, "topic"), (message,), delay, dedupe))
        return message.id

    async def forward(
        self,
        topic: str,
        payload: bytes,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        message_id: str,
    ) -> str:
        """Publish a message that may have been published before: at least once, over any broker.

        The id travels with it. Where the provider declares ``dedupe`` it is delivered once,
        elsewhere as often as it is published, and handlers tell repetitions by the id. It is
        what a relay publishes with.

        Raises:
            PublishError, InvalidArgumentError: As :meth:`publish`.
        """
        message = _outgoing(payload, key, headers, message_id)
        dedupe = MessagingFeature.DEDUPE in self._pipeline.driver.features
        await self._publish(Publish(check_name(topic, "topic"), (message,), None, dedupe))
        return message.id

    async def publish_many(self, topic: str, messages: Iterable[Message]) -> list[str]:
        """Publish all messages in their order, or none, and return their ids.

        Of each message payload, key, headers and id count; an id has to be given for all
        (needs ``dedupe``) or for none. Needs ``batch``.

        Raises:
            PublishError: As :meth:`publish`.
        """
        check_name(topic, "topic")
        given = _messages(messages)
        dedupe = any(one.id for one in given)
        if dedupe and not all(one.id for one in given):
            raise InvalidArgumentError("some messages have an id and some have none")
        batch = tuple(_outgoing(one.payload, one.key, one.headers, one.id or None) for one in given)
        if batch:
            await self._publish(Publish(topic, batch, None, dedupe))
        return [one.id for one in batch]

    async def _publish(self, op: Publish) -> None:
        try:
            await self._pipeline.send(op)
        except PublishError:
            raise
        except (UnavailableError, DeadlineExceededError, CircuitOpenError) as error:
            raise _not_published(error) from error

    async def subscribe(self, topic: str, group: str = "default") -> None:
        """Make sure that the group exists: it gets what is published from now on.

        A known group stays as it is. ``consume`` does this itself; call it where messages may
        be published before the group's first consumer runs.
        """
        await self._pipeline.send(Subscribe(check_name(topic, "topic"), check_name(group, "group")))

    def consumer(
        self,
        topic: str,
        handler: Handler,
        *,
        group: str = "default",
        concurrency: int = 1,
        max_attempts: int = 5,
        backoff: Backoff | Seconds | None = None,
        prefetch: int = 0,
        lease: Seconds = 30.0,
        grace: Seconds = 10.0,
    ) -> Consumer:
        """A consumer to run, whose health can be asked; see :meth:`consume`."""
        options = ConsumerOptions(
            group=check_name(group, "group"),
            concurrency=between(concurrency, 1, _MOST_AT_ONCE, "concurrency"),
            max_attempts=between(max_attempts, 1, 1_000_000, "max_attempts"),
            backoff=_backoff(backoff),
            prefetch=between(prefetch, 0, _MOST_AT_ONCE, "prefetch"),
            lease=positive(lease, "lease"),
            grace=seconds(grace, "grace"),
        )
        check_name(topic, "topic")
        check_function(handler, "handler", _HANDLER)
        return Consumer(self._pipeline, topic, handler, options, self._clock)

    async def consume(
        self,
        topic: str,
        handler: Handler,
        *,
        group: str = "default",
        concurrency: int = 1,
        max_attempts: int = 5,
        backoff: Backoff | Seconds | None = None,
        prefetch: int = 0,
        lease: Seconds = 30.0,
        grace: Seconds = 10.0,
    ) -> None:
        """Give a group's messages to a handler until cancelled (or the service is closed).

        At least once: a message is acknowledged after its handler returned ``SUCCESS``. With
        ``RETRY``, or when the handler raises, it comes back after the back-off, and is a dead
        letter after ``max_attempts`` attempts; with ``FAIL`` it is one at once. When the broker
        goes away the consumer subscribes again until it is back.

        Args:
            topic: Where from.
            handler: Gets a :class:`Message`, returns a :class:`ProcessingOutcome`.
            group: Consumers of one group share its messages; each group gets all. A new group
                gets what is published from its first subscription on, and before that what
                the topic retains where ``replay`` is declared.
            concurrency: How many messages are handled at once, 1 to 10,000. Where ``ordered``
                is declared, those of one key one after another, a failed one first of all.
            max_attempts: After so many attempts a failing message is a dead letter.
            backoff: Wait between attempts: a :class:`Backoff`, or seconds each time.
            prefetch: How many messages more than that may be held ready, at most 10,000. They
                are kept from the group's other consumers while they wait.
            lease: Seconds after which what a crashed consumer held is delivered again.
            grace: Seconds that handlers get to finish when it is cancelled.
        """
        consumer = self.consumer(
            topic,
            handler,
            group=group,
            concurrency=concurrency,
            max_attempts=max_attempts,
            backoff=backoff,
            prefetch=prefetch,
            lease=lease,
            grace=grace,
        )
        await consumer.run()

    async def dead_letters(
        self, topic: str, *, group: str | None = None
    ) -> AsyncIterator[DeadLetter]:
        """The dead letters of a topic, of one group or of all, oldest death first."""
        check_name(topic, "topic")
        if group is not None:
            check_name(group, "group")
        cursor: str | None = None
        while True:
            page = await self._pipeline.send(DeadLetters(topic, group, cursor))
            for record in page.letters:
                yield _letter(topic, record)
            cursor = page.cursor
            if cursor is None:
                return

    async def redrive(
        self, topic: str, *, group: str | None = None, ids: Iterable[str] = ()
    ) -> int:
        """Deliver dead letters again to their groups, as new messages; how many.

        Of one group or of all; those with these ids or, with none given, all of them. They
        keep id, payload, key and headers, start at attempt 1 and go behind what waits.
        """
        if group is not None:
            check_name(group, "group")
        wanted = check_names(ids, "id")
        return await self._pipeline.send(Redrive(check_name(topic, "topic"), group, wanted))

    async def cancel(self, topic: str, message_id: str) -> bool:
        """Take back a message published with a delay; whether it will not be delivered.

        ``False`` where it is due already or unknown. To publish it after all, give it another
        id. Needs ``cancel``.
        """
        op = Cancel(check_name(topic, "topic"), check_name(message_id, "message_id"))
        return await self._pipeline.send(op)

    async def replay(self, topic: str, group: str = "default", *, since: float) -> int:
        """Deliver to a group again what was published at ``since`` or later; how many.

        ``since`` is seconds since 1970-01-01 UTC. As far back as the driver's
        ``limits.retention_seconds``, and perhaps further. What is a dead letter comes, too, and
        stays one. Needs ``replay``.
        """
        if isinstance(since, bool) or not isinstance(since, int | float) or math.isnan(since):
            raise InvalidArgumentError("since must be seconds since 1970-01-01 UTC")
        op = Replay(check_name(topic, "topic"), check_name(group, "group"), float(since))
        return await self._pipeline.send(op)

    async def depth(self, topic: str, group: str = "default") -> Depth:
        """How many messages a group has before it."""
        return await self._pipeline.send(
            Measure(check_name(topic, "topic"), check_name(group, "group"))
        )

    async def aclose(self) -> None:
        """Close; calls in flight get a grace, consumers end. Twice is silent."""
        await self._pipeline.aclose()


def _messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    check_iterable(messages, "messages", "Message", _MESSAGES_HINT)
    given = tuple(messages)
    if not all(isinstance(one, Message) for one in given):
        raise InvalidArgumentError("messages must all be Message", hint=_MESSAGES_HINT)
    return given


def _outgoing(
    payload: bytes, key: str | None, headers: Mapping[str, str] | None, message_id: str | None
) -> Outgoing:
    return Outgoing(
        _new_id() if message_id is None else check_name(message_id, "message_id"),
        encoded_payload(payload),
        None if key is None else check_name(key, "key"),
        carried(_headers(headers)),
    )


def _new_id() -> str:
    """As unlikely to be there already as a random UUID, and drawn at a third of its cost."""
    return os.urandom(16).hex()


def _headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise InvalidArgumentError(
            f"headers must be a mapping of text to text, not {type(headers).__name__}"
        )
    for name, value in headers.items():
        check_name(name, "header name")
        if name.lower().startswith(_RESERVED):
            raise InvalidArgumentError(f"header names that start with {_RESERVED} are reserved")
        _check_value(name, value)
    return dict(headers)


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"header {name!r} must be text, not {type(value).__name__}", hint="encode it as text"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"header {name!r} holds a lone surrogate") from None


def _delay(delay: Seconds) -> float:
    wait = seconds(delay, "delay_seconds")
    if wait > WEEK:
        raise InvalidArgumentError(
            f"delay_seconds is {wait}, it must be 0 to {WEEK:.0f} (7 days)",
            hint="keep the date in a store and publish nearer to it",
        )
    return wait


def _backoff(backoff: Backoff | Seconds | None) -> Backoff:
    if backoff is None or isinstance(backoff, Backoff):
        return backoff or Backoff()
    return as_backoff(_delay(seconds(backoff, "backoff")))


def _letter(topic: str, record: DeadRecord) -> DeadLetter:
    return DeadLetter(
        payload=record.payload,
        key=record.key,
        headers=dict(record.headers),
        id=record.id,
        topic=topic,
        group=record.group,
        reason=record.reason,
        attempts=record.attempts,
        published_at=record.published_at,
        died_at=record.died_at,
        damaged=record.damaged,
    )


def _not_published(
    error: UnavailableError | DeadlineExceededError | CircuitOpenError,
) -> PublishError:
    said = PublishError(
        f"the broker did not acknowledge the message ({type(error).__name__})",
        hint=error.hint,
        outcome=error.outcome,
    )
    said.operation, said.service, said.provider = error.operation, error.service, error.provider
    return said
