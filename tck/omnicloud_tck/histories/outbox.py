"""Histories of outboxes: numbers without gaps, nothing lost, one claimant for each event."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.outbox.driver import Claim, Keep, ListEvents, Mark, Save
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.histories.checker import Model, State, as_one
from omnicloud_tck.histories.events import Action, Call, Fate
from omnicloud_tck.histories.subjects import Client, Modelled, Session

__all__ = ["Claims", "Sequences"]

_LEASE_SECONDS = 600.0  # longer than any history
_PAGE = 1000


def sequence(state: State, call: Call) -> tuple[State, ...]:
    """One aggregate: how many events it ever had, and (number, content) of the pending ones."""
    count, pending = state if isinstance(state, tuple) else (0, ())
    match call.action.verb:
        case "save":
            tag, number = call.action.args
            if number not in (None, count + 1):
                return ()
            return ((count + 1, (*pending, (count + 1, tag))),)
        case "mark":
            left = tuple(one for one in pending if one[1] != call.action.args[0])
            return ((count, left),)
        case _:
            return (state,) if call.fate is Fate.UNKNOWN or call.result == pending else ()


class Sequences(Modelled):
    """Saves, reads and marks of the events of a few aggregates."""

    model = Model((0, ()), sequence, show=lambda state: f"(events so far, pending) = {state}")
    last = (Action("list", "a"), Action("list", "b"))

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("save", "save", "save", "list", "list", "mark"))
        args = () if verb == "list" else (fresh,)
        return Action(verb, chance.choice(("a", "a", "b")), args)

    def open(self, client: Client) -> Session:
        return _Saver(Outbox(client.pipeline), client.space)

    def read(self, calls: Sequence[Call]) -> Sequence[Call]:
        lists = [one.result for one in calls if isinstance(one.result, tuple)]
        return numbered(calls, {tag: number for found in lists for number, tag in found})


def numbered(calls: Sequence[Call], numbers: Mapping[Hashable, Hashable]) -> list[Call]:
    """The calls, each save with the number that its event is known to have been given.

    With it the search need not try all orders of concurrent saves. A save of unknown fate whose
    event no one ever saw is left out: it never happened, or after everything else.
    """
    read: list[Call] = []
    for call in calls:
        if call.action.verb != "save":
            read.append(call)
            continue
        tag = call.action.args[0]
        if call.fate is not Fate.UNKNOWN or tag in numbers:
            action = replace(call.action, args=(tag, numbers.get(tag)))
            read.append(replace(call, action=action))
    return read


class _Saver:
    def __init__(self, outbox: Outbox, space: str) -> None:
        self._outbox, self._space = outbox, space
        self._ids: dict[tuple[str, Hashable], str] = {}

    def resolve(self, action: Action) -> Action:
        """A mark of the oldest event this client knows; who knows none saves one."""
        if action.verb != "mark":
            return action
        known = [tag for key, tag in self._ids if key == action.key]
        return Action("mark", action.key, (known[0],)) if known else Action("list", action.key)

    async def perform(self, action: Action) -> Hashable:
        key = self._space + action.key
        match action.verb:
            case "save":
                tag = action.args[0]
                event = OutboxEvent("topic", str(tag).encode(), None, key)
                self._ids[action.key, tag] = await self._outbox.save_event(event)
                return None
            case "mark":
                known = self._ids.pop((action.key, action.args[0]))
                await self._outbox.mark_as_processed(known)
                return None
            case _:
                found = await self._outbox.get_pending_events_for_aggregate(key)
                return tuple((one["sequence_id"], one["payload"].decode()) for one in found)


Held = tuple[str, Hashable, Hashable, Hashable]
"""A pending event: aggregate, number, content, and who has claimed it, or ``None``."""


def claims(state: State, call: Call) -> tuple[State, ...]:
    """How many events each aggregate ever had, and the pending ones in their orders."""
    counts, pending = state if isinstance(state, tuple) else ((), ())
    action = call.action
    match action.verb:
        case "save":
            tag, known = action.args
            number = dict(counts).get(action.key, 0) + 1
            if known not in (None, number):
                return ()
            now = tuple(sorted({**dict(counts), action.key: number}.items()))
            return ((now, tuple(sorted((*pending, (action.key, number, tag, None)), key=_place))),)
        case "mark":
            return ((counts, tuple(one for one in pending if one[2] not in action.args)),)
        case "free":
            owner, *tags = action.args
            return ((counts, _given(pending, tags, owner, None)),)
        case "claim":
            return tuple((counts, after) for after in _claimed(pending, call))
        case _:
            known_ = frozenset((tag, number) for _, number, tag, _ in pending)
            return (state,) if call.fate is Fate.UNKNOWN or call.result == known_ else ()


def _place(one: Held) -> tuple[str, int]:
    return one[0], int(str(one[1]))


def _given(
    pending: tuple[Held, ...], tags: Sequence[Hashable], before: Hashable, after: Hashable
) -> tuple[Held, ...]:
    return tuple(
        (key, number, tag, after if tag in tags and owner == before else owner)
        for key, number, tag, owner in pending
    )


def _claimed(pending: tuple[Held, ...], call: Call) -> list[tuple[Held, ...]]:
    """The pending events after a claim: of each aggregate that no one holds, a first part."""
    owner, most = call.action.args
    told = call.result if isinstance(call.result, tuple) else ()
    found: list[tuple[Held, ...]] = []
    held = {key for key, _, _, by in pending if by is not None}
    free = [
        [(tag, number) for k, number, tag, _ in pending if k == key]
        for key in sorted({one[0] for one in pending} - held)
    ]
    for sizes in product(*(range(len(lane) + 1) for lane in free)):
        lanes = [lane[:size] for lane, size in zip(free, sizes, strict=True)]
        chosen = [one for lane in lanes for one in lane]
        if call.fate is not Fate.UNKNOWN and not _is_answer(told, lanes):
            continue
        if len(chosen) <= int(str(most)):
            found.append(_given(pending, [tag for tag, _ in chosen], None, owner))
    return found


def _is_answer(told: tuple[Hashable, ...], lanes: list[list[tuple[Hashable, Hashable]]]) -> bool:
    """Whether a claim was answered with these events, those of each aggregate in order."""
    in_order = all([one for one in told if one in lane] == lane for lane in lanes)
    return in_order and len(told) == sum(map(len, lanes))


class Claims(Modelled):
    """Saves, and relays that claim, mark and give back."""

    model = Model(((), ()), claims, as_one, lambda state: f"(events so far, pending) = {state}")
    last = (Action("rest"),)

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("save", "save", "save", "claim", "claim", "mark", "free"))
        if verb == "save":
            return Action(verb, chance.choice(("a", "a", "b")), (fresh,))
        return Action(verb, "", (chance.choice((1, 1, 2, 3)),))

    def open(self, client: Client) -> Session:
        return _Relay(Outbox(client.pipeline), client.space, client.name)

    def read(self, calls: Sequence[Call]) -> Sequence[Call]:
        told = [one.result for one in calls if isinstance(one.result, tuple | frozenset)]
        return numbered(calls, {tag: number for found in told for tag, number in found})


class _Relay:
    """Saves and claims in a space of the history's own, since claims know no aggregate."""

    def __init__(self, outbox: Outbox, space: str, name: str) -> None:
        self._outbox, self._space, self._name = outbox, f"{SPACE}-{space}", name
        self._ids: dict[Hashable, str] = {}
        self._mine: list[Hashable] = []

    def resolve(self, action: Action) -> Action:
        """Marks and gives back what this relay has claimed; who has nothing claims."""
        if action.verb in ("save", "rest"):
            return action
        most = int(str(action.args[0]))
        if action.verb == "claim" or not self._mine:
            return Action("claim", "", (self._name, most))
        mine, self._mine = self._mine[:most], self._mine[most:]
        return Action(
            action.verb, "", tuple(mine if action.verb == "mark" else [self._name, *mine])
        )

    async def perform(self, action: Action) -> Hashable:
        match action.verb:
            case "save":
                await self._save(action)
                return None
            case "claim":
                return await self._claim(int(str(action.args[1])))
            case "mark":
                op = Mark(self._space, tuple(self._ids[tag] for tag in action.args))
                await self._outbox.pipeline.send(op)
                return None
            case "free":
                ids = tuple(self._ids[tag] for tag in action.args[1:])
                await self._outbox.pipeline.send(Keep(self._space, self._name, ids, 0.0))
                return None
            case _:
                every = ListEvents(self._space, EventStatus.PENDING, every=True, limit=_PAGE)
                found = await self._outbox.pipeline.send(every)
                return frozenset((one.payload.decode(), one.sequence_id) for one in found)

    async def _save(self, action: Action) -> None:
        tag = str(action.args[0])
        event = NewEvent(f"{self._space}{tag}", "topic", tag.encode(), None, action.key)
        await self._outbox.pipeline.send(Save(self._space, event))

    async def _claim(self, most: int) -> Hashable:
        op = Claim(self._space, self._name, most, 0.0, _LEASE_SECONDS)
        found = await self._outbox.pipeline.send(op)
        for one in found:
            tag = one.payload.decode()
            self._ids[tag] = one.event_id
            self._mine.append(tag)
        return tuple((one.payload.decode(), one.sequence_id) for one in found)
