"""What broken messaging drivers are made with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    Publish,
    Receive,
)
from omnicloud.contracts.messaging.models import (
    Delivery,
    MessagingFeature,
    Outgoing,
)
from omnicloud.core.operation import Feature
from omnicloud.memory.messaging import FEATURES, MemoryMessaging
from omnicloud_tck.messaging import MessagingContract


def messaging(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, MessagingContract)


class Rewriting(MemoryMessaging):
    """Publishes another message than it is given."""

    def rewritten(self, message: Outgoing) -> Outgoing:
        return message

    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(self.rewritten, op.messages))))


class Redelivering(MemoryMessaging):
    """Delivers another message than was published."""

    def rewritten(self, one: Delivery) -> Delivery:
        return one

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(map(self.rewritten, await super().receive(op)))


class Durable(MemoryMessaging):
    """Says that it is durable, which the memory world's restart makes true of the store."""

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES | {MessagingFeature.DURABLE}
