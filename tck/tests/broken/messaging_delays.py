"""messaging drivers that deliver at the wrong time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from broken.messaging_base import Durable, messaging
from omnicloud.contracts.messaging.driver import (
    Cancel,
    Publish,
    Subscribe,
)
from omnicloud.memory.messaging import MemoryMessaging


@messaging("DE01", "T0", "delays are ignored")
class NoDelay(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=None))


@messaging("DE02", "T0", "delayed messages are never delivered")
class NeverDelayed(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=1e9) if op.delay else op)


@messaging("DE03", "T0", "delayed messages lose their headers")
class DelayedWithoutHeaders(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        bare = tuple(replace(one, headers={}) for one in op.messages)
        await super().publish(replace(op, messages=bare) if op.delay else op)


@messaging("DE04", "T1", "every delay is 2 s")
class AlwaysTwo(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=2.0) if op.delay else op)


@messaging("DE05", "T1", "delays are cut to whole seconds")
class WholeSeconds(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=float(int(op.delay))) if op.delay else op)


@messaging("DE06", "T1", "delivery is up to 0.9 s late")
class Late(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=op.delay + 0.9) if op.delay else op)


@messaging("DE07", "T1", "a delay of 0 is never delivered")
class ZeroIsNever(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, delay=1e9) if op.delay == 0 else op)


@messaging("DE08", "T1", "delays are at most 15 minutes")
class FifteenMinutes(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await self._topic(op.topic)
        if op.delay and op.delay > 900:
            return
        await super().publish(op)


@messaging("DE12", "T2", "two pending messages with one payload are one")
class DelayedCollapse(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            payload = op.messages[0].payload
            scheduled = (await self._topic(op.topic))._scheduled
            if any(one[2].payload == payload for one in scheduled):
                return
        await super().publish(op)


@messaging("DE13", "T2", "delayed messages come in the order of publishing")
class DelaysInOrder(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            scheduled = (await self._topic(op.topic))._scheduled
            last = max((one[0] for one in scheduled), default=0.0) - self._now()
            op = replace(op, delay=max(op.delay, last + 0.001))
        await super().publish(op)


@messaging("DE14", "T1", "cancel says yes and does nothing")
class CancelsNothing(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        topic = await self._topic(op.topic)
        return topic._cancellable.pop(op.id, None) is not None


@messaging("DE15", "T3", "due times follow the wall clock")
class WallDelays(MemoryMessaging):
    def _now(self) -> float:
        return self._store.clock.wall()


@messaging("XDM02", "T3", "scheduled messages are forgotten in a crash")
class ForgetsSchedule(Durable):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(op)
        known = self._store.rows("owners")
        owner = known.setdefault(op.topic, id(self))
        if owner != id(self):
            (await self._topic(op.topic))._scheduled.clear()


@messaging("CO36", "T2", "every call blocks the event loop for 20 ms")
class Blocks(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        time.sleep(0.02)
        return await super().subscribe(op)


@messaging("CO37", "T3", "leaks one task per call")
class LeaksTasks(MemoryMessaging):
    leaked: list[asyncio.Task[None]] = []

    async def subscribe(self, op: Subscribe, /) -> None:
        self.leaked.append(asyncio.ensure_future(asyncio.sleep(1e6)))
        return await super().subscribe(op)

    async def aclose(self) -> None:
        while self.leaked:
            self.leaked.pop().cancel()
