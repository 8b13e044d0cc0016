"""Messaging drivers that are wrong from the third time on, after a death, or where nobody began."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Nack, Receive, Redrive
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract

_TRACED = ("traceparent", "tracestate")
_PATIENT = 3


@broken("BLIND9-MS-01", "T4", "redriving strips the headers of tracing", MessagingContract)
class RedrivesBare(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        for one in topic.dead(op.group):
            kept = {k: v for k, v in one.stored.headers.items() if k not in _TRACED}
            bare = replace(one, stored=replace(one.stored, headers=kept))
            topic.groups[one.group].dead[one.number] = bare
        return await super().redrive(op)


@broken("BLIND9-MS-02", "T1", "an unknown group is an invalid argument", MessagingContract)
class UnknownIsInvalid(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        try:
            return await super().receive(op)
        except NotFoundError:
            raise InvalidArgumentError("no such consumer group") from None


@broken("BLIND9-MS-03", "T3", "from the third attempt on nothing waits", MessagingContract)
class WaitsTwice(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        _, entry = await self._held(op.topic, op.group, op.receipt)
        late = entry is not None and entry.attempt >= _PATIENT
        return await super().nack(replace(op, delay=0.0) if late else op)
