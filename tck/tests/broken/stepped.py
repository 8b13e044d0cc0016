"""Drivers that take the wall clock for a measure of time, where no other of these does."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Publish
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract


@broken("STEP-ME-01", "T3", "known ids are forgotten by the wall clock", MessagingContract)
class ForgetsByWall(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic, clock = await self._topic(op.topic), self._store.clock
        began: dict[Any, float] = self._store.rows("ids by wall")
        for message in op.messages:
            seen = began.get((op.topic, message.id))
            if seen is not None and clock.wall() - seen > self.limits.dedupe_seconds:
                topic._ids.pop(message.id, None)
        await super().publish(op)
        for message in op.messages:
            began.setdefault((op.topic, message.id), clock.wall())
