"""Histories of outboxes: numbers without gaps, nothing lost, one claimant for each event."""

from __future__ import annotations

import random
from collections.abc import Hashable

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
            return ((count + 1, (*pending, (count + 1, call.action.args[0]))),)
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


Pending = tuple[tuple[str, Hashable, Hashable], ...]
"""The pending events in their order: aggregate, content, and who has claimed it, or ``None``."""


def claims(state: State, call: Call) -> tuple[State, ...]:
    """The pending events of all aggregates and who holds them."""
    pending: Pending = state if isinstance(state, tuple) else ()
    action = call.action
    match action.verb:
        case "save":
            return ((*pending, (action.key, action.args[0], None)),)
        case "mark":
            return (tuple(one for one in pending if one[1] not in action.args),)
        case "free":
            owner, *tags = action.args
            return (_given(pending, tags, owner, None),)
        case "claim":
            owner, most = action.args
            return _claimed(pending, call, owner, int(str(most)))
        case _:
            known = frozenset(tag for _, tag, _ in pending)
            return (state,) if call.fate is Fate.UNKNOWN or call.result == known else ()


def _given(pending: Pending, tags: list[Hashable], before: Hashable, after: Hashable) -> Pending:
    return tuple(
        (key, tag, after if tag in tags and owner == before else owner)
        for key, tag, owner in pending
    )


def _claimed(pending: Pending, call: Call, owner: Hashable, most: int) -> tuple[State, ...]:
    if call.fate is Fate.UNKNOWN:
        free = _claimable(pending)
        return tuple(_given(pending, free[:n], None, owner) for n in range(most + 1))
    tags = list(call.result) if isinstance(call.result, tuple) else []
    free = _claimable(pending)
    in_order = all(
        [one for one in free if _key(pending, one) == key][: len(mine)] == mine
        for key in {_key(pending, tag) for tag in tags}
        for mine in [[tag for tag in tags if _key(pending, tag) == key]]
    )
    good = len(tags) <= most and in_order and set(tags) <= set(free)
    return (_given(pending, tags, None, owner),) if good else ()


def _key(pending: Pending, tag: Hashable) -> str:
    return next((key for key, other, _ in pending if other == tag), "")


def _claimable(pending: Pending) -> list[Hashable]:
    """The free events in order, without those of aggregates of which one is claimed."""
    held = {key for key, _, owner in pending if owner is not None}
    return [tag for key, tag, owner in pending if owner is None and key not in held]


class Claims(Modelled):
    """Saves, and relays that claim, mark and give back."""

    model = Model((), claims, as_one, lambda state: f"(aggregate, event, owner) = {state}")
    last = (Action("rest"),)

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("save", "save", "save", "claim", "claim", "mark", "free"))
        if verb == "save":
            return Action(verb, chance.choice(("a", "a", "b")), (fresh,))
        return Action(verb, "", (chance.choice((1, 1, 2, 3)),))

    def open(self, client: Client) -> Session:
        return _Relay(Outbox(client.pipeline), client.space, client.name)


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
                return frozenset(one.payload.decode() for one in found)

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
        return tuple(one.payload.decode() for one in found)
