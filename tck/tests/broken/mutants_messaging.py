"""Messaging drivers as a machine changed them: wrong among several groups, or after much work."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import DeadLetters, Replay, Subscribe
from omnicloud.contracts.messaging.models import DeadPage
from omnicloud.memory import messaging as rows
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.queue import Entry, GroupQueue
from omnicloud_tck.messaging import MessagingContract


def messaging(number: str, tier: str, summary: str) -> Any:
    return broken(f"MUT-MS-{number}", tier, summary, MessagingContract)


@messaging("01", "T1", "dead letters of all groups are listed group by group, in pages by number")
class ByGroup(MemoryMessaging):
    """ "Oldest death first; of one group, or of all". The second page loses some."""

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        after, topic = int(op.cursor or 0), await self._topic(op.topic)
        names = sorted(topic.groups) if op.group is None else [op.group]
        letters = [one for name in names for one in topic.dead(name) if one.number > after]
        page, more = letters[: op.limit], len(letters) > op.limit
        told = tuple(map(rows._letter, page))
        return DeadPage(told, str(page[-1].number) if more else None)


_KEPT = 1_000


class _AllHeads(GroupQueue):
    """Of a key what was ready is lent beside an older one that came back."""

    __slots__ = ()

    def _is_head(self, entry: Entry) -> bool:
        return True


@messaging("02", "T2", "replayed messages are lent beside a newer one of their key that waited")
class Beside(MemoryMessaging):
    """ "In the order of publishing, one at a time". Met by a replay while work is left."""

    async def replay(self, op: Replay, /) -> int:
        topic = await self._topic(op.topic)
        topic.subscribe(op.group)
        topic.groups[op.group].__class__ = _AllHeads
        return await super().replay(op)


class _Forgetful(GroupQueue):
    """Of many timers only the newest are kept."""

    __slots__ = ()

    def tick(self, now: float) -> None:
        if len(self._timers) > _KEPT:
            self._timers = sorted(sorted(self._timers, key=lambda one: one[2])[-_KEPT // 2 :])
        super().tick(now)


@messaging("03", "T3", "of the ends of leases and waits the newest thousand are kept")
class NewestTimers(MemoryMessaging):
    """What a dead consumer held is lost. Met by a busy group one of whose workers died."""

    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(op)
        (await self._topic(op.topic)).groups[op.group].__class__ = _Forgetful


@messaging("04", "T2", "a receipt is looked for in every group of the topic")
class AnyGroup(MemoryMessaging):
    """ "Whether the receipt was still good". Met by two services on one topic."""

    async def _held(
        self, topic: str, group: str, receipt: str
    ) -> tuple[GroupQueue | None, Entry | None]:
        for found in (await self._topic(topic)).groups.values():
            if (entry := found.held(receipt)) is not None:
                return found, entry
        return None, None
