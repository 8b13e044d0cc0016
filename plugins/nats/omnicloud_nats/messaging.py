"""The messaging contract on one stream.

Messages are published to subjects of their ids below their topic's. What a group has before it
is one record, replaced under the condition that no other came between: JetStream's own consumers
know neither a lease for each delivery nor receipts that end, and do not hold back the next of a
key. The server's schedules bring delayed messages to their subjects when they are due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TypeVar

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
from omnicloud.contracts.messaging.joining import Joining
from omnicloud.contracts.messaging.models import (
    DeadPage,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError, OmniCloudError, ResourceExhaustedError
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.group import Dead, Entry, Group
from omnicloud_nats.letters import (
    HEADERS_BYTES,
    Places,
    copy_of,
    letter_of,
    seen_of,
)
from omnicloud_nats.publishing import BATCH_ITEMS, Publishing
from omnicloud_nats.store import store_of
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream, open_stream
from omnicloud_nats.turns import Turns, Write

__all__ = ["FEATURES", "NatsMessaging", "open_messaging"]

FEATURES: frozenset[Feature] = frozenset(MessagingFeature)

_AT_ONCE = 4  # publishings of a topic; further calls are published together
_HEAD_BYTES = 64 << 10  # what the server takes as headers of one message
_REMEMBERED = 100
_TIDY_SECONDS = 30.0
_ROLLUP = {"Nats-Rollup": "sub"}

R = TypeVar("R")


class NatsMessaging:
    """A messaging driver over a :class:`Stream`."""

    def __init__(self, stream: Stream, features: frozenset[Feature]) -> None:
        self._stream = stream
        self._features = features
        self._places = Places(stream.name)
        self._turns = Turns(stream, _REMEMBERED)
        self._publishing = Publishing(stream, self._places)
        self._joining = Joining(self._publishing.publish, _AT_ONCE)
        self._kept = stream.store.config.retention_seconds
        self._tidied: dict[str, float] = {}

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> MessagingLimits:
        return _limits(self._stream.store.message_max_bytes - _HEAD_BYTES, self._kept)

    async def publish(self, op: Publish, /) -> None:
        if op.dedupe:  # one id that is known would have all be looked up
            await self._publishing.publish(op)
        else:
            await self._joining.publish(op)
        await self._tidy(op.topic)

    async def subscribe(self, op: Subscribe, /) -> None:
        subject = self._places.group(op.topic, op.group)
        if await self._stream.last(subject) is None:
            end = await self._stream.end()
            first = await self._stream.first_at(await self._oldest(), self._places.topic(op.topic))
            made = Group(op.group, end if first is None else first - 1)
            await self._stream.publish(subject, made.written(), dict(_ROLLUP), over=0)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        clock = self._stream.store.clock
        until = clock.monotonic() + op.wait
        where = [self._places.topic(op.topic), self._places.group(op.topic, op.group)]
        while True:
            seen: Sequence[Stored] = ()
            lent, group, at = await self._lend(op, ())
            if not lent and group.room > 0:
                # The group's own record is among them: what comes up to it is all there is.
                most = min(op.most, group.room)
                seen = await self._stream.next_of(group.cursor, where, most=most, at=at)
                if sum(seen_of(one).lane is not None for one in seen) > most:
                    seen = seen[:most]  # more would be kept ready for the next to ask
                at = seen[-1].seq if seen else at
                lent, group, _ = await self._lend(op, seen)
            if lent:
                return await self._delivered(op, lent, seen)
            if any(seen_of(one).lane is not None for one in seen):
                continue
            left = until - clock.monotonic()
            if left <= 0:
                return ()
            pause = await self._pause(group, left)
            await self._stream.after(at, where, most=1, wait=pause, bare=True)

    async def ack(self, op: Ack, /) -> bool:
        done = await self._settle(op, lambda group, _: group.remove(op.receipt))
        if done is None:
            return False
        if done.copied:
            self._stream.forget(done.ref)
        else:
            await self._tidy(op.topic)
        return True

    async def nack(self, op: Nack, /) -> bool:
        def back(group: Group, now: float) -> None:
            entry = group.held(op.receipt, now)
            if entry is not None:
                until = now + op.delay if op.delay > 0 else None
                group.put_back(entry, until, counted=op.count)

        return await self._settle(op, back) is not None

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        def longer(group: Group, now: float) -> tuple[str, ...]:
            held = {one: group.held(one, now) for one in op.receipts}
            good = {receipt: entry for receipt, entry in held.items() if entry is not None}
            for entry in good.values():
                entry.until = now + op.lease
            return tuple(good)

        return await self._change(op.topic, op.group, longer, ())

    async def kill(self, op: Kill, /) -> bool:
        lent = await self._peek(op.topic, op.group, op.receipt)
        stored = None if lent is None else await self._stream.at(lent.ref)
        if lent is None or stored is None:
            return False
        letter = letter_of(stored)
        ref = lent.ref
        if not lent.copied:
            # A copy that no record names is nothing; what the record says is the one step.
            copies = self._places.copies(op.topic)
            ref = await self._stream.publish(copies, stored.data, copy_of(stored)) or 0

        def bury(group: Group, now: float) -> None:
            entry = group.held(op.receipt, now)
            if entry is not None:
                facts = (ref, letter.id, entry.lane, op.reason, entry.attempt, now)
                group.kill(op.receipt, Dead(int(now * 1e9), *facts))

        done = await self._settle(op, bury)
        if done is None and not lent.copied:
            self._stream.forget(ref)
        return done is not None

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        after = int(op.cursor or 0)
        groups = await self._groups(op.topic, op.group)
        letters = [(one.number, group.name, one) for group in groups for one in group.dead]
        letters = sorted(one for one in letters if one[0] > after)
        page = letters[: op.limit]
        told = [(name, one, await self._stream.at(one.ref)) for _, name, one in page]
        records = tuple(letter_of(at).dead(name, one) for name, one, at in told if at is not None)
        more = len(letters) > op.limit
        return DeadPage(records, str(page[-1][0]) if more else None)

    async def redrive(self, op: Redrive, /) -> int:
        end = await self._stream.end()
        total = 0
        for found in await self._groups(op.topic, op.group):
            total += await self._change(
                op.topic, found.name, lambda group, _: group.redrive(op.ids, end), 0
            )
        return total

    async def cancel(self, op: Cancel, /) -> bool:
        return bool(await self._stream.purge(self._places.scheduled(op.topic, op.id)))

    async def replay(self, op: Replay, /) -> int:
        await self.subscribe(Subscribe(op.topic, op.group))
        topic = self._places.topic(op.topic)
        first = await self._stream.first_at(op.since, topic)
        if first is None:
            return 0
        seen = [seen_of(one) async for one in self._stream.all_after(first - 1, topic)]
        return await self._change(
            op.topic, op.group, lambda group, _: group.replay(seen, op.since), 0
        )

    async def measure(self, op: Measure, /) -> Depth:
        scheduled = await self._stream.count(self._places.scheduled(op.topic))
        groups = await self._groups(op.topic, op.group)
        if not groups:
            return Depth(0, 0, 0, scheduled, 0)
        group, topic = groups[0], self._places.topic(op.topic)
        ready, lent, waiting = group.counts(await self._stream.time.now())
        if group.cursor < group.again:
            found = [seen_of(one) async for one in self._stream.all_after(group.cursor, topic)]
            ready += sum(not group.has(one) for one in found)
        else:
            ready += await self._stream.count_after(group.cursor, topic)
        return Depth(ready, lent, waiting, scheduled, len(group.dead))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _lend(
        self, op: Receive, seen: Sequence[Stored]
    ) -> tuple[list[tuple[str, Entry]], Group, int]:
        """What is lent, the group, and the number of its record."""

        def decide(
            found: Stored | None, now: float
        ) -> tuple[Write | None, Callable[[int], tuple[list[tuple[str, Entry]], Group, int]]]:
            if found is None:
                raise NotFoundError("the topic has no such group", hint="subscribe it")
            group = Group.read(found.data)
            taken = group.look(map(seen_of, seen))
            lent = group.lend(now, op.most, op.lease)
            new = self._write(group) if lent or taken else None
            return new, lambda seq: (lent, group, seq or found.seq)

        return await self._turns.change(self._places.group(op.topic, op.group), decide)

    async def _delivered(
        self, op: Receive, lent: list[tuple[str, Entry]], seen: Sequence[Stored]
    ) -> tuple[Delivery, ...]:
        fresh = {one.seq: one for one in seen}
        told = []
        for receipt, entry in lent:
            stored = fresh.get(entry.ref) or await self._stream.at(entry.ref)
            if stored is None:  # someone removed it behind our back
                await self.ack(Ack(op.topic, op.group, receipt))
                continue
            told.append(letter_of(stored).delivery(receipt, entry.attempt))
        return tuple(told)

    async def _pause(self, group: Group, left: float) -> float:
        """Seconds to wait: until something of the group ends, at most ``left``."""
        tick = group.next_tick()
        if tick is None:
            return left
        return min(left, max(0.001, tick - await self._stream.time.now()))

    async def _peek(self, topic: str, group: str, receipt: str) -> Entry | None:
        found = await self._groups(topic, group)
        return found[0].held(receipt, await self._stream.time.now()) if found else None

    async def _settle(
        self, op: Ack | Nack | Kill, settle: Callable[[Group, float], None]
    ) -> Entry | None:
        """The entry that was settled, ``None`` where the receipt is not good."""

        def act(group: Group, now: float) -> Entry | None:
            entry = group.held(op.receipt, now)
            if entry is not None:
                settle(group, now)
            return entry

        return await self._change(op.topic, op.group, act, None)

    async def _change(
        self, topic: str, group: str, act: Callable[[Group, float], R], nothing: R
    ) -> R:
        """Change a group's record; where the act says ``nothing``, or none is there, not."""

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], R]]:
            if found is None:
                return None, lambda _: nothing
            record = Group.read(found.data)
            said = act(record, now)
            return (None if said == nothing else self._write(record)), lambda _: said

        return await self._turns.change(self._places.group(topic, group), decide)

    def _write(self, group: Group) -> Write:
        data = group.written()
        if len(data) > self.limits.payload_max_bytes:
            raise ResourceExhaustedError(
                "the group has more unsettled messages and dead letters than one record holds",
                hint="redrive or read its dead letters, and acknowledge what it holds",
            )
        return Write(data, dict(_ROLLUP))

    async def _groups(self, topic: str, group: str | None) -> list[Group]:
        if group is not None:
            found = await self._stream.last(self._places.group(topic, group))
            return [] if found is None else [Group.read(found.data)]
        records = await self._stream.last_of(self._places.groups(topic), bare=False)
        return [Group.read(one.data) for one in records]

    async def _tidy(self, topic: str) -> None:
        """Now and then, remove what is not kept for anyone."""
        now = self._stream.store.clock.monotonic()
        if now < self._tidied.setdefault(topic, now + _TIDY_SECONDS):
            return
        self._tidied[topic] = now + _TIDY_SECONDS
        with suppress(OmniCloudError):  # what came before is done, whatever becomes of this
            await self._remove_settled(topic)

    async def _remove_settled(self, topic: str) -> None:
        messages = self._places.topic(topic)
        first = await self._stream.first_at(await self._oldest(), messages)
        groups = await self._groups(topic, None)
        if first is None and not groups:
            return  # a topic that is idle, or a server that is behind
        lows = [group.low for group in groups]
        await self._stream.purge(messages, before=min(lows if first is None else [first, *lows]))

    async def _oldest(self) -> float:
        """From when on messages are kept, whoever has settled them."""
        return await self._stream.time.now() - self._kept


@lru_cache(maxsize=64)
def _limits(room: int, kept: float) -> MessagingLimits:
    """The bounds on a server that takes so much; every call is held to them."""
    return MessagingLimits(
        payload_max_bytes=min(room, 8 << 20),
        headers_max_bytes=HEADERS_BYTES,
        batch_max_items=BATCH_ITEMS,
        retention_seconds=kept,
        dedupe_seconds=kept,
    )


async def open_messaging(config: NatsConfig, opening: Opening) -> NatsMessaging:
    """A messaging driver on the configured server."""
    store = await store_of(config, opening)
    name = config.stream_of(opening.service.name, "messaging")
    stream = await open_stream(
        store, name, allow_rollup_hdrs=True, allow_msg_schedules=True, allow_atomic=True
    )
    durable = config.durability == "fsync"
    return NatsMessaging(stream, FEATURES if durable else FEATURES - {MessagingFeature.DURABLE})
