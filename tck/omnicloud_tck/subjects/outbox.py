"""Outboxes beside a plain reading of them: every verb, every option, and time that passes."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

from omnicloud.contracts.outbox.driver import (
    Begin,
    Claim,
    Fail,
    Keep,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.circumstances import wide
from omnicloud_tck.programs.times import LATE, Times
from omnicloud_tck.subjects.events import Event, Space, told

__all__ = ["OutboxTwin", "OutboxTwin"]

Pipe = Pipeline[Any]
R = TypeVar("R")
Kept = tuple[str | None, str | None]
"""Aggregate and message key of an event."""

_SLACK = 5.0  # seconds by which a stamp may differ from the kit's own look at the clock
_PAGES = 400
_MANY = 110
_LOOKED_AT = 40  # aggregates, in the end
_STATUSES = tuple(EventStatus)


class _RolledBack(Exception):  # noqa: N818 - ends a transaction on purpose
    pass


class OutboxTwin:
    """Two clients of spaces, and the spaces as they should be."""

    def __init__(self, scene: Scene) -> None:
        self._pipes = scene.pipes
        self._prefix, self._times = scene.space, Times(scene)
        self._spaces: dict[str, Space] = {}
        self._numbers = itertools.count()
        self._undone: list[tuple[str, Event]] = []

    async def take(self, step: Step) -> None:
        """Do an operation on both and compare the answers."""
        await self._clear()
        verb, client, *rest = step
        if verb == "edge":
            await self.edge(client, *rest)
        else:
            await getattr(self, verb)(self._pipes[client], *rest)

    async def _clear(self) -> None:
        """Let nothing end while a call is on its way: before each whose answer it would change."""
        await self._times.clear_of(self._moments())

    def _moments(self) -> Iterator[float]:
        return (moment for space in self._spaces.values() for moment in space.moments())

    async def _ask(self, pipe: Pipe, op: Operation[Any, R]) -> R:
        """Send a request whose effect depends on what has ended."""
        since = self._times.now()
        answer = await pipe.send(op)
        self._times.still_clear(since, self._moments())
        return answer

    def _space(self, room: str) -> Space:
        return self._spaces.setdefault(room, Space())

    def _pick(self, room: str, which: int) -> str:
        """The id of an event, of every few one that nobody has saved."""
        events = self._space(room).events
        return "unknown" if not events or which % 9 == 8 else events[which % len(events)].event_id

    def _held(self, room: str, owner: str, which: int) -> tuple[str, Event | None]:
        """An owner and an event: mostly one that it has claimed, or had."""
        held = [one for one in self._space(room).events if one.owner]
        if held and which % 5:
            one = held[which % len(held)]
            return one.owner if which % 7 else owner, one
        return owner, self._space(room).find(self._pick(room, which))

    # Saving

    async def save(self, pipe: Pipe, room: str, keys: Kept, payload: bytes, topic: str) -> None:
        """Save a new event."""
        await self._save(pipe, room, self._made(keys, payload, topic))

    async def _save(self, pipe: Pipe, room: str, event: Event) -> None:
        await self._sent(pipe, room, event)
        self._space(room).save(event)

    def _made(self, keys: Kept, payload: bytes, topic: str, known: str | None = None) -> Event:
        event_id = known or f"{self._prefix}{next(self._numbers)}"
        times = self._times
        return Event(event_id, topic, payload, keys[1], keys[0], None, times.wall(), times.now())

    async def _sent(self, pipe: Pipe, room: str, one: Event) -> None:
        new = NewEvent(one.event_id, one.topic, one.payload, one.message_key, one.key)
        await pipe.send(Save(self._prefix + room, new))

    async def again(self, pipe: Pipe, room: str, which: int, payload: bytes) -> None:
        """Save a stored event again, as another: nothing changes. A new one where none is.

        One that was rolled back was never saved.
        """
        if self._undone and which % 3 == 0:
            at, undone = self._undone.pop()
            keys = undone.key, undone.message_key
            await self._save(pipe, at, self._made(keys, payload, "t", undone.event_id))
            return
        one = self._space(room).find(self._pick(room, which))
        given_up = self._space(room).of(EventStatus.PARKED, None, every=True)
        if given_up and which % 2:
            one = given_up[0]
        if one is None:
            await self.save(pipe, room, (None, None), payload, "other")
            return
        new = NewEvent(one.event_id, "other", payload, None, one.key)
        await pipe.send(Save(self._prefix + room, new))

    async def crowd(self, pipe: Pipe, room: str, keys: Kept, payload: bytes, count: int) -> None:
        """Save many."""
        for _ in range(count):
            await self.save(pipe, room, keys, payload, "t")

    async def legion(self, pipe: Pipe, room: str, count: int) -> None:
        """Save an event of each of many aggregates."""
        for number in range(count):
            await self.save(pipe, room, (f"many-{number}", None), b"x", "t")

    async def transact(
        self,
        pipe: Pipe,
        room: str,
        several: Sequence[Kept],
        payload: bytes,
        done: bool,
        picked: Sequence[int] = (),
    ) -> None:
        """Save and mark some events together, look from inside and outside, end or give up."""
        before, space = self._space(room).copy(), self._space(room)
        transaction = await pipe.send(Begin())
        inside = pipe.around(pipe.driver.within(transaction))
        saved: list[tuple[str, Event]] = []
        other = self._pipes[1] if pipe is self._pipes[0] else self._pipes[0]
        try:
            async with ended(transaction):
                for keys in several:
                    await self._outside(other, room, before)
                    known = self._undone.pop()[1].event_id if self._undone and done else None
                    event = self._made(keys, payload, "t", known)
                    await self._sent(inside, room, event)
                    space.save(event)
                    saved.append((room, event))
                    await self._outside(inside, room, space)
                await self.mark(inside, room, picked)
                await self._outside(inside, room, space)
                await self._outside(other, room, before)
                if not done:
                    raise _RolledBack
        except (_RolledBack, ConflictError):  # others play in the same store, and may be first
            self._spaces[room] = before
            self._undone += saved
        await self._outside(other, room, self._space(room))

    async def _outside(self, pipe: Pipe, room: str, expected: Space) -> None:
        op = ListEvents(self._prefix + room, EventStatus.PENDING, every=True, limit=10_000)
        found = await pipe.send(op)
        pending = expected.of(EventStatus.PENDING, None, every=True)
        equal([one.event_id for one in pending], [one.event_id for one in found], "seen of it")

    # Questions

    async def events(
        self, pipe: Pipe, room: str, status: int, key: str | None, every: bool, limit: int
    ) -> None:
        """List events, page by page."""
        wanted = _STATUSES[status % len(_STATUSES)]
        expected = self._space(room).of(wanted, key, every=every)
        limit, found = wide(limit, len(expected)), list[EventRecord]()
        for _ in range(_PAGES):
            after = found[-1].event_id if found else None
            op = ListEvents(self._prefix + room, wanted, key, every, after, limit)
            page = await pipe.send(op)
            that(len(page) <= limit, f"a page of {limit} has {len(page)} events")
            found += page
            if len(page) < limit:
                break
        self._alike(expected, found, f"{wanted} events")

    def _alike(self, expected: Sequence[Event], found: Sequence[EventRecord], what: str) -> None:
        equal([one.told() for one in expected], [told(one) for one in found], what)
        for event, one in zip(expected, found, strict=True):
            if self._times.virtual:
                near = abs(event.stamp - one.saved_at) < _SLACK
                that(near, f"{what}: saved at {event.stamp}, told as {one.saved_at}")

    async def aggregates(self, pipe: Pipe, room: str, limit: int) -> None:
        """List aggregates, page by page."""
        expected = self._space(room).aggregates()
        limit, found = wide(limit, len(expected)), list[str]()
        for _ in range(_PAGES):
            op = ListAggregates(self._prefix + room, found[-1] if found else None, limit)
            page = await pipe.send(op)
            that(len(page) <= limit, f"a page of {limit} has {len(page)} keys")
            found += page
            if len(page) < limit:
                break
        equal(expected, found, "aggregates with pending events")

    async def lag(self, pipe: Pipe, room: str) -> None:
        """How far publishing is behind."""
        space, lag = self._space(room), await pipe.send(Lag(self._prefix + room))
        pending = space.of(EventStatus.PENDING, None, every=True)
        parked = space.of(EventStatus.PARKED, None, every=True)
        equal((len(pending), len(parked)), (lag.pending, lag.parked), "pending and parked")
        oldest = self._times.now() - min((one.born for one in pending), default=self._times.now())
        least = oldest - _SLACK if self._times.virtual else 0  # else saving may have taken long
        near = least <= lag.oldest_seconds < oldest + _SLACK if pending else lag.oldest_seconds == 0
        that(near, f"the oldest is {oldest:.1f} s old, the lag told is {lag.oldest_seconds:.1f}")

    # Relays

    async def claim(self, pipe: Pipe, room: str, owner: str, most: int, lease: float) -> None:
        """Claim the oldest that are free; a driver may give fewer than there are."""
        lease = self._times.span(lease)
        free = self._space(room).claimable(self._times.now())
        waiting = self._space(room).waiting(self._times.now())
        found = await self._ask(pipe, Claim(self._prefix + room, owner, most, 0.0, lease))
        that(len(found) <= most, f"{most} events were asked for, {len(found)} came")
        ids = {record.event_id for record in found}
        # Whether one that waits holds up those before it, too, is left open.
        waiting -= {one.key for one in free if one.event_id in ids}
        given = _given([one for one in free if one.key not in waiting], ids)
        self._alike(given, found, "events claimed")
        for one in given:
            one.owner, one.until = owner, self._times.now() + lease

    async def keep(
        self, pipe: Pipe, room: str, owner: str, picked: Sequence[int], lease: float
    ) -> None:
        """Prolong claims, shorten them, or give them free."""
        lease = self._times.span(lease)
        owner, first = self._held(room, owner, picked[0])
        ids = tuple(self._pick(room, which) for which in picked[1:])
        ids = (*ids, "unknown" if first is None else first.event_id)
        await self._keep(pipe, room, owner, ids, lease)

    async def _keep(
        self, pipe: Pipe, room: str, owner: str, ids: Sequence[str], lease: float
    ) -> None:
        await self._ask(pipe, Keep(self._prefix + room, owner, tuple(ids), lease))
        for one in map(self._space(room).find, ids):
            if one is not None and self._space(room).is_claimed(one, owner, self._times.now()):
                one.until = self._times.now() + lease if lease else 0.0

    async def shift(self, pipe: Pipe, room: str, keys: Kept, payload: bytes, owner: str) -> None:
        """Claim, keep and mark more events at once than others ask a server for."""
        await self.crowd(pipe, room, keys, payload, _MANY)
        await self._clear()
        await self.claim(pipe, room, owner, 1000, 90.0)
        await self._clear()
        space, now = self._space(room), self._times.now()
        held = [one.event_id for one in space.events if space.is_claimed(one, owner, now)]
        await self._keep(pipe, room, owner, held, 7200.0)
        if self._times.virtual:
            await self._times.let_pass(100.0)
        await self._clear()
        await self.claim(pipe, room, f"{owner}+", 1000, 3600.0)
        await self._mark(pipe, room, held[1:])

    async def fail(
        self, pipe: Pipe, room: str, owner: str, which: int, delay: float, park: bool
    ) -> None:
        """Publishing failed; without a claim nothing changes."""
        delay = self._times.span(delay)
        owner, one = self._held(room, owner, which)
        now = self._times.now()
        event_id = "unknown" if one is None else one.event_id
        await self._ask(pipe, Fail(self._prefix + room, owner, event_id, delay, park))
        if one is not None and self._space(room).is_claimed(one, owner, now):
            one.status = EventStatus.PARKED if park else EventStatus.PENDING
            one.attempts, one.until = one.attempts + 1, 0.0
            one.ready_at = self._times.now() + delay if delay else 0.0

    async def mark(self, pipe: Pipe, room: str, picked: Sequence[int]) -> None:
        """Make events processed, whatever they were."""
        if not picked:
            return
        await self._mark(pipe, room, [self._pick(room, which) for which in picked])

    async def _mark(self, pipe: Pipe, room: str, ids: Sequence[str]) -> None:
        await pipe.send(Mark(self._prefix + room, tuple(ids)))
        for one in map(self._space(room).find, ids):
            if one is not None and one.status is not EventStatus.PROCESSED:
                one.status, one.until = EventStatus.PROCESSED, 0.0
                one.ready_at, one.processed = 0.0, self._times.now()

    async def requeue(self, pipe: Pipe, room: str, which: int) -> None:
        """Let a parked event be published again."""
        given_up = self._space(room).of(EventStatus.PARKED, None, every=True)
        one = self._space(room).find(self._pick(room, which))
        if given_up and which % 4:
            one = given_up[which % len(given_up)]
        event_id = "unknown" if one is None else one.event_id
        parked = one is not None and one.status is EventStatus.PARKED
        requeued: bool = await pipe.send(Requeue(self._prefix + room, event_id))
        equal(parked, requeued, "requeue")
        if one is not None and parked:
            one.status, one.attempts, one.ready_at = EventStatus.PENDING, 0, 0.0

    async def purge(self, pipe: Pipe, room: str, age: float, most: int) -> None:
        """Delete what was processed so long ago."""
        space = self._space(room)
        done = space.of(EventStatus.PROCESSED, None, every=True)
        age = self._times.span(age)
        ages = {one.event_id: self._times.now() - one.processed for one in done}
        if any(abs(old - age) < LATE for old in ages.values()) and age:
            return
        if not age and any(old < LATE for old in ages.values()):
            await self._times.let_pass(LATE)
        old = {event_id for event_id, spent in ages.items() if not age or spent >= age}
        count = await pipe.send(Purge(self._prefix + room, age, most))
        equal(min(most, len(old)), count, "events purged")
        op = ListEvents(
            self._prefix + room, EventStatus.PROCESSED, every=True, limit=len(done) + 10
        )
        left = {one.event_id for one in await pipe.send(op)}
        gone = ages.keys() - left
        that(gone <= old and len(gone) == count, "other events were purged than told")
        space.events = [one for one in space.events if one.event_id not in gone]

    async def edge(self, client: int, which: int, call: Step) -> None:
        """See that a claim, or a wait, ends when it is said to, and not before."""
        before = self._coming()
        await self.take((call[0], client, *call[1:]))
        coming = self._coming()
        if coming:
            new = [one for one in coming if one not in before]
            moment, room = new[0] if new else coming[which % len(coming)]
            async for _ in self._times.around(moment):
                await self.take(("claim", client, room, "a stranger", 1000, 5.0))

    def _coming(self) -> list[tuple[float, str]]:
        """What ends by itself, and where."""
        known = ((one, room) for room, space in self._spaces.items() for one in space.moments())
        return sorted({(one, room) for one, room in known if one > self._times.now() + LATE})

    async def wait(self, pipe: Pipe, seconds: float) -> None:
        """Let time pass."""
        await self._times.let_pass(seconds)

    async def end(self) -> None:
        """Compare all that is there, and process it."""
        for room, space in list(self._spaces.items()):
            for status in range(len(_STATUSES)):
                await self.take(("events", 0, room, status, None, True, 7))
            await self.take(("aggregates", 1, room, 2))
            await self.take(("lag", 1, room))
            for key in list(dict.fromkeys(one.key for one in space.events))[:_LOOKED_AT]:
                await self.take(("events", 1, room, 0, key, False, 1000))


def _given(free: Sequence[Event], ids: Collection[str]) -> list[Event]:
    """The events of a claim, which may be fewer than are free: the oldest, and of each key too."""
    given = [one for one in free if one.event_id in ids]
    equal(free[:1], given[:1], "the oldest event that is free")
    of_keys: dict[str | None, list[Event]] = defaultdict(list)
    for one in free:
        of_keys[one.key].append(one)
    for one in given:
        equal(of_keys[one.key].pop(0), one, f"the oldest events of {one.key}")
    return given
