"""Messages into topics: at once, later, under ids that repeat, in batches."""

from __future__ import annotations

from collections.abc import Sequence

from omnicloud.contracts.messaging import Message as Given
from omnicloud.contracts.messaging import MessagingFeature
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.twins import Idle
from omnicloud_tck.subjects.messaging_bench import Bench, Headers, Marked
from omnicloud_tck.subjects.topics import Message, Topic

__all__ = ["Publishing"]

_MARGIN = 10.0  # seconds before the end of what is retained or remembered
_APART = 0.04  # seconds between two messages that become due, so that their order is known
_SLOW = 0.5  # seconds that two requests and their answers take at most


class Publishing(Bench):
    """Operations that bring messages, or take back what is scheduled."""

    async def publish(
        self, client: int, room: str, key: str | None, payload: bytes, headers: Headers
    ) -> None:
        """Publish at once, under an id of the library."""
        message_id = await self._clients[client].publish(
            self._space + room, payload, key, dict(headers)
        )
        that(message_id not in self._topic(room).ids, "an id was given to two messages")
        self._topic(room).publish(self._made(message_id, key, payload, headers))

    async def publish_as(
        self, client: int, room: str, key: str | None, payload: bytes, name: str
    ) -> None:
        """Publish under an id that the caller chose, and may have used before."""
        topic = self._topic(room)
        known = self._known(topic, name)
        if known is None and self._has(MessagingFeature.DEDUPE):
            raise Idle
        answer = await self._clients[client].publish(
            self._space + room, payload, key, {}, message_id=name
        )
        equal(name, answer, "the id of a message whose id was chosen")
        if not known:
            self._take_in(topic, name, key, payload)

    def _known(self, topic: Topic, name: str) -> bool | None:
        """Whether an id was published within its time; ``None`` where nobody can say."""
        if name in topic.gone:
            return None
        born = topic.ids.get(name)
        if born is None:
            return False
        late = self._times.now() - born > self._limits.dedupe_seconds - _MARGIN
        return None if late else True

    def _take_in(self, topic: Topic, name: str, key: str | None, payload: bytes) -> None:
        topic.ids[name] = self._times.now()
        topic.publish(self._made(name, key, payload, ()))

    def _made(self, name: str, key: str | None, payload: bytes, headers: Headers) -> Message:
        times = self._times
        return Message(name, payload, key, dict(headers), times.wall(), times.now())

    async def publish_later(
        self,
        client: int,
        room: str,
        key: str | None,
        payload: bytes,
        headers: Headers,
        delay: float,
        name: str | None = None,
    ) -> None:
        """Publish with a delay, under a chosen id or not; a delay of nothing is at once."""
        topic, delay = self._topic(room), self._times.span(delay)
        known = False if name is None else self._known(topic, name)
        if known is None and self._has(MessagingFeature.DEDUPE):
            raise Idle
        while delay and self._is_close(topic, delay):
            await self._times.rest()
        message_id = await self._clients[client].publish(
            self._space + room,
            payload,
            key,
            dict(headers),
            delay_seconds=delay,
            message_id=name,
        )
        message = self._made(message_id, key, payload, headers)
        if known:
            return
        if name is not None:
            topic.ids[name] = self._times.now()
        if delay:
            topic.scheduled.append((self._times.now() + delay, message))
        else:
            topic.publish(message)

    def _is_close(self, topic: Topic, delay: float) -> bool:
        """Whether what is published now could become due before or after another of the topic.

        Each is due at its delay after some moment between its request and the answer.
        """
        apart = (due - self._times.now() - delay for due, _ in topic.scheduled)
        return self._times.virtual and any(-_APART < one < _SLOW for one in apart)

    async def legion(self, client: int, count: int) -> None:
        """Let many topics be there."""
        for number in range(count):
            await self._clients[client].subscribe(f"{self._space}many-{number}", "g")

    async def reversed_later(
        self, client: int, room: str, name: str, key: str | None, payload: bytes
    ) -> None:
        """Let messages become due in another order than they were published in, unobserved."""
        if await self._group(client, room, name) is None or not self._times.virtual:
            raise Idle
        for delay in (90.0, 10.0, 50.0):
            await self.take(("publish_later", client, room, key, payload, (), delay))
        await self._times.let_pass(100.0)
        for _ in range(3):
            await self.take(("receive", client, room, name, 1, 3600.0, 0.0))
            await self.take(("ack", client, room, name, -1))

    async def crowd_later(
        self, client: int, room: str, key: str | None, payload: bytes, delay: float
    ) -> None:
        """Publish many with one delay."""
        for _ in range(14):
            await self.take(("publish_later", client, room, key, payload, (), delay))

    async def cancel(self, client: int, room: str, which: int) -> None:
        """Take back what is scheduled, or was, or never was."""
        if which % 4 and not self._topic(room).scheduled:
            room = next((name for name, one in self._topics.items() if one.scheduled), room)
        topic = self._topic(room)
        ids = [one.id for _, one in topic.scheduled]
        elsewhere = (one for other in self._topics.values() for _, one in other.scheduled)
        ids += [*topic.gone, *(one.id for one in topic.log[-2:]), "unknown"]
        ids += [one.id for one in elsewhere]
        chosen = ids[which % len(ids)]
        answer = await self._clients[client].cancel(self._space + room, chosen)
        equal(topic.cancel(chosen), answer, "cancel")
        if answer:
            topic.gone.append(chosen)

    async def batch(
        self, client: int, room: str, marked: Sequence[Marked], payload: bytes, named: bool
    ) -> None:
        """Publish many at once, with ids of the caller's or of the library's."""
        topic = self._topic(room)
        if named and {MessagingFeature.DEDUPE, MessagingFeature.BATCH} <= self._features:
            clear = [one for one in marked if self._known(topic, one[1] or "") is not None]
            if marked and not clear:
                raise Idle  # nothing would be sent, and so nothing refused
            marked = clear
        messages = [
            Given(payload + b"%d" % place, key, {"n": str(place)}, (name or "") if named else "")
            for place, (key, name) in enumerate(marked)
        ]
        ids = await self._clients[client].publish_many(self._space + room, messages)
        equal(len(messages), len(ids), "ids of a batch")
        for message_id, one in zip(ids, messages, strict=True):
            if named and self._known(topic, message_id):
                continue
            if named:
                topic.ids[message_id] = self._times.now()
            headers = tuple(one.headers.items())
            topic.publish(self._made(message_id, one.key, one.payload, headers))
