"""Messaging that is odd at times, as a machine drew it: topics with odd or long names, and many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Cancel, Extend, Kill, Measure, Redrive, Replay
from omnicloud.contracts.messaging.models import Depth
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract

_LONG, _TABLE = 129, 1000


def messaging(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-MS-{number}", tier, summary, MessagingContract)


@messaging("01", "T1", "in a topic with an equals sign leases are extended as far as usual")
class UsualLease(MemoryMessaging):
    """ "Let the leases end lease seconds from now"."""

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        return await super().extend(replace(op, lease=30.0) if "=" in op.topic else op)


@messaging("02", "T1", "a message of a topic with a long name is not cancelled")
class LongUncancelled(MemoryMessaging):
    """ "Take a scheduled message back". Looked for under a name that was cut."""

    async def cancel(self, op: Cancel, /) -> bool:
        long = len(op.topic.encode()) >= _LONG
        return await super().cancel(replace(op, topic=op.topic[:64]) if long else op)


@messaging("03", "T1", "a message that dies in a topic with a bracket does so without its reason")
class NoReason(MemoryMessaging):
    """ "Why, in words without payload"."""

    async def kill(self, op: Kill, /) -> bool:
        return await super().kill(replace(op, reason="") if "(" in op.topic else op)


@messaging("04", "T1", "of a topic with a long name all is redriven, whatever ids are said")
class AllRedriven(MemoryMessaging):
    """ "Those ids or, with none given, all"."""

    async def redrive(self, op: Redrive, /) -> int:
        long = len(op.topic.encode()) >= _LONG
        return await super().redrive(replace(op, ids=()) if long else op)


@messaging("05", "T2", "of more than a thousand topics the depths of none are told")
class TooManyTopics(MemoryMessaging):
    """ "How many messages the group has before it"."""

    async def measure(self, op: Measure, /) -> Depth:
        depth = await super().measure(op)
        many = len(self._store.rows(self._table)) > _TABLE
        return Depth(0, 0, 0, 0, 0) if many else depth


@messaging("06", "T1", "a topic with a tilde is replayed whole, whatever moment is said")
class WholeReplay(MemoryMessaging):
    """ "What ... was published at since or later"."""

    async def replay(self, op: Replay, /) -> int:
        return await super().replay(replace(op, since=0.0) if "~" in op.topic else op)
