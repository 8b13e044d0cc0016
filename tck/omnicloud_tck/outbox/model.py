"""What an outbox is, as a list, and random sequences of operations on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from omnicloud.contracts.outbox.driver import (
    Claim,
    Fail,
    Keep,
    ListAggregates,
    ListEvents,
    Mark,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that

__all__ = ["OutboxModel", "outbox_steps"]

_OWNERS = ("one", "two")
_LONG = 3600.0
_KEYS = (None, "a", "b")


def outbox_steps() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Random operations: verb, client and what it needs."""
    client, owner = st.integers(0, 1), st.sampled_from(_OWNERS)
    which = st.integers(0, 30)
    one = st.one_of(
        st.tuples(st.just("save"), client, st.sampled_from(_KEYS)),
        st.tuples(st.just("save"), client, st.sampled_from(_KEYS)),
        st.tuples(st.just("claim"), client, owner, st.integers(1, 3)),
        st.tuples(st.just("mark"), client, which),
        st.tuples(st.just("free"), client, owner, which),
        st.tuples(st.just("fail"), client, owner, which, st.booleans()),
        st.tuples(st.just("requeue"), client, which),
    )
    return st.lists(one, max_size=25)


@dataclass(slots=True)
class _Event:
    event_id: str
    key: str | None
    sequence: int | None
    payload: bytes
    message_key: str | None
    status: EventStatus = EventStatus.PENDING
    owner: str = ""
    attempts: int = 0


class OutboxModel:
    """Events in their order; who has claimed which."""

    def __init__(self, space: str) -> None:
        self._space = space
        self._events: list[_Event] = []

    async def follow(
        self, steps: list[tuple[Any, ...]], clients: tuple[Pipeline[Any], Pipeline[Any]]
    ) -> None:
        """Do the steps on the clients and compare each answer, then all that is left."""
        for step in steps:
            await self.take(step, clients)
        await self.end(clients)

    async def take(
        self, step: tuple[Any, ...], clients: tuple[Pipeline[Any], Pipeline[Any]]
    ) -> None:
        """Do a step on its client and compare the answer."""
        verb, client, *rest = step
        await getattr(self, f"_{verb}")(clients[client], *rest)

    async def end(self, clients: tuple[Pipeline[Any], Pipeline[Any]]) -> None:
        """Compare all that is left."""
        for key in _KEYS:
            await self._compare(clients[0], key)
        pending = {one.key for one in self._pending() if one.key is not None}
        keys = await clients[1].send(ListAggregates(self._space))
        equal(tuple(sorted(pending)), keys, "aggregates with pending events")

    async def _compare(self, pipe: Pipeline[Any], key: str | None) -> None:
        found = await pipe.send(ListEvents(self._space, EventStatus.PENDING, key))
        pending = [one for one in self._pending() if one.key == key]
        expected = [
            (one.event_id, one.sequence, one.attempts, one.payload, one.message_key)
            for one in pending
        ]
        got = [
            (one.event_id, one.sequence_id, one.attempts, one.payload, one.message_key)
            for one in found
        ]
        equal(expected, got, f"pending events of {key}")

    def _pending(self) -> list[_Event]:
        return [one for one in self._events if one.status is EventStatus.PENDING]

    def _pick(self, which: int) -> _Event | None:
        return self._events[which % len(self._events)] if self._events else None

    async def _save(
        self,
        pipe: Pipeline[Any],
        key: str | None,
        payload: bytes = b"x",
        message_key: str | None = None,
    ) -> None:
        event_id = f"{self._space}-{len(self._events)}"
        before = sum(one.key == key for one in self._events)
        await pipe.send(Save(self._space, NewEvent(event_id, "t", payload, message_key, key)))
        sequence = None if key is None else before + 1
        self._events.append(_Event(event_id, key, sequence, payload, message_key))

    async def _claim(self, pipe: Pipeline[Any], owner: str, most: int) -> None:
        parked = EventStatus.PARKED
        busy = {one.key for one in self._events if one.owner or one.status is parked} - {None}
        free = [one for one in self._pending() if not one.owner and one.key not in busy]
        found = await pipe.send(Claim(self._space, owner, most, 0.0, _LONG))
        got = {one.event_id for one in found}
        given = [one for one in free if one.event_id in got]
        equal([one.event_id for one in given], [one.event_id for one in found], "events claimed")
        that(len(found) <= most, f"{most} events were asked for, {len(found)} came")
        # Fewer than there are may come: of each aggregate, and of all, the oldest.
        equal(free[:1], given[:1], "the oldest event that is free")
        for key in _KEYS:
            of_key = [one for one in free if one.key == key]
            taken = [one for one in given if one.key == key]
            equal(of_key[: len(taken)], taken, f"the oldest events of {key}")
        for one in given:
            one.owner = owner

    async def _mark(self, pipe: Pipeline[Any], which: int) -> None:
        one = self._pick(which)
        await pipe.send(Mark(self._space, ("unknown", one.event_id) if one else ("unknown",)))
        if one is not None:
            one.status, one.owner = EventStatus.PROCESSED, ""

    async def _free(self, pipe: Pipeline[Any], owner: str, which: int) -> None:
        one = self._pick(which)
        if one is not None:
            await pipe.send(Keep(self._space, owner, (one.event_id,), 0.0))
            if one.owner == owner:
                one.owner = ""

    async def _fail(self, pipe: Pipeline[Any], owner: str, which: int, park: bool) -> None:
        one = self._pick(which)
        if one is None:
            return
        await pipe.send(Fail(self._space, owner, one.event_id, 0.0, park))
        if one.owner == owner:
            one.owner = ""
            one.attempts += 1
            one.status = EventStatus.PARKED if park else EventStatus.PENDING

    async def _requeue(self, pipe: Pipeline[Any], which: int) -> None:
        one = self._pick(which)
        if one is None:
            return
        parked = one.status is EventStatus.PARKED
        requeued = await pipe.send(Requeue(self._space, one.event_id))
        equal(parked, requeued, "requeue")
        if parked:
            one.status, one.attempts = EventStatus.PENDING, 0
