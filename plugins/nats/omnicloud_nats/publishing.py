"""Publishing: one message or several at once, now or later, known ids once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from omnicloud.contracts.messaging.driver import Publish
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_nats.letters import Places, headers_of_message
from omnicloud_nats.stream import Stream

__all__ = ["BATCH_ITEMS", "Publishing", "firsts"]

BATCH_ITEMS = 1000
"""As many messages as the server takes in one step."""

_LATER_SECONDS = 0.005  # never early, though the server's time is known to a few milliseconds
_TRIES = 20
_ABSENT = "0"


class Publishing:
    """How messages come into a stream."""

    def __init__(self, stream: Stream, places: Places) -> None:
        self._stream = stream
        self._places = places

    async def publish(self, op: Publish) -> None:
        """Take these messages, all or none."""
        now = await self._stream.time.now() if op.delay else 0.0
        messages: Sequence[Outgoing] = op.messages
        if op.dedupe:
            messages = firsts(messages)
        for _ in range(_TRIES):
            made = [self._made(op, one, now) for one in messages]
            if not made or await self._sent(made, op, messages):
                return
            # Some id is known: the others go again without it.
            messages = [one for one in messages if not await self._is_known(op.topic, one.id)]
        raise UnavailableError("others published the same ids meanwhile", outcome=Outcome.NOT_DONE)

    async def _sent(
        self,
        made: list[tuple[str, bytes, dict[str, str]]],
        op: Publish,
        messages: Sequence[Outgoing],
    ) -> bool:
        if len(made) > 1:
            return await self._stream.publish_all(made) is not None
        among = self._places.known(op.topic, messages[0].id) if op.dedupe else None
        over = 0 if op.dedupe else None
        return await self._stream.publish(*made[0], over=over, among=among) is not None

    def _made(
        self, op: Publish, message: Outgoing, now: float
    ) -> tuple[str, bytes, dict[str, str]]:
        """Where a message goes, and as what."""
        subject = target = self._places.message(op.topic, message.id)
        headers = headers_of_message(message, now if op.delay else None)
        if op.delay:
            subject = self._places.scheduled(op.topic, message.id)
            due = datetime.fromtimestamp(now + op.delay + _LATER_SECONDS, UTC)
            headers["Nats-Schedule"] = f"@at {due.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}"
            headers["Nats-Schedule-Target"] = target
        if op.dedupe and len(op.messages) > 1:
            headers["Nats-Expected-Last-Subject-Sequence"] = _ABSENT
            known = self._places.known(op.topic, message.id)
            headers["Nats-Expected-Last-Subject-Sequence-Subject"] = known
        return subject, message.payload, headers

    async def _is_known(self, topic: str, message_id: str) -> bool:
        return bool(await self._stream.count(self._places.known(topic, message_id)))


def firsts(messages: Sequence[Outgoing]) -> list[Outgoing]:
    """Of each id the first message, in the order of those."""
    firsts: dict[str, Outgoing] = {}
    for one in messages:
        firsts.setdefault(one.id, one)
    return list(firsts.values())
