"""Messages of calls that wait anyway, published by one statement.

A statement costs the server a commit and the client a round trip, which is more than what the
message costs. So while ``most`` statements of a topic are under way, further calls gather, and the
next statement publishes what has gathered. Nobody waits who would not wait: a call that finds a
place sends its own statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from itertools import chain

from omnicloud.contracts.messaging.driver import Publish

__all__ = ["Joining"]

_MOST_MESSAGES, _MOST_BYTES = 128, 256 << 10  # of one statement that several calls share
_SETTLE_SECONDS = 0.1

_Kind = tuple[str, float | None, bool]
_Send = Callable[[Publish], Coroutine[None, None, None]]


@dataclass(eq=False, slots=True)
class _Waiting:
    """A call that waits for others to send its messages."""

    op: Publish
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    sent: bool = False


@dataclass(slots=True)
class _Topic:
    """What is under way, and what waits, of one kind of publishing to one topic."""

    under_way: int = 0
    waiting: deque[_Waiting] = field(default_factory=deque)


class Joining:
    """Publishes, ``most`` statements of a topic at once.

    Args:
        send: Sends all messages of one request: all are taken or none.
        most: Statements under way for one topic.
    """

    def __init__(self, send: _Send, most: int) -> None:
        self._send = send
        self._most = most
        self._topics: dict[_Kind, _Topic] = {}
        self._sending: set[asyncio.Future[None]] = set()

    async def publish(self, op: Publish) -> None:
        """Send its messages, alone or with those of others.

        Raises:
            OmniCloudError: As ``send`` does; messages that were sent together share it.
        """
        kind = (op.topic, op.delay, op.dedupe)
        topic = self._topics.setdefault(kind, _Topic())
        if topic.under_way >= self._most and _bytes_of(op) <= _MOST_BYTES:
            return await self._joined(topic, op)
        topic.under_way += 1
        try:
            await self._send(op)
        finally:
            self._left(kind, topic)

    async def _joined(self, topic: _Topic, op: Publish) -> None:
        mine = _Waiting(op)
        topic.waiting.append(mine)
        try:
            await mine.done
        except asyncio.CancelledError:
            if self._sending and mine.sent:  # what the caller does next should come after it
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_SETTLE_SECONDS):
                        await asyncio.wait(self._sending)
            elif not mine.sent:
                topic.waiting.remove(mine)
            raise

    def _left(self, kind: _Kind, topic: _Topic) -> None:
        topic.under_way -= 1
        if topic.waiting:
            topic.under_way += 1
            calls = _some_of(topic.waiting)
            messages = tuple(chain.from_iterable(call.op.messages for call in calls))
            sending = asyncio.ensure_future(self._send(replace(calls[0].op, messages=messages)))
            self._sending.add(sending)
            sending.add_done_callback(lambda done: self._sent(done, kind, topic, calls))
        elif not topic.under_way:
            self._topics.pop(kind, None)

    def _sent(
        self, sending: asyncio.Future[None], kind: _Kind, topic: _Topic, calls: list[_Waiting]
    ) -> None:
        self._sending.discard(sending)
        _answer([call.done for call in calls if not call.done.done()], sending)
        self._left(kind, topic)


def _some_of(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Those that go next, taken away from the others."""
    calls: list[_Waiting] = []
    messages = size = 0
    while waiting:
        one = waiting[0]
        messages, size = messages + len(one.op.messages), size + _bytes_of(one.op)
        if calls and (messages > _MOST_MESSAGES or size > _MOST_BYTES):
            break
        one.sent = True
        calls.append(waiting.popleft())
    return calls


def _bytes_of(op: Publish) -> int:
    return sum(len(message.payload) for message in op.messages)


def _answer(callers: list[asyncio.Future[None]], sending: asyncio.Future[None]) -> None:
    error = None if sending.cancelled() else sending.exception()
    for caller in callers:
        if sending.cancelled():
            caller.cancel()
        elif error is None:
            caller.set_result(None)
        else:  # each caller's pipeline writes into its own
            caller.set_exception(copy.copy(error))
