"""Events of every state, beside events of the same ids in another place."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

from omnicloud.contracts.outbox.driver import (
    Claim,
    Fail,
    Keep,
    Lag,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.general.strangers import Place, Stay, Strangers

__all__ = ["OutboxStrangers"]

_LONG = 3600.0
_ABSENT = "absent"
_STATES = ("pending", "claimed", "waiting", "parked", "processed")


class OutboxStrangers(Strangers):
    """An event's id is chosen by whoever saves it, and is known in its space."""

    def stay(self, mark: str, *, every: bool) -> Stay:
        return _Events(mark, every)


class _Events:
    def __init__(self, mark: str, every: bool) -> None:
        others = (*_STATES, _ABSENT)
        pairs = [(mine, other) for mine in _STATES for other in others]
        if not every:
            pairs = [pair for pair in pairs if pair[1] in (pair[0], _ABSENT, "parked")]
        names = {f"{mine} beside {other} {mark}": (mine, other) for mine, other in pairs}
        self._mine = {one: mine for one, (mine, _) in names.items()}
        self._others = {one: other for one, (_, other) in names.items()}
        self._bare = {one: one.removesuffix(mark) for one in names}

    async def begin(self, place: Place) -> None:
        await self._fill(place, self._mine)

    async def ask(self, place: Place, told: Any) -> list[object]:
        await self._fill(place, self._others)
        pipe, space = place
        found: list[object] = [await self.look(place, None), await self._after(place)]
        found.append([await pipe.send(Requeue(space, one)) for one in self._mine])
        found.append(await self.look(place, None))
        for one in self._mine:
            await pipe.send(Fail(space, "me", one, 0.0, park=len(self._bare[one]) % 2 == 0))
        found.append(await self.look(place, None))
        await pipe.send(Keep(space, "me", tuple(self._mine), 0.0))
        found.append(await self._claimed(place, "other"))
        await pipe.send(Mark(space, tuple(self._mine)))
        for one in self._mine:
            await pipe.send(Save(space, NewEvent(one, "t", b"x", None, one)))
        found.append(await self.look(place, None))
        found.append(await _answer(pipe, Purge(space, 0.0)))
        return found

    async def _after(self, place: Place) -> list[str]:
        """Events that come after one that is not there, and are not there themselves."""
        gone = [one for one in self._mine if self._others[one] == _ABSENT]
        found: list[str] = []
        for one in gone:
            for status in EventStatus:
                with suppress(OmniCloudError):  # a list may know only what is on it
                    op = ListEvents(place.name, status, every=True, after=one)
                    found += [event.event_id for event in await place.pipe.send(op)]
        return [self._bare[one] for one in found if one in gone]

    async def look(self, place: Place, told: Any) -> object:
        found: list[object] = []
        for status in EventStatus:
            events = await place.pipe.send(ListEvents(place.name, status, every=True))
            found += [
                (self._bare[one.event_id], status, one.attempts, one.sequence_id) for one in events
            ]
        lag = await place.pipe.send(Lag(place.name))
        return found, lag.pending, lag.parked

    async def end(self, place: Place, told: Any) -> object:
        free = await self._claimed(place, "late")
        for one, state in self._mine.items():
            if state == "claimed":
                await place.pipe.send(Fail(place.name, "me", one, 0.0, park=True))
        return free, await self.look(place, None)

    async def _fill(self, place: Place, states: dict[str, str]) -> None:
        pipe, space = place
        saved = {one: state for one, state in states.items() if state != _ABSENT}
        for one in saved:
            await pipe.send(Save(space, NewEvent(one, "t", b"x", None, one)))
        await self._claimed(place, "me")
        for one, state in saved.items():
            if state in ("waiting", "parked"):
                delay = _LONG if state == "waiting" else 0.0
                await pipe.send(Fail(space, "me", one, delay, park=state == "parked"))
        await pipe.send(Mark(space, tuple(one for one in saved if saved[one] == "processed")))
        free = tuple(one for one in saved if saved[one] == "pending")
        await pipe.send(Keep(space, "me", free, 0.0))

    async def _claimed(self, place: Place, owner: str) -> list[str]:
        """All that is given to an owner, few at a time or at once."""
        found: list[str] = []
        for _ in count():
            more = await place.pipe.send(Claim(place.name, owner, 100, 0.0, _LONG))
            if not more:
                break
            found += [self._bare[one.event_id] for one in more]
        return sorted(found)


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
