"""Messaging beside a plain reading of topics: every verb, every option, and time that passes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from omnicloud.contracts.messaging import Message as Given
from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Extend,
    Kill,
    Nack,
    Receive,
)
from omnicloud.contracts.messaging.models import DeadRecord, Delivery
from omnicloud_tck.check import equal, that
from omnicloud_tck.differential.times import EARLY, Times
from omnicloud_tck.differential.topics import Entry, Group, Letter, Message, State, Topic
from omnicloud_tck.differential.twins import Scene, Step

__all__ = ["MessagingTwin", "opened"]

Headers = tuple[tuple[str, str], ...]
Marked = tuple[str | None, str | None]
"""Key and id of a message of a batch."""

_SAME = {"batch_as": "batch", "crowd": "batch", "publish_later_as": "publish_later"}
_BRINGS = {"publish_later": MessagingFeature.DELAYED, "replay": MessagingFeature.REPLAY}
"""Of what may bring a message, what not every provider has."""
_SLACK = 5.0  # seconds by which a stamp may differ from the kit's own look at the clock
_WAITS, _SOON = 400.0, 1.2  # seconds that a group waits, and in which it is woken
_LONGEST = 500_000.0  # seconds of a lease that ends after all else
_MARGIN = 10.0  # seconds before the end of what is retained or remembered
_PATIENCE = 8  # how often a group asks for what nothing holds back
_APART = 0.04  # seconds between two messages that become due, so that their order is known
_NEAR = 2.0  # seconds before a moment: a delivery may have begun so long before it was seen
_FAR = 4e9  # seconds since 1970


class MessagingTwin:
    """Two clients of topics, and the topics as they should be."""

    def __init__(self, scene: Scene) -> None:
        self._clients = [Messaging(pipe, scene.world.clock) for pipe in scene.pipes]
        self._pipes = scene.pipes
        self._space, self._times = scene.space, Times(scene)
        self._features = scene.features
        self._limits: Any = scene.pipes[0].driver.limits
        self._topics: dict[str, Topic] = {}
        self._stamps: list[float] = []

    async def take(self, step: Step) -> None:
        """Do an operation on both and compare the answers."""
        await self._times.clear_of(self._moments())
        self._tick()
        verb, client, *rest = step
        await getattr(self, _SAME.get(verb) or verb)(client, *rest)

    def _moments(self) -> list[float]:
        return [moment for topic in self._topics.values() for moment in topic.moments()]

    def _tick(self, late: float = 0.0) -> None:
        for topic in self._topics.values():
            topic.tick(self._times.now() + late)

    def _topic(self, room: str) -> Topic:
        ordered = MessagingFeature.ORDERED in self._features
        return self._topics.setdefault(room, Topic(ordered))

    async def _group(self, client: int, room: str, name: str) -> Group | None:
        """The group, made where it is not there and can be."""
        topic = self._topic(room)
        if name not in topic.groups:
            await self.subscribe(client, room, name)
        return topic.groups.get(name)

    def _busy(self, room: str, name: str) -> tuple[str, str]:
        """The group if it has anything out, else one that has, if any."""
        places = [(room, name), *((r, g) for r, one in self._topics.items() for g in one.groups)]
        busy = (place for place in places if self._out(*place))
        return next(busy, (room, name))

    def _out(self, room: str, name: str) -> bool:
        group = self._topic(room).groups.get(name)
        return group is not None and bool(group.lent())

    def _has(self, feature: MessagingFeature) -> bool:
        return feature in self._features

    def _fresh(self, topic: Topic, seconds: float) -> bool:
        """Whether all of a topic is younger than that."""
        oldest = min((one.born for one in topic.log), default=self._times.now())
        return self._times.now() - oldest < seconds - _MARGIN

    # Publishing

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
            return
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
            return
        while any(abs(due - self._times.now() - delay) < _APART for due, _ in topic.scheduled):
            await self._times.rest()
        due = self._times.now() + delay
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
            topic.scheduled.append((due, message))
        else:
            topic.publish(message)

    async def reversed_later(
        self, client: int, room: str, name: str, key: str | None, payload: bytes
    ) -> None:
        """Let messages become due in another order than they were published in, unobserved."""
        if await self._group(client, room, name) is None or not self._times.virtual:
            return
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
            marked = [one for one in marked if self._known(topic, one[1] or "") is not None]
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

    # Groups

    async def subscribe(self, client: int, room: str, name: str) -> None:
        """Make a group, or one that is known again, which changes nothing."""
        topic, retained = self._topic(room), self._has(MessagingFeature.REPLAY)
        new = retained and name not in topic.groups
        if new and not self._fresh(topic, self._limits.retention_seconds):
            return  # what is older may be retained or not
        await self._clients[client].subscribe(self._space + room, name)
        topic.subscribe(name, retained=retained)

    async def receive(
        self, client: int, room: str, name: str, most: int, lease: float, wait: float
    ) -> None:
        """Be lent what is ready."""
        group = await self._group(client, room, name)
        if group is None:
            return
        lease, wait = self._times.span(lease), wait if self._times.virtual else 0.0
        ready = len(group.lendable())
        for turn in range(_PATIENCE):
            found = await self._ask(client, room, name, most, lease, wait)
            self._lend(group, found, most, lease)
            if found or not ready:
                return
            wait = 0.3 if turn else 0.0
        that(False, f"{ready} messages that nothing holds back are not lent")

    async def _ask(
        self, client: int, room: str, name: str, most: int, lease: float, wait: float
    ) -> tuple[Delivery, ...]:
        op = Receive(self._space + room, name, most, wait, lease)
        found: tuple[Delivery, ...] = await self._pipes[client].send(op)
        return found

    def _lend(self, group: Group, found: tuple[Delivery, ...], most: int, lease: float) -> None:
        that(len(found) <= most, f"{most} messages were asked for, {len(found)} came")
        self._tick(EARLY)
        for one in found:
            entry = group.lendable().get(one.id)
            if entry is None:
                self._explain(group, one)
            else:
                entry.lend(one.receipt, self._times.now() + lease)
                self._whole(entry, one)

    def _explain(self, group: Group, one: Delivery) -> None:
        entry = next((e for e in group.entries if e.message.id == one.id), None)
        if entry is None:
            that(False, "a message was lent that the group has not before it")
        elif entry.state is State.READY:
            that(False, "a message was lent before an older one of its key was settled")
        else:
            that(False, f"a message was lent that is {entry.state.name.lower()}")

    def _whole(self, entry: Entry, one: Delivery) -> None:
        message = entry.message
        equal(message.payload, one.payload, "payload")
        equal(message.key, one.key, "key")
        equal(message.headers, dict(one.headers), "headers")
        equal(entry.attempts, one.attempt, "attempt")
        that(not one.damaged, "a delivery is told to be damaged")
        self._stamped(message.stamp, one.published_at, "publishing")
        if one.published_at == message.stamp:
            self._stamps.append(one.published_at)

    def _stamped(self, expected: float, got: float, about: str) -> None:
        if self._times.virtual:
            that(abs(expected - got) < _SLACK, f"the moment of {about}: {expected}, got {got}")

    async def woken(self, client: int, room: str, name: str, step: Step) -> None:
        """Wait for a message while something else is done, which may bring one."""
        group = await self._group(client, room, name)
        needed = _BRINGS.get(step[0])
        if group is None or group.lendable() or not self._times.virtual:
            return
        if needed is not None and needed not in self._features:
            return
        waiter = asyncio.ensure_future(self._ask(client, room, name, 1, _LONGEST, _WAITS))
        try:
            await self._times.rest()
            await self.take((step[0], 1 - client, room, *step[1:]))
            self._tick()
            due = bool(group.lendable())
            await self._times.let_pass(_SOON)
            that(waiter.done() or not due, f"who waits is not woken by {step[0]}")
            self._lend(group, await waiter, 1, _LONGEST)
        finally:
            waiter.cancel()

    async def ack(self, client: int, room: str, name: str, which: int) -> None:
        """Settle a delivery, or with an old receipt nothing."""
        await self._settle(client, room, name, which, "ack")

    async def kill(self, client: int, room: str, name: str, which: int, reason: str) -> None:
        """Make a delivery a dead letter."""
        room, name = self._busy(room, name)
        entry = await self._settle(client, room, name, which, "kill", reason)
        if entry is not None:
            letter = Letter(entry.message, reason, entry.attempts, self._times.wall())
            self._topic(room).groups[name].letters.append(letter)

    async def _settle(
        self, client: int, room: str, name: str, which: int, verb: str, reason: str = ""
    ) -> Entry | None:
        room, name = self._busy(room, name)
        group = await self._group(client, room, name)
        entry, receipt = _picked(group, which)
        if group is None or not receipt:
            return None
        place = (self._space + room, name, receipt)
        op = Ack(*place) if verb == "ack" else Kill(*place, reason)
        done = await self._pipes[client].send(op)
        equal(entry is not None, done, f"{verb} with a receipt that is {_called(entry)}")
        if entry is not None:
            group.settle(entry, State.DONE if verb == "ack" else State.DEAD)
        return entry

    async def nack(
        self, client: int, room: str, name: str, which: int, delay: float, counted: bool
    ) -> None:
        """Give a delivery back, for now or for later."""
        room, name = self._busy(room, name)
        group = await self._group(client, room, name)
        entry, receipt = _picked(group, which)
        if group is None or not receipt:
            return
        delay = self._times.span(delay)
        op = Nack(self._space + room, name, receipt, delay, counted)
        done = await self._pipes[client].send(op)
        equal(entry is not None, done, f"nack with a receipt that is {_called(entry)}")
        if entry is not None:
            group.stale.append(entry.receipt)
            until = self._times.now() + delay if delay else None
            entry.give_back(until, counted=counted)

    async def extend(self, client: int, room: str, name: str, count: int, lease: float) -> None:
        """Prolong some leases, or shorten them; old receipts stay old."""
        room, name = self._busy(room, name)
        group = await self._group(client, room, name)
        if group is None:
            return
        lease, held = self._times.span(lease), group.lent()[:count]
        receipts = [entry.receipt for entry in held]
        mixed = [*group.stale[-1:], *receipts, *group.stale[:1]]
        op = Extend(self._space + room, name, tuple(mixed), lease)
        good = await self._pipes[client].send(op)
        equal(sorted(receipts), sorted(good), "receipts that are still good")
        for entry in held:
            entry.until = self._times.now() + lease

    async def toil(self, client: int, room: str, name: str, lease: float, times: int) -> None:
        """Work for long on what is lent, and keep it by prolonging its lease again and again."""
        await self.take(("receive", client, room, name, 2, lease, 0.0))
        for _ in range(times if self._times.virtual else 1):
            await self.take(("extend", client, room, name, 9, lease))
            await self.take(("wait", client, lease * 0.6))
            await self.take(("receive", 1 - client, room, name, 1, 3600.0, 0.0))

    async def measure(self, client: int, room: str, name: str) -> None:
        """Count what a group has before it."""
        topic = self._topic(room)
        if name not in topic.groups or not self._times.virtual:
            return
        depth = await self._clients[client].depth(self._space + room, name)
        got = (depth.ready, depth.in_flight, depth.waiting, depth.dead)
        equal(topic.groups[name].counts(), got, "ready, in flight, waiting, dead")
        equal(len(topic.scheduled), depth.scheduled, "scheduled")

    # Dead letters

    async def letters(self, client: int, room: str, name: str | None, limit: int) -> None:
        """Read dead letters, page by page."""
        topic = self._topic(room)
        found = await self._read(client, room, name, limit, None)
        names = topic.groups if name is None else {name} & topic.groups.keys()
        for one in found:
            that(one.group in names, "a dead letter of another group is listed")
        for group in names:
            own = [one for one in found if one.group == group]
            self._letters_of(topic.groups[group], own)
        died = [one.died_at for one in found]
        that(died == sorted(died), "dead letters are not listed by their deaths")

    async def _read(
        self, client: int, room: str, name: str | None, limit: int, between: Step | None
    ) -> list[DeadRecord]:
        """All pages; ``between`` is done after the first of several."""
        found: list[DeadRecord] = []
        cursor: str | None = None
        for number in range(400):
            op = DeadLetters(self._space + room, name, cursor, limit)
            page = await self._pipes[client].send(op)
            that(len(page.letters) <= limit, f"a page of {limit} has {len(page.letters)} letters")
            found += page.letters
            cursor = page.cursor
            if cursor is None:
                return found
            if number == 0 and between is not None:
                await self.take(between)
        that(False, "pages of dead letters do not end")
        return found

    async def letters_moving(self, client: int, room: str, limit: int, which: int) -> None:
        """Read dead letters while some are given back: those that stay are each read once."""
        topic = self._topic(room)
        for name, group in topic.groups.items():
            before = [one.message.id for one in group.letters]
            between = ("redrive", 1 - client, room, name, 1 + which % 2)
            found = [one.id for one in await self._read(client, room, name, limit, between)]
            stayed = [one.message.id for one in group.letters]
            that(len(found) == len(set(found)), "a dead letter is on two pages")
            left_out = [one for one in stayed if one not in found]
            that(not left_out, "a dead letter that stayed is on no page")
            that(set(found) <= set(before), "what was no dead letter is on a page")

    async def plague(
        self, client: int, room: str, name: str, count: int, payload: bytes, which: int
    ) -> None:
        """Let many messages die in every group, and give them back or not."""
        if await self._group(client, room, name) is None:
            return
        for _ in range(count):
            await self.take(("publish", client, room, None, payload, ()))
        names = list(self._topic(room).groups)
        for one in names:
            await self._die(client, room, one, 3 * count)
        for about in (*names, None):
            await self.take(("letters", client, room, about, 3 if count < 20 else 100))
        await self.take(("redrive", client, room, name, which))

    async def _die(self, client: int, room: str, name: str, most: int) -> None:
        await self.take(("receive", client, room, name, most, 3600.0, 0.0))
        for _ in range(len(self._topic(room).groups[name].lent())):
            await self.take(("kill", client, room, name, 0, "on purpose"))

    def _letters_of(self, group: Group, found: list[DeadRecord]) -> None:
        expected = [_letter(one) for one in group.letters]
        got = [
            (one.id, one.payload, one.key, dict(one.headers), one.reason, one.attempts)
            for one in found
        ]
        equal(expected, got, "dead letters")
        for letter, one in zip(group.letters, found, strict=True):
            self._stamped(letter.message.stamp, one.published_at, "publishing")
            self._stamped(letter.stamp, one.died_at, "death")

    async def redrive(self, client: int, room: str, name: str | None, which: int) -> None:
        """Give dead letters back: all, or some by their ids."""
        topic = self._topic(room)
        names = list(topic.groups) if name is None else [name]
        dead = {group: topic.groups[group].letters for group in names if group in topic.groups}
        known = [one.message.id for group in topic.groups.values() for one in group.letters]
        ids: tuple[str, ...] = () if which % 3 == 0 else ("unknown", *known[: which % 3])
        count = await self._clients[client].redrive(self._space + room, group=name, ids=ids)
        moved = 0
        for group, letters in dead.items():
            chosen = [one for one in letters if not ids or one.message.id in ids]
            topic.groups[group].redrive(chosen)
            moved += len(chosen)
        equal(moved, count, "letters redriven")

    async def replay(self, client: int, room: str, name: str, which: int) -> None:
        """Deliver again what is retained: all, what is new, or nothing."""
        group, topic = await self._group(client, room, name), self._topic(room)
        fresh = self._fresh(topic, self._limits.retention_seconds)
        if group is None:
            return
        if self._has(MessagingFeature.REPLAY) and (group.knots() or not fresh):
            return
        since = (0.0, _FAR, self._times.wall() - 60.0)[which % 3]
        if which > 4 and self._stamps and self._times.virtual:
            since = self._stamps[which % len(self._stamps)]
        elif any(abs(one.stamp - since) < _SLACK for one in topic.log):
            return
        if any(0 < abs(one.stamp - since) < _SLACK for one in topic.log):
            return
        if which % 3 == 2 and not self._times.virtual:
            since = 0.0
        count = await self._clients[client].replay(self._space + room, name, since=since)
        equal(topic.replay(name, since), count, "messages replayed")

    async def wait(self, client: int, seconds: float) -> None:
        """Let time pass."""
        await self._times.let_pass(seconds)
        if self._times.virtual:
            await self._look(client)

    async def approach(self, client: int, which: int) -> None:
        """Let time pass until shortly before something ends by itself."""
        coming = sorted(one for one in self._moments() if one > self._times.now() + 2 * _NEAR)
        if coming and self._times.virtual:
            await self._times.let_pass(coming[which % len(coming)] - _NEAR - self._times.now())
            self._tick()
            await self._look(client)

    async def _look(self, client: int) -> None:
        """See that what time ended has ended, and nothing else."""
        for room, topic in list(self._topics.items()):
            for name in list(topic.groups):
                await self.take(("measure", client, room, name))

    async def end(self) -> None:
        """Compare all that is there, and take it away."""
        for room, topic in list(self._topics.items()):
            for name in list(topic.groups):
                await self._finished(room, name)

    async def _finished(self, room: str, name: str) -> None:
        await self.take(("letters", 0, room, name, 100))
        group = self._topic(room).groups[name]
        while group.lent():
            await self.take(("ack", 1, room, name, 0))
        for _ in range(1000):
            await self.take(("wait", 0, 0.0))
            if not group.lendable():
                break
            await self.take(("receive", 1, room, name, 10, 3600.0, 0.0))
            while group.lent():
                await self.take(("ack", 1, room, name, 0))
        await self.take(("measure", 0, room, name))
        found = await self._ask(1, room, name, 5, self._times.span(60.0), 0.0)
        equal((), found, "what is lent after all is settled")


def _letter(one: Letter) -> tuple[object, ...]:
    message = one.message
    return (message.id, message.payload, message.key, message.headers, one.reason, one.attempts)


def _picked(group: Group | None, which: int) -> tuple[Entry | None, str]:
    """A delivery that is out and its receipt; of every few, a receipt of one that is over."""
    if group is None:
        return None, ""
    out = group.lent()
    if group.stale and (which % 4 == 3 or not out):
        return None, group.stale[which % len(group.stale)]
    if not out:
        return None, ""
    entry = out[which % len(out)]
    return entry, entry.receipt


def _called(entry: Entry | None) -> str:
    return "old" if entry is None else "good"


async def opened(scene: Scene) -> MessagingTwin:
    """The twin of a scene."""
    return MessagingTwin(scene)
