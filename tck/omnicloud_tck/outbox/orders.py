"""The laws of the order of events of many aggregates and of none, in every listing and claim."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.outbox.driver import Claim, Fail, ListAggregates, ListEvents, Mark
from omnicloud.contracts.outbox.models import EventStatus
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["OrderLaws"]

_KEYS = ("b", None, "a", "a", None, "b", "c ", None, "c", " b")
_HELD = 6
_FIRST = (0, 1, 2, 4, 6, 7)  # of these keys, while those before are held
_LONG = 3600.0
_PAGE = 3


class OrderLaws(Contract):
    """One order: that of saving, whoever asks for what."""

    @law(
        "OX-202",
        "Events of many aggregates and of none are listed, in pages of any size, and claimed in "
        "the order in which they were saved, whatever was tried, failed or parked meanwhile.",
    )
    async def all_are_told_as_they_were_saved(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        two: Outbox = await self.portable(world)
        events = [OutboxEvent("t", b"x", aggregate_key=key) for key in _KEYS]
        ids = [await one.save_event(event) for event in events]
        await self._listed(two, ids, EventStatus.PENDING)
        held = [
            (await one.pipeline.send(Claim(SPACE, "relay", 1, 0.0, _LONG)))[0].event_id
            for _ in range(_HELD)
        ]
        equal([ids[number] for number in _FIRST], held, "events claimed one by one")
        for event_id in reversed(held):
            await two.pipeline.send(Fail(SPACE, "relay", event_id))
        await self._listed(two, ids, EventStatus.PENDING)
        taken = [await self._next(one, two, number) for number in range(len(_KEYS))]
        equal(ids, taken, "events claimed one by one, what failed before in its old place")
        await self._listed(one, ids, EventStatus.PROCESSED)

    @law(
        "OX-206",
        "A list goes on behind an event that left it meanwhile: none is passed over, none again.",
    )
    async def lists_go_on_behind_what_left(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        two: Outbox = await self.portable(world)
        keys = (None, None, "a", None, "a", "a", None, None)
        ids = [await one.save_event(OutboxEvent("t", b"x", aggregate_key=key)) for key in keys]
        told: list[str] = []
        while True:
            after = told[-1] if told else None
            page = ListEvents(SPACE, EventStatus.PENDING, None, True, after, _PAGE)
            found = [record.event_id for record in await one.pipeline.send(page)]
            told += found
            if len(found) < _PAGE:
                break
            await two.pipeline.send(Mark(SPACE, (found[-1],)))
        equal(ids, told, "events, each page asked for behind one that was marked")

    @law(
        "OX-203",
        "Parked events are told in the order in which they were saved, not in that of parking.",
    )
    async def parked_as_they_were_saved(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        two: Outbox = await self.portable(world)
        keys = (None, "a", None, "c", "b")
        ids = [await one.save_event(OutboxEvent("t", b"x", aggregate_key=key)) for key in keys]
        await claimed(one, "relay", len(ids), lease=_LONG)
        for number in (3, 0, 4, 2, 1):
            await two.pipeline.send(Fail(SPACE, "relay", ids[number], 0.0, park=True))
        await self._listed(one, ids, EventStatus.PARKED)

    async def _next(self, one: Outbox, two: Outbox, number: int) -> str:
        """Claim the next one and mark it."""
        outbox, other = (one, two) if number % 2 else (two, one)
        found = await outbox.pipeline.send(Claim(SPACE, "relay", 1, 0.0, _LONG))
        equal(1, len(found), "events that are claimed while there are some")
        await other.mark_as_processed(found[0].event_id)
        return found[0].event_id

    async def _listed(self, outbox: Outbox, ids: list[str], status: EventStatus) -> None:
        for limit in (1, 2, 3, 1000):
            found: list[str] = []
            while True:
                after = found[-1] if found else None
                op = ListEvents(SPACE, status, None, True, after, limit)
                page = await outbox.pipeline.send(op)
                found += [event.event_id for event in page]
                if len(page) < limit:
                    break
            equal(ids, found, f"events that are {status.value}, {limit} on a page")
        if status is EventStatus.PENDING:
            names = sorted({key for key in _KEYS if key is not None})
            for number, key in enumerate(names):
                told = await outbox.pipeline.send(ListAggregates(SPACE, key, 2))
                equal(tuple(names[number + 1 : number + 3]), told, f"aggregates after {key!r}")
