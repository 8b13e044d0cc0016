"""The law of the outbox about what is read inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from omnicloud.contracts.outbox import OutboxFeature
from omnicloud.contracts.outbox.driver import Begin, Lag, ListAggregates, ListEvents, Save
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.telling import everything, refusal, tells
from omnicloud_tck.world import World

__all__ = ["TogetherLaws"]

_SPACE = "s"
_MOST_PAGES = 20
_AGGREGATES = ("a", "b")
_BEFORE, _INSIDE = ("1", "2"), ("3", "4")
_SAVED_BEFORE = 6
_SECRET = b"zq9xk7w3-vv8j2"


class TogetherLaws(Contract):
    """Inside a transaction an outbox is what it is outside, and what was saved there."""

    @law(
        "OX-164",
        "A transaction sees the events of its own service, those that it saved too, page by page.",
        needs=[OutboxFeature.TRANSACTION],
        rung=Rung.TRUST,
    )
    async def transactions_see_themselves(self, world: World[Any]) -> None:
        strange = getattr(world, "stranger", None)
        if strange is not None:
            other = Pipeline(await strange(), service=ServiceInfo("else"), owned=False)
            await _saved(other, ("0", "9"))
        one, two = await world.pipeline(), await world.pipeline()
        await _saved(two, _BEFORE)
        transaction = await one.send(Begin())
        async with ended(transaction):
            inside = one.around(one.driver.within(transaction))
            await _saved(inside, _INSIDE)
            await self._sees(inside, "inside a transaction")
            told = (await two.send(Lag(_SPACE))).pending
            equal(_SAVED_BEFORE, told, "events that others count while a transaction is open")
        await self._sees(two, "after a transaction")

    @law(
        "OX-165",
        "The refusal of a transaction that has ended tells no payload, nor do its causes.",
        needs=[OutboxFeature.TRANSACTION],
        rung=Rung.TRUST,
    )
    async def ended_transactions_tell_nothing(self, world: World[Any]) -> None:
        one = await world.pipeline()
        for end in ("commit", "rollback"):
            transaction = await one.send(Begin())
            inside = one.around(one.driver.within(transaction))
            await getattr(transaction, end)()
            event = NewEvent(f"late-{end}", "t", _SECRET)
            error = await refusal(inside.send(Save(_SPACE, event)), f"a save after {end}")
            that(not tells(everything(error), _SECRET), f"a save after {end} tells its payload")

    async def _sees(self, pipe: Pipeline[Any], about: str) -> None:
        ids = [*_BEFORE, *_INSIDE]
        for limit in (1, 3, 1000):
            for key in (None, *_AGGREGATES):
                op = ListEvents(_SPACE, EventStatus.PENDING, key, limit=limit)
                found = await _paged(pipe, op, lambda event: str(event.event_id))
                equal([f"{id_}-{key}" for id_ in ids], found, f"events of {key!r} {about}")
            keys = await _paged(pipe, ListAggregates(_SPACE, None, limit), str)
            equal(list(_AGGREGATES), keys, f"aggregates {about}")


async def _paged(pipe: Pipeline[Any], op: Any, name: Callable[[Any], str]) -> list[str]:
    """The names of all that is listed, page by page."""
    found: list[str] = []
    for _ in range(_MOST_PAGES):
        page = await pipe.send(replace(op, after=found[-1] if found else None))
        found += map(name, page)
        if len(page) < op.limit:
            break
    return found


async def _saved(pipe: Pipeline[Any], ids: tuple[str, ...]) -> None:
    for id_ in ids:
        for key in (None, *_AGGREGATES):
            await pipe.send(Save(_SPACE, NewEvent(f"{id_}-{key}", "t", b"x", None, key)))
