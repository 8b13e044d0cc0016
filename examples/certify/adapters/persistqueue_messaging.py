"""The messaging contract over persist-queue's ``SQLiteAckQueue``."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from persistqueue import Empty, SQLiteAckQueue

from omnicloud.contracts.messaging.driver import Receive, Redrive
from omnicloud.contracts.messaging.models import DeadRecord, Delivery, Depth
from omnicloud.errors import NotFoundError
from omnicloud_tck.world import World

from ..worlds import folder_world
from .litequeue_messaging import Lite, delivery, digest

__all__ = ["Persist", "world"]

_FAILED = 9  # the library's status of what was given up
_VERBS = {"done": "ack", "retry": "nack", "mark_failed": "ack_failed"}


class Persist(Lite):
    """As :class:`Lite`, but one object for each queue, which all clients share.

    The library promises that an object may be used by several threads, not that a file may be
    used by several objects.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._queues: dict[tuple[str, str], Any] = {}
        self._making = threading.Lock()

    def _subscribe(self, topic: str, group: str) -> None:
        with self._making:
            if (topic, group) not in self._queues:
                path = self._folder / f"{digest(topic)}-{digest(group)}"
                self._queues[topic, group] = SQLiteAckQueue(str(path), multithreading=True)

    def _groups(self, topic: str) -> list[str]:
        with self._making:
            return [group for known, group in self._queues if known == topic]

    def _put(self, topic: str, envelope: str) -> None:
        for group in self._groups(topic):
            self._queues[topic, group].put(envelope)

    def _pop(self, op: Receive) -> tuple[Delivery, ...]:
        queue = self._known(op.topic, op.group)
        found: list[Delivery] = []
        while len(found) < op.most:
            try:
                item = queue.get(block=False, raw=True)
            except Empty:
                break
            found.append(delivery(item["data"], item["timestamp"], str(item["pqid"])))
        return tuple(found)

    def _settle(self, topic: str, group: str, verb: str, receipt: str) -> bool:
        getattr(self._known(topic, group), _VERBS[verb])(id=int(receipt))
        return True

    def _failed(self, topic: str, group: str | None) -> tuple[DeadRecord, ...]:
        letters: list[DeadRecord] = []
        for one in self._groups(topic):
            if group in (None, one):
                letters += [self._letter(row, one) for row in self._dead(topic, one)]
        return tuple(letters)

    def _retry(self, op: Redrive) -> int:
        count = 0
        for group in self._groups(op.topic):
            if op.group in (None, group):
                for row in self._dead(op.topic, group):
                    if not op.ids or self._letter(row, group).id in op.ids:
                        self._queues[op.topic, group].nack(id=row["id"])
                        count += 1
        return count

    def _measure(self, topic: str, group: str) -> Depth:
        queue = self._queues.get((topic, group))
        if queue is None:
            return Depth(0, 0, 0, 0, 0)
        return Depth(queue.qsize(), queue.unack_count(), 0, 0, queue.ack_failed_count())

    def _known(self, topic: str, group: str) -> Any:
        if (topic, group) not in self._queues:
            raise NotFoundError("there is no such group", hint="subscribe")
        return self._queues[topic, group]

    def _dead(self, topic: str, group: str) -> list[Any]:
        return [row for row in self._queues[topic, group].queue() if int(row["status"]) == _FAILED]

    def _letter(self, row: Any, group: str) -> DeadRecord:
        one = delivery(row["data"], row["timestamp"], "")
        at = one.published_at
        return DeadRecord(one.id, one.payload, one.key, one.headers, at, group, "", 1, at)


def world() -> World[Any]:
    """One object that all clients share, over a folder."""
    made: dict[Path, Persist] = {}
    return folder_world(lambda folder: made.setdefault(folder, Persist(folder)))
