"""A topic in memory: its log, its groups and what is scheduled; plain data that never awaits."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.memory.queue import Dead, GroupQueue, Stored

__all__ = ["Topic"]


@dataclass(slots=True)
class Topic:
    """All of one topic. Times are monotonic seconds, but for stamps.

    Args:
        kept: Seconds that messages and their ids are kept after they are published.
    """

    kept: float
    groups: dict[str, GroupQueue] = field(default_factory=dict)
    _numbers: int = 0
    _log: deque[tuple[float, Stored]] = field(default_factory=deque)
    _ids: dict[str, float] = field(default_factory=dict)
    _scheduled: list[tuple[float, int, Outgoing, float]] = field(default_factory=list)
    _cancellable: dict[str, int] = field(default_factory=dict)

    def number(self) -> int:
        """A number larger than all before it."""
        self._numbers += 1
        return self._numbers

    def knows(self, message_id: str, now: float) -> bool:
        """Whether that id was published within the time that ids are kept."""
        return self._ids.get(message_id, now) > now

    def publish(self, message: Outgoing, now: float, stamp: float) -> None:
        """Give a message to all groups."""
        self._ids[message.id] = now + self.kept
        stored = self._stored(message, stamp)
        self._log.append((now + self.kept, stored))
        for group in self.groups.values():
            group.add(stored)

    def schedule(self, message: Outgoing, due: float, now: float, stamp: float) -> None:
        """Keep a message until it is due."""
        number = self.number()
        self._ids[message.id] = max(due, now + self.kept)
        self._cancellable[message.id] = number
        heapq.heappush(self._scheduled, (due, number, message, stamp))

    def cancel(self, message_id: str) -> bool:
        """Take a scheduled message back; whether it was one."""
        number = self._cancellable.pop(message_id, None)
        if number is None:
            return False
        self._scheduled = [one for one in self._scheduled if one[1] != number]
        heapq.heapify(self._scheduled)
        del self._ids[message_id]
        return True

    def subscribe(self, group: str) -> None:
        """Make the group, with all that is retained before it."""
        if group not in self.groups:
            made = self.groups[group] = GroupQueue(group)
            for _, stored in self._log:
                made.add(stored)

    def replay(self, group: str, since: float) -> int:
        """Put before the group again what it has settled."""
        queue = self.groups[group]
        again = [
            stored
            for _, stored in self._log
            if stored.published_at >= since and stored.number not in queue.entries
        ]
        for stored in again:
            queue.add(stored)
        return len(again)

    def redrive(self, letters: Iterable[Dead]) -> None:
        """Put dead letters behind what their groups have before them."""
        for letter in letters:
            queue = self.groups[letter.group]
            del queue.dead[letter.number]
            queue.add(replace(letter.stored, number=self.number()))

    def dead(self, group: str | None) -> list[Dead]:
        """Dead letters in the order of their deaths."""
        queues = self.groups.values() if group is None else filter(None, [self.groups.get(group)])
        return sorted(
            (letter for queue in queues for letter in queue.dead.values()),
            key=lambda letter: letter.number,
        )

    def tick(self, now: float) -> None:
        """Publish what is due, end leases, forget what is old."""
        while self._scheduled and self._scheduled[0][0] <= now:
            due, _, message, stamp = heapq.heappop(self._scheduled)
            self._cancellable.pop(message.id, None)
            self.publish(message, due, stamp)
        for group in self.groups.values():
            group.tick(now)
        while self._log and self._log[0][0] <= now:
            _, stored = self._log.popleft()
            if self._ids.get(stored.id, now) <= now:
                self._ids.pop(stored.id, None)

    def next_tick(self, group: GroupQueue) -> float | None:
        """When :meth:`tick` can bring something to the group, at the earliest."""
        times = [self._scheduled[0][0]] if self._scheduled else []
        own = group.next_tick()
        return min(times if own is None else [*times, own], default=None)

    def scheduled(self) -> int:
        """How many messages are not due yet."""
        return len(self._scheduled)

    def _stored(self, message: Outgoing, stamp: float) -> Stored:
        return Stored(
            self.number(), message.id, message.payload, message.key, dict(message.headers), stamp
        )
