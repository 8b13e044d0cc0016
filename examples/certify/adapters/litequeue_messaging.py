"""The messaging contract over litequeue."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litequeue import LiteQueue

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
    DeadRecord,
    Delivery,
    Depth,
    MessagingLimits,
)
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud.errors import NotFoundError
from omnicloud_tck.world import World

from ..refusals import refuse
from ..threads import in_thread
from ..worlds import folder_world

__all__ = ["Lite", "delivery", "digest", "world"]

_POLL_SECONDS = 0.02


class Lite:
    """A database for each group of each topic, opened for each call; a message is JSON in it.

    The library has queues and no topics, so publishing puts a message into the queue of every
    group there is. It has no leases, no attempts, no delay before the next one, and does not
    say whether a receipt was still good: ``done`` and ``retry`` are told to succeed.
    """

    features: frozenset[Feature] = NO_FEATURES
    limits = MessagingLimits()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def publish(self, op: Publish, /) -> None:
        (message,) = op.messages
        envelope = json.dumps(
            {
                "id": message.id,
                "payload": base64.b64encode(message.payload).decode(),
                "key": message.key,
                "headers": dict(message.headers),
            }
        )
        await in_thread(self._put, op.topic, envelope)

    async def subscribe(self, op: Subscribe, /) -> None:
        await in_thread(self._subscribe, op.topic, op.group)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        """What is ready; the library cannot wait, so it is asked again and again."""
        until = time.monotonic() + op.wait
        while True:
            found = await in_thread(self._pop, op)
            if found or time.monotonic() >= until:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    async def ack(self, op: Ack, /) -> bool:
        return await in_thread(self._settle, op.topic, op.group, "done", op.receipt)

    async def nack(self, op: Nack, /) -> bool:
        return await in_thread(self._settle, op.topic, op.group, "retry", op.receipt)

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        await refuse(op.name)

    async def kill(self, op: Kill, /) -> bool:
        return await in_thread(self._settle, op.topic, op.group, "mark_failed", op.receipt)

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return DeadPage(await in_thread(self._failed, op.topic, op.group))

    async def redrive(self, op: Redrive, /) -> int:
        return await in_thread(self._retry, op)

    async def cancel(self, op: Cancel, /) -> bool:
        await refuse(op.name)

    async def replay(self, op: Replay, /) -> int:
        await refuse(op.name)

    async def measure(self, op: Measure, /) -> Depth:
        return await in_thread(self._measure, op.topic, op.group)

    async def aclose(self) -> None:
        """Nothing is held open between calls."""

    # What follows runs in a thread.

    def _topic(self, topic: str) -> Path:
        return self._folder / digest(topic)

    def _subscribe(self, topic: str, group: str) -> None:
        self._topic(topic).mkdir(exist_ok=True)
        name = self._topic(topic) / f"{digest(group)}.name"
        if name.exists():
            return
        with _opened(self._topic(topic), group):
            pass
        aside = name.with_suffix(f".{uuid.uuid4().hex}")  # whole, for who looks meanwhile
        aside.write_text(group, encoding="utf-8")
        aside.replace(name)

    def _groups(self, topic: str) -> list[str]:
        names = sorted(self._topic(topic).glob("*.name"))
        return [name.read_text(encoding="utf-8") for name in names]

    def _put(self, topic: str, envelope: str) -> None:
        for group in self._groups(topic):
            with _opened(self._topic(topic), group) as queue:
                queue.put(envelope)

    def _pop(self, op: Receive) -> tuple[Delivery, ...]:
        self._check(op.topic, op.group)
        with _opened(self._topic(op.topic), op.group) as queue:
            popped = [queue.pop() for _ in range(op.most)]
        return tuple(_lent(message) for message in popped if message is not None)

    def _check(self, topic: str, group: str) -> None:
        if group not in self._groups(topic):
            raise NotFoundError("there is no such group", hint="subscribe")

    def _settle(self, topic: str, group: str, verb: str, receipt: str) -> bool:
        self._check(topic, group)
        with _opened(self._topic(topic), group) as queue:
            getattr(queue, verb)(receipt)
        return True

    def _failed(self, topic: str, group: str | None) -> tuple[DeadRecord, ...]:
        letters: list[DeadRecord] = []
        for one in self._groups(topic):
            if group in (None, one):
                with _opened(self._topic(topic), one) as queue:
                    letters += [_letter(message, one) for message in queue.list_failed()]
        return tuple(sorted(letters, key=lambda letter: letter.died_at))

    def _retry(self, op: Redrive) -> int:
        count = 0
        for group in self._groups(op.topic):
            if op.group in (None, group):
                with _opened(self._topic(op.topic), group) as queue:
                    for message in list(queue.list_failed()):
                        if not op.ids or _lent(message).id in op.ids:
                            queue.retry(message.message_id)
                            count += 1
        return count

    def _measure(self, topic: str, group: str) -> Depth:
        if group not in self._groups(topic):
            return Depth(0, 0, 0, 0, 0)
        with _opened(self._topic(topic), group) as queue:
            lent = sum(1 for _ in queue.list_locked(0))
            dead = sum(1 for _ in queue.list_failed())
            return Depth(queue.qsize() - lent, lent, 0, 0, dead)


def world() -> World[Any]:
    """Queues over one folder."""
    return folder_world(Lite)


@contextmanager
def _opened(folder: Path, group: str) -> Iterator[Any]:
    queue = LiteQueue(folder / f"{digest(group)}.db")
    try:
        yield queue
    finally:
        queue.close()


def digest(name: str) -> str:
    """A name for files, of any name."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def delivery(envelope: str, published_at: float, receipt: str) -> Delivery:
    """A message as it was put into a queue."""
    held = json.loads(envelope)
    payload = base64.b64decode(held["payload"])
    return Delivery(held["id"], payload, held["key"], held["headers"], published_at, 1, receipt)


def _lent(message: Any) -> Delivery:
    return delivery(message.data, message.in_time / 1e9, message.message_id)


def _letter(message: Any, group: str) -> DeadRecord:
    one = _lent(message)
    died_at = message.done_time / 1e9
    return DeadRecord(
        one.id, one.payload, one.key, one.headers, one.published_at, group, "", 1, died_at
    )
