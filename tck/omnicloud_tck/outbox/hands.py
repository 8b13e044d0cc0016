"""The law of events that are held, and of what is done to them by hand meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from omnicloud.contracts.outbox import Outbox, OutboxEvent, OutboxFeature
from omnicloud.contracts.outbox.driver import Claim, Fail, Keep, Mark
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["HandLaws"]

_LONG, _LONGER = 3600.0, 10 * 3600.0
_SHORT = 0.4
_BEFORE = 3  # events of an aggregate, of which the first is held


class _Held(NamedTuple):
    """An aggregate of three events: how the first is held, and what is done to it."""

    state: str
    deed: str
    tried: int
    """How often it failed before."""


class _Deed(NamedTuple):
    do: Callable[[Outbox, list[str]], Awaitable[object]]
    left: int | None
    """The number that is then first; ``None``: it depends on whether the first one is free."""


async def _mark(one: Outbox, ids: list[str]) -> None:
    await one.pipeline.send(Mark(SPACE, (ids[0],)))


async def _mark_two(one: Outbox, ids: list[str]) -> None:
    await one.pipeline.send(Mark(SPACE, (ids[0], ids[1])))


async def _mark_next(one: Outbox, ids: list[str]) -> None:
    await one.mark_as_processed(ids[1])


async def _free(one: Outbox, ids: list[str]) -> None:
    await one.pipeline.send(Keep(SPACE, "holds", (ids[0],), 0.0))


async def _free_next(one: Outbox, ids: list[str]) -> None:
    await one.pipeline.send(Keep(SPACE, "holds", (ids[1],), 0.0))


async def _requeue(one: Outbox, ids: list[str]) -> None:
    await one.requeue(ids[0])


async def _mark_inside(one: Outbox, ids: list[str]) -> None:
    async with one.transaction() as inside:
        await inside.mark_as_processed(ids[0])


async def _mark_in_vain(one: Outbox, ids: list[str]) -> None:
    with suppress(ArithmeticError):
        async with one.transaction() as inside:
            await inside.mark_as_processed(ids[0])
            raise ArithmeticError


_STATES = ("claimed", "waiting", "parked", "run out")
_DEEDS = {
    "marked": _Deed(_mark, 2),
    "marked with its next": _Deed(_mark_two, 3),
    "passed over": _Deed(_mark_next, None),
    "given free": _Deed(_free, None),
    "requeued": _Deed(_requeue, None),
}
_WHOLE = {"its next given free": _Deed(_free_next, None)}
"""What is done where the relay may hold all of the aggregate."""
_INSIDE = {
    "marked in a transaction": _Deed(_mark_inside, 2),
    "marked and rolled back": _Deed(_mark_in_vain, None),
}
_FREED = {("claimed", "given free"), ("parked", "requeued")}


class HandLaws(Contract):
    """Whoever takes an event out of the way by hand takes it out of the way of others."""

    @law(
        "OX-201",
        "An event that is claimed, waits, is parked, or was left by its relay, and is marked, "
        "requeued or given free by hand, holds up its aggregate no longer than that says.",
        rung=Rung.RESILIENCE,
        patience=2 * _LONGER,
    )
    async def hands_set_free(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        two: Outbox = await self.portable(world)
        inside = OutboxFeature.TRANSACTION in one.pipeline.driver.features
        deeds = _DEEDS | (_INSIDE if inside else {})
        tries = (0, 1) if world.virtual else (1,)
        cases = [_Held(*each) for each in itertools.product(_STATES, deeds, tries)]
        cases += [_Held("claimed", deed, 0) for deed in _WHOLE]
        deeds |= _WHOLE
        ids = await _held(world, one, cases)
        for case in cases:
            await deeds[case.deed].do(two, ids[case])
        found = await _first(two, "other")
        equal(_expected(cases, deeds), found, "numbers that come first after what was done by hand")
        if world.virtual:
            await world.sleep(_LONG + 1.0)
            late = {case: 1 for case in cases if _comes_late(case, deeds)}
            told = {repr(case): number for case, number in late.items()}
            equal(told, await _first(one, "late"), "numbers that come first when the time is over")


def _free_at_once(case: _Held) -> bool:
    return case.state == "run out" or (case.state, case.deed) in _FREED


def _expected(cases: list[_Held], deeds: dict[str, _Deed]) -> dict[str, int]:
    found: dict[str, int] = {}
    for case in cases:
        left = deeds[case.deed].left
        if left is not None or _free_at_once(case):
            found[repr(case)] = left or 1
    return found


def _comes_late(case: _Held, deeds: dict[str, _Deed]) -> bool:
    held = deeds[case.deed].left is None and not _free_at_once(case)
    return held and case.state != "parked"


async def _held(world: World[Any], one: Outbox, cases: list[_Held]) -> dict[_Held, list[str]]:
    """Save all aggregates and hold their first events; the ids of each."""
    ids: dict[_Held, list[str]] = {}
    for left in (False, True):
        some = [case for case in cases if (case.state == "run out") == left]
        for case in some:
            whole = _BEFORE if case.deed in _WHOLE else 1
            ids[case] = [await _saved(one, case) for _ in range(whole)]
        for turn in (0, 1):
            await _hold(one, _SHORT if left and turn else _LONG)
            for case in some if not turn else ():
                if case.tried:
                    await one.pipeline.send(Fail(SPACE, "holds", ids[case][0]))
                elif left:
                    await one.pipeline.send(Keep(SPACE, "holds", (ids[case][0],), 0.0))
    for case in cases:
        if case.state in ("waiting", "parked"):
            parks = case.state == "parked"
            await one.pipeline.send(Fail(SPACE, "holds", ids[case][0], _LONG, park=parks))
        ids[case] += [await _saved(one, case) for _ in range(_BEFORE - len(ids[case]))]
    await world.sleep(_SHORT + 0.2)
    return ids


async def _saved(one: Outbox, case: _Held) -> str:
    return await one.save_event(OutboxEvent("t", b"x", aggregate_key=repr(case)))


async def _hold(one: Outbox, lease: float) -> None:
    while await one.pipeline.send(Claim(SPACE, "holds", 100, 0.0, lease)):
        pass


async def _first(one: Outbox, owner: str) -> dict[str, int]:
    """Of each aggregate the number that an owner is given first."""
    found: dict[str, int] = {}
    for event in await claimed(one, owner, 1000, lease=_LONGER):
        found.setdefault(event.aggregate_key or "", event.sequence_id or 0)
    return found
