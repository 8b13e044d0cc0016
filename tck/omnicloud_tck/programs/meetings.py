"""Plays meetings: two calls at once end as one order of them would, whatever is cut off."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Iterator
from typing import Any

from omnicloud.errors import (
    DeadlineExceededError,
    InternalError,
    OmniCloudError,
    Outcome,
    ThrottledError,
    UnavailableError,
)
from omnicloud_tck.check import Broken, that
from omnicloud_tck.law import Ability
from omnicloud_tck.programs.houses import turned
from omnicloud_tck.programs.minding import Minding
from omnicloud_tck.programs.playing import logged
from omnicloud_tck.programs.scenes import Meeting, Versions, answer_of
from omnicloud_tck.telling import everything, tells
from omnicloud_tck.world import World

__all__ = ["CANARY", "fall", "meet"]

CANARY = "cnry-5d07e1b29c"
"""What stands in payloads of calls that meet; nobody may tell it."""

_SPACES = itertools.count()
_LOOKER = 2  # the client that calls nothing
_BEHIND = 0.25  # share of the pairs that meet again, the second a turn of the loop behind
_CUTS = (1, 2, 3, 4)  # turns after which it is cancelled, or the backend is gone
_REAL_SECONDS = 1.0  # after which no pair is begun over a real backend
_TO_THE_END = range(4, 16)  # turns that a transaction may take besides, until it is committed
_AFTER = 2.5  # seconds in which what is sent too late would show
_OUTAGE_SECONDS = 20.0  # that a call in an outage may take
_REPEATS = 3  # times that a pair meets over a real backend
_TROUBLES = [
    f"a {error.__name__}"
    for error in (UnavailableError, DeadlineExceededError, ThrottledError, InternalError)
]
"""What no call ends in that is made alone."""

Found = tuple[Any, ...]


class _Hall:
    """Two clients of a world, and a third that looks."""

    def __init__(self, meeting: Meeting, world: World[Any]) -> None:
        self.meeting, self.world = meeting, world
        self._pipes: list[Any] = []
        self._orders: dict[tuple[str, ...], Found] = {}
        self.states = [
            state for state in meeting.begin if world.virtual or state not in meeting.jumps
        ]

    async def open(self) -> list[str]:
        self._pipes = [await self.world.pipeline(Minding()) for _ in range(3)]
        return self.meeting.possible(self._pipes[0].driver.features)

    async def begin(self, state: str) -> _Room:
        await self.world.sleep(0.01)  # a virtual clock that never waits is taken to spin
        space = f"m{next(_SPACES)}-"
        known = await self.meeting.begin[state](self._pipes[2], space)
        return _Room(self, space, known)

    def call(self, client: int, name: str, room: _Room) -> Awaitable[object]:
        return answer_of(self.meeting.calls[name](self._pipes[client], room.space, room.known))

    def bare(self, name: str, room: _Room) -> Awaitable[object]:
        return self.meeting.calls[name](self._pipes[0], room.space, room.known)

    async def look(self, room: _Room, client: int) -> object:
        return await self.meeting.look(self._pipes[client], room.space, room.known)

    async def in_order(self, state: str, calls: tuple[tuple[int, str], ...]) -> Found:
        """What calls answer and leave that are made one after another, in the order of the pair."""
        key = (state, *(f"{client}{name}" for client, name in calls))
        if key not in self._orders:
            room = await self.begin(state)
            answers: list[object] = [None, None]
            for client, name in calls:
                answers[client] = await self.call(client, name, room)
                troubled = self.world.virtual and answers[client] in _TROUBLES
                that(not troubled, f"{name} of {state}, with nothing beside it, is {answers}")
            self._orders[key] = await room.found(answers)
        return self._orders[key]


class _Room:
    """One record that calls meet on."""

    def __init__(self, hall: _Hall, space: str, known: dict[str, Any]) -> None:
        self._hall, self.space, self.known = hall, space, known

    async def found(self, answers: list[object], *, by: int = _LOOKER) -> Found:
        """The answers, and all that a client finds there afterwards."""
        left = await self._hall.look(self, by)
        found: Found = Versions().plain((self.known, left, *answers))[1:]
        return found


async def meet(meeting: Meeting, world: World[Any], seed: int) -> None:
    """Break the law where two calls at once end as neither order of them would.

    Over a real backend it ends soon; there no call is cancelled.
    """
    with logged(world.virtual) as texts:
        await _met(meeting, world, seed)
    that(not tells(" ".join(texts), CANARY), "a payload is in a log")


async def _met(meeting: Meeting, world: World[Any], seed: int) -> None:
    hall = _Hall(meeting, world)
    names = await hall.open()
    started, chance = time.perf_counter(), random.Random(f"{seed}/behind")  # noqa: S311 - cases
    for state, one, two in _drawn(meeting, hall.states, names, seed):
        if not world.virtual and time.perf_counter() - started > _REAL_SECONDS:
            return
        for _ in range(1 if world.virtual else _REPEATS):
            await _pair(hall, state, one, two, 0)
        if world.virtual and chance.random() < _BEHIND:
            await _pair(hall, state, one, two, 1)
    if world.virtual:
        await _cancel(hall, names, seed)


async def _cancel(hall: _Hall, names: list[str], seed: int) -> None:
    chance = random.Random(f"{seed}/cancelled")  # noqa: S311 - cases
    for state, one in itertools.product(hall.states, names):
        for turns in _CUTS if one not in hall.meeting.reads else ():
            await _cancelled(hall, state, one, chance.choice(names), turns)


def _drawn(
    meeting: Meeting, states: list[str], names: list[str], seed: int
) -> Iterator[tuple[str, str, str]]:
    """All pairs of which one changes something, in an order of the seed."""
    every = [
        (state, one, two)
        for state in states
        for one, two in itertools.product(names, names)
        if not {one, two} <= meeting.reads
    ]
    random.Random(f"{seed}/meetings").shuffle(every)  # noqa: S311 - cases
    yield from every


async def _pair(hall: _Hall, state: str, one: str, two: str, offset: int) -> None:
    room = await hall.begin(state)
    first = asyncio.ensure_future(hall.call(0, one, room))
    await turned(offset)
    second = asyncio.ensure_future(hall.call(1, two, room))
    answers = [await first, await second]
    found = await room.found(answers)
    orders: list[tuple[tuple[int, str], ...]] = [
        ((0, one), (1, two)),
        ((1, two), (0, one)),
    ]
    await _explained(hall, state, found, orders, _conflicting(hall, one, two), f"{one} and {two}")


def _conflicting(hall: _Hall, one: str, two: str) -> list[tuple[int, str]]:
    """Those of the pair that may have been refused, where they met."""
    both = ((0, one), (1, two))
    return [(client, name) for client, name in both if name in hall.meeting.retried]


async def _explained(
    hall: _Hall,
    state: str,
    found: Found,
    orders: list[tuple[tuple[int, str], ...]],
    conflicting: list[tuple[int, str]],
    about: str,
) -> None:
    ends = [await hall.in_order(state, order) for order in orders]
    if found in ends:
        return
    for client, _ in conflicting:
        if found[1 + client] == ("str", "a ConflictError"):
            left = [tuple(pair for pair in order if pair[0] != client) for order in orders]
            ends += [
                _with(await hall.in_order(state, order), client, found[1 + client])
                for order in left
            ]
    if found not in ends:
        raise Broken(f"{about} at once, of {state}: {found} is the end of no order: {set(ends)}")


def _with(found: Found, client: int, answer: object) -> Found:
    changed = list(found)
    changed[1 + client] = answer
    return tuple(changed)


async def _cancelled(hall: _Hall, state: str, one: str, two: str, turns: int) -> None:
    """A call is cancelled after so many turns, and another one made after it."""
    room = await hall.begin(state)
    task = asyncio.ensure_future(hall.call(0, one, room))
    await turned(turns)
    task.cancel()
    await asyncio.wait((task,))
    next_ = turns % 2  # the client whose call was cancelled, or the other one
    answers = [None if task.cancelled() else task.result(), await hall.call(next_, two, room)]
    await hall.world.sleep(_AFTER)
    found = await room.found(answers, by=(_LOOKER, 0, 1)[turns % 3])
    ends = [
        _with(await hall.in_order(state, order), 0, found[1])
        for order in (((0, one), (1, two)), ((1, two),))
    ]
    said = f"{one} cancelled after {turns} turns, then {two}, of {state}"
    that(found in ends, f"{said}: {found} is the end of no order: {set(ends)}")


async def fall(meeting: Meeting, world: World[Any]) -> None:
    """Break the law where a call during which the backend is gone is half done, or done later."""
    with logged(world.virtual) as texts:
        await _all_fall(meeting, world)
    that(not tells(" ".join(texts), CANARY), "a payload is in a log")


async def _all_fall(meeting: Meeting, world: World[Any]) -> None:
    hall = _Hall(meeting, world)
    ways = [
        way
        for way, ability in (("gone", Ability.OUTAGE), ("cut", Ability.CUT))
        if ability in world.abilities
    ]
    names = await hall.open()
    if world.virtual:
        for state, name, way in itertools.product(hall.states, names, ways):
            cuts = (0, *_CUTS[:3], *(_TO_THE_END if name in meeting.retried else ()))
            for at, turns in enumerate(cuts):
                await _fallen(hall, state, [name], way, turns, by=(_LOOKER, 0)[at % 2])
        return
    started = time.perf_counter()
    for at, state in enumerate(hall.states):  # an outage takes a while: all calls are in one,
        for some in [names] if meeting.apart else [[name] for name in names]:  # where they can be
            if time.perf_counter() - started < _REAL_SECONDS:
                await _fallen(hall, state, some, "gone", 0, by=(_LOOKER, 0)[at % 2])


async def _fallen(
    hall: _Hall, state: str, names: list[str], way: str, turns: int, *, by: int = _LOOKER
) -> None:
    """Calls, each of a record of its own, and the backend is gone after so many turns.

    Afterwards the client ``by`` looks: 0 is the one whose calls fell.
    """
    rooms = [await hall.begin(state) for _ in names]
    said = [f"{name} of {state}, with the backend {way} after {turns} turns" for name in names]
    tasks = [
        asyncio.ensure_future(_told(hall.bare(name, room), about))
        for name, room, about in zip(names, rooms, said, strict=True)
    ]
    await turned(turns)
    async with hall.world.outage() if way == "gone" else hall.world.cut_mid_answer(0):
        await hall.world.sleep(0.3)
        if not hall.world.virtual:
            await asyncio.wait(tasks, timeout=_OUTAGE_SECONDS)
    told = await asyncio.gather(*tasks)
    await hall.world.sleep(_AFTER if hall.world.virtual else hall.world.on_its_way)
    for name, room, about, (answer, outcome) in zip(names, rooms, said, told, strict=True):
        found = await room.found([answer, None], by=by)
        await _is_whole(hall, state, name, found, outcome, about)


async def _is_whole(
    hall: _Hall, state: str, name: str, found: Found, outcome: Outcome | None, about: str
) -> None:
    """Break unless a call that ended so left what it makes, or what was there before."""
    done = await hall.in_order(state, ((0, name),))
    left = await hall.in_order(state, ())
    if outcome is None:
        ends = [done]
    else:
        possible = [left] if outcome is Outcome.NOT_DONE else [done, left]
        ends = [_with(end, 0, found[1]) for end in possible]
    that(found in ends, f"{about}: {found} is none of {ends}")


async def _told(call: Awaitable[object], about: str) -> tuple[object, Outcome | None]:
    try:
        return await call, None
    except OmniCloudError as error:
        that(not tells(everything(error), CANARY), f"{about}: the error tells a payload")
        if isinstance(error, UnavailableError | DeadlineExceededError):
            return "unavailable", error.outcome
        return f"a {type(error).__name__}", None
