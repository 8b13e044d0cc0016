"""The messaging contract over SNS and SQS.

A topic is one of SNS, which gives each message to every group that there is, and a group a queue
of SQS behind it.
"""

from __future__ import annotations

from functools import partial

import anyio.lowlevel

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
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
    Outgoing,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from omnicloud_aws.behind import Behind
from omnicloud_aws.client import Client, client_of
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.desk import Desk
from omnicloud_aws.envelope import Meta, packed
from omnicloud_aws.errors import RefusedError
from omnicloud_aws.later import Later
from omnicloud_aws.letters import Letters
from omnicloud_aws.places import Places
from omnicloud_aws.queues import Queues
from omnicloud_aws.topics import Topics

__all__ = ["FEATURES", "AWSMessaging", "open_messaging"]

FEATURES: frozenset[Feature] = frozenset({MessagingFeature.DELAYED, MessagingFeature.DURABLE})

_LIMITS = MessagingLimits(payload_max_bytes=128 << 10, headers_max_bytes=24 << 10)
"""Together with two bytes more for each header, id, key and death, in Base64, 256 KiB at most."""
_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


class AWSMessaging:
    """A messaging driver over clients of SNS and SQS."""

    def __init__(self, sns: Client, sqs: Client, places: Places, config: AWSConfig) -> None:
        self._sns = sns
        self._places = places
        self._behind = Behind()
        self._queues = Queues(sqs)
        self._topics = Topics(sns, self._queues, places)
        self._later = Later(self._queues, self._topics, places, self._behind)
        self._letters = Letters(self._queues, places, self._behind, config.look_seconds)
        self._desks: dict[str, Desk] = {}
        durable = sns.at_amazon and sqs.at_amazon
        self._features = FEATURES if durable else FEATURES - {MessagingFeature.DURABLE}

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> MessagingLimits:
        return _LIMITS

    async def publish(self, op: Publish, /) -> None:
        (message,) = op.messages
        meta = self._meta(message)
        if op.delay:
            await self._later.publish(op.topic, meta, message.payload, op.delay)
        else:
            await self._topics.publish(op.topic, packed(meta, message.payload))

    async def subscribe(self, op: Subscribe, /) -> None:
        await self._topics.join(op.topic, op.group)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        try:
            with self._later.watched(op.topic) as swept:
                desk = self._desk(op.topic, op.group)
                found = await desk.receive(op.most, op.wait, op.lease)
                if not found and await swept():
                    found = await desk.receive(op.most, 0.0, op.lease)
                return found
        except NotFoundError:
            self._topics.forget(op.topic, op.group)
            raise

    async def ack(self, op: Ack, /) -> bool:
        return await self._desk(op.topic, op.group).ack(op.receipt)

    async def nack(self, op: Nack, /) -> bool:
        desk = self._desk(op.topic, op.group)
        return await desk.nack(op.receipt, op.delay, count=op.count)

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        return await self._desk(op.topic, op.group).extend(op.receipts, op.lease)

    async def kill(self, op: Kill, /) -> bool:
        return await self._desk(op.topic, op.group).kill(
            op.receipt, lambda loan: self._letters.bury(op.topic, op.group, loan, op.reason)
        )

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return await self._letters.page(op)

    async def redrive(self, op: Redrive, /) -> int:
        return await self._letters.redrive(op)

    async def cancel(self, op: Cancel, /) -> bool:
        await anyio.lowlevel.checkpoint()
        raise UnsupportedError("SQS cannot take back one message that waits")

    async def replay(self, op: Replay, /) -> int:
        await anyio.lowlevel.checkpoint()
        raise UnsupportedError("SQS keeps nothing that was deleted")

    async def measure(self, op: Measure, /) -> Depth:
        counts = await self._queues.count(self._places.group(op.topic, op.group))
        scheduled = await self._later.count(op.topic)
        if counts is None:
            return Depth(0, 0, 0, scheduled, 0)
        return Depth(
            ready=counts.ready,
            in_flight=counts.hidden,
            waiting=counts.delayed,
            scheduled=scheduled,
            dead=await self._letters.count(op.topic, op.group),
        )

    async def aclose(self) -> None:
        """Lend no more; the clients belong to who opened them."""
        await self._behind.aclose()

    def _desk(self, topic: str, group: str) -> Desk:
        name = self._places.group(topic, group)
        if name not in self._desks:
            noted = partial(self._later.noted, topic)
            self._desks[name] = Desk(self._queues, name, self._behind, noted)
        return self._desks[name]

    def _meta(self, message: Outgoing) -> Meta:
        return Meta(message.id, message.key, dict(message.headers), self._sns.time.now())


async def open_messaging(config: AWSConfig, opening: Opening) -> AWSMessaging:
    """A messaging driver in the configured account and region.

    Raises:
        ConfigurationError: What answers at the endpoint is not SQS.
    """
    namespace = opening.service.name if config.namespace is None else config.namespace
    places = Places(namespace)
    sqs = await client_of("sqs", config, opening)
    sns = await client_of("sns", config, opening)
    await _found(sqs, places)
    return AWSMessaging(sns, sqs, places, config)


async def _found(sqs: Client, places: Places) -> None:
    """See that this is SQS, by what it says of a queue that is not there."""
    try:
        answer = await sqs.ask("get_queue_url", _MISSING, QueueName=places.own)
    except (PermissionDeniedError, RefusedError):
        return
    if "QueueUrl" not in answer:
        raise ConfigurationError("what answers at the endpoint is not SQS", hint="check endpoint")
