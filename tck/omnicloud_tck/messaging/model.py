"""What a group has before it, as lists, and random sequences of operations on it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from omnicloud.contracts.messaging import Message, Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Kill, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud_tck.check import equal, that
from omnicloud_tck.world import World

__all__ = ["MessagingModel", "messaging_steps"]

_GROUPS = ("g", "h")
_LONG = 3600.0


def messaging_steps() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Random operations: verb, client and what it needs."""
    client, group = st.integers(0, 1), st.sampled_from(_GROUPS)
    which = st.integers(0, 20)
    key = st.sampled_from((None, "a", "b"))
    one = st.one_of(
        st.tuples(st.just("publish"), client, key),
        st.tuples(st.just("publish"), client, key),
        st.tuples(st.just("receive"), client, group, st.integers(1, 3)),
        st.tuples(st.just("receive"), client, group, st.integers(1, 3)),
        st.tuples(st.just("ack"), client, group, which),
        st.tuples(st.just("nack"), client, group, which, st.booleans()),
        st.tuples(st.just("kill"), client, group, which),
        st.tuples(st.just("redrive"), client),
    )
    return st.lists(one, max_size=25)


class MessagingModel:
    """Of each group: what waits, what is lent, what is dead; of each message the attempts."""

    def __init__(self, topic: str, world: World[Any]) -> None:
        self._topic = topic
        self._world = world
        self._count = 0
        self._keys: dict[bytes, str | None] = {}
        self._headers: dict[bytes, dict[str, str]] = {}
        self._waiting: dict[str, list[bytes]] = {group: [] for group in _GROUPS}
        self._lent: dict[str, list[Delivery]] = {group: [] for group in _GROUPS}
        self._holders: dict[str, Messaging] = {}
        self._dead: dict[str, list[bytes]] = {group: [] for group in _GROUPS}
        self._attempts: dict[tuple[str, bytes], int] = {}
        self._ordered = False

    async def follow(
        self, steps: list[tuple[Any, ...]], clients: tuple[Messaging, Messaging]
    ) -> None:
        """Do the steps on the clients and compare each answer; in the end take what is left."""
        await self.begin(clients)
        for step in steps:
            await self.take(step, clients)
        await self.end(clients)

    async def begin(self, clients: tuple[Messaging, Messaging]) -> None:
        """Let the groups be known."""
        features = clients[0].pipeline.driver.features
        self._ordered = MessagingFeature.ORDERED in features
        for group in _GROUPS:
            await clients[0].pipeline.send(Subscribe(self._topic, group))

    async def take(self, step: tuple[Any, ...], clients: tuple[Messaging, Messaging]) -> None:
        """Do a step on its client and compare the answer."""
        verb, client, *rest = step
        await getattr(self, f"_{verb}")(clients[client], *rest)

    async def end(self, clients: tuple[Messaging, Messaging]) -> None:
        """Take all that is left and compare it."""
        for group in _GROUPS:
            await self._empty(clients[1], group)

    async def _publish(
        self,
        messaging: Messaging,
        key: str | None,
        end: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        payload = self._made(key, end, headers)
        await messaging.publish(self._topic, payload, key=key, headers=dict(headers))
        self._published(payload)

    async def _publish_many(self, messaging: Messaging, keys: list[str | None], end: bytes) -> None:
        headers = (("batch", "é"),)
        payloads = [self._made(key, end, headers) for key in keys]
        await messaging.publish_many(
            self._topic,
            [Message(one, self._keys[one], dict(self._headers[one])) for one in payloads],
        )
        self._published(*payloads)

    def _made(self, key: str | None, end: bytes, headers: tuple[tuple[str, str], ...]) -> bytes:
        self._count += 1
        payload = b"%d " % self._count + end
        self._keys[payload] = key
        self._headers[payload] = dict(headers)
        return payload

    def _published(self, *payloads: bytes) -> None:
        for group in _GROUPS:
            for payload in payloads:
                self._waiting[group].append(payload)
                self._attempts[group, payload] = 0

    async def _receive(self, messaging: Messaging, group: str, most: int) -> int:
        op = Receive(self._topic, group, most, 0.0, _LONG)
        found = await messaging.pipeline.send(op)
        that(len(found) <= most, f"{most} messages were asked for, {len(found)} came")
        for one in found:
            that(one.payload in self._waiting[group], "a message was lent that does not wait")
            if self._ordered:
                self._check_order(group, one.payload)
            self._waiting[group].remove(one.payload)
            self._lent[group].append(one)
            self._holders[one.receipt] = messaging
            self._attempts[group, one.payload] += 1
            equal(self._attempts[group, one.payload], one.attempt, "attempt")
            equal(self._keys[one.payload], one.key, "key")
            equal(self._headers[one.payload], dict(one.headers), "headers")
        return len(found)

    def _check_order(self, group: str, payload: bytes) -> None:
        key = self._keys[payload]
        if key is None:
            return
        held = [one for one in self._lent[group] if self._keys[one.payload] == key]
        that(not held, "a message was lent while another of its key is")
        first = next(one for one in self._waiting[group] if self._keys[one] == key)
        equal(first, payload, "the next message of the key")

    async def _ack(self, messaging: Messaging, group: str, which: int) -> None:
        one = self._pick(group, which)
        if one is not None:
            holder = self._holders.pop(one.receipt, messaging)
            done = await holder.pipeline.send(Ack(self._topic, group, one.receipt))
            equal(True, done, "ack")

    async def _nack(self, messaging: Messaging, group: str, which: int, count: bool) -> None:
        one = self._pick(group, which)
        if one is None:
            return
        holder = self._holders.pop(one.receipt, messaging)
        done = await holder.pipeline.send(Nack(self._topic, group, one.receipt, 0.0, count))
        equal(True, done, "nack")
        self._attempts[group, one.payload] -= not count
        waiting = self._waiting[group]
        key = self._keys[one.payload]
        place = next((n for n, other in enumerate(waiting) if self._keys[other] == key), None)
        waiting.insert(len(waiting) if place is None or key is None else place, one.payload)

    async def _kill(self, messaging: Messaging, group: str, which: int) -> None:
        one = self._pick(group, which)
        if one is not None:
            holder = self._holders.pop(one.receipt, messaging)
            done = await holder.pipeline.send(Kill(self._topic, group, one.receipt, "on purpose"))
            equal(True, done, "kill")
            self._dead[group].append(one.payload)

    async def _redrive(self, messaging: Messaging) -> None:
        count = sum(map(len, self._dead.values()))
        equal(count, await messaging.redrive(self._topic), "letters redriven")
        for group, dead in self._dead.items():
            for payload in dead:
                self._waiting[group].append(payload)
                self._attempts[group, payload] = 0
            dead.clear()

    def _pick(self, group: str, which: int) -> Delivery | None:
        lent = self._lent[group]
        return lent.pop(which % len(lent)) if lent else None

    async def _empty(self, messaging: Messaging, group: str) -> None:
        letters = [one async for one in messaging.dead_letters(self._topic, group=group)]
        equal(self._dead[group], [letter.payload for letter in letters], "dead letters")
        for letter in letters:
            whole = (self._keys[letter.payload], self._headers[letter.payload])
            equal(whole, (letter.key, dict(letter.headers)), "key and headers of a dead letter")
        patience = 20
        while self._waiting[group] or self._lent[group]:
            while self._lent[group]:
                await self._ack(messaging, group, 0)
            if not await self._receive(messaging, group, 5) and self._waiting[group]:
                patience -= 1
                that(patience, f"{len(self._waiting[group])} messages were lost")
                await self._world.sleep(0.05)
        left = await messaging.pipeline.send(Receive(self._topic, group, 5, 0.0, _LONG))
        equal((), left, "after all is settled")
