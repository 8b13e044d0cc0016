"""Locks beside a plain reading of them: holders, who waits, tokens, and time that passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.chances import Chance, Verb, of, one_of
from omnicloud_tck.programs.circumstances import LEGION
from omnicloud_tck.programs.times import LATE, Times, passing
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects.locks_meeting import LOCKS_MEETING

__all__ = ["LOCKS_SUBJECT"]

Pipe = Pipeline[Any]

_IDLE = 61.7  # seconds for which nobody comes to a line
_BRIEF = 33.3  # seconds of a place that is over before
_LAPSES = 4
_LOOKED_AT = 12  # names, in the end
_OWNERS = ("one", "One", "one ", "two", "three", "\u00e9")


@dataclass(slots=True)
class _Place:
    """Somebody who holds, or waits, until a moment."""

    owner: str
    until: float
    token: int | None = None


@dataclass(slots=True)
class _Name:
    """Holders, the line before it in the order of arrival, and the largest token."""

    holders: list[_Place] = field(default_factory=list)
    line: list[_Place] = field(default_factory=list)
    last: int = -1

    def tick(self, now: float) -> None:
        """Forget whose time is over."""
        self.holders = [one for one in self.holders if one.until > now]
        self.line = [one for one in self.line if one.until > now]

    def moments(self) -> Iterator[float]:
        """When somebody's time is over."""
        yield from (one.until for one in (*self.holders, *self.line))

    def holder(self, owner: str) -> _Place | None:
        """An owner's grant."""
        return next((one for one in self.holders if one.owner == owner), None)

    def leave(self, owner: str) -> None:
        """End an owner's grant, and its place."""
        self.holders = [one for one in self.holders if one.owner != owner]
        self.line = [one for one in self.line if one.owner != owner]


class _LocksTwin:
    def __init__(self, scene: Scene) -> None:
        self._scene, self._times = scene, Times(scene)
        self._names: dict[str, _Name] = {}

    async def take(self, step: Step) -> None:
        """Do an operation on both and compare the answers."""
        await self._tick()
        verb, client, *rest = step
        if verb == "edge":
            await self.edge(client, *rest)
        else:
            await getattr(self, _SAME.get(verb) or verb)(self._scene.pipes[client], *rest)

    async def _tick(self) -> None:
        """Forget what has ended, once it is clear what has."""
        await self._times.clear_of(
            moment for name in self._names.values() for moment in name.moments()
        )
        for name in self._names.values():
            name.tick(self._times.now())

    async def end(self) -> None:
        """Compare all that is there, and give it back."""
        for name in list(self._names)[:_LOOKED_AT]:
            for owner in _OWNERS:
                await self.take(("renew", 0, name, owner, 60.0))
            for owner in _OWNERS:
                await self.take(("release", 1, name, owner))

    def _name(self, name: str) -> _Name:
        return self._names.setdefault(name, _Name())

    async def acquire(
        self, pipe: Pipe, name: str, owner: str, life: float, queue: float | None
    ) -> None:
        """Ask for a lock, or for a permit, waiting in the line or not."""
        held, permits = self._name(name), _permits(name)
        life = self._times.span(life)
        queue = None if queue is None else self._times.span(queue)
        before = held.holder(owner)
        granted = before is not None or self._position(held, owner) < permits - len(held.holders)
        op = Acquire(self._scene.space + name, owner, life, permits, queue)
        grant: Grant | None = await pipe.send(op)
        equal(granted, grant is not None, f"{owner} acquiring {name!r}")
        if grant is not None:
            self._granted(held, name, owner, grant, life)
        elif queue is not None and self._fair():
            self._waits(held, owner, queue)

    def _fair(self) -> bool:
        return LocksFeature.FAIR in self._scene.features

    def _position(self, held: _Name, owner: str) -> int:
        if not self._fair():
            return 0
        ahead = [one.owner for one in held.line]
        return ahead.index(owner) if owner in ahead else len(ahead)

    def _waits(self, held: _Name, owner: str, queue: float) -> None:
        until = self._times.now() + queue
        place = next((one for one in held.line if one.owner == owner), None)
        if place is None:
            held.line.append(_Place(owner, until))
        else:
            place.until = until

    def _granted(self, held: _Name, name: str, owner: str, grant: Grant, life: float) -> None:
        fencing = LocksFeature.FENCING in self._scene.features
        equal(fencing, grant.token is not None, f"a token of {name!r}")
        before = held.holder(owner)
        until = self._times.now() + life
        if before is not None:
            equal(before.token, grant.token, f"the token of {name!r}, asked again")
            before.until = until
            return
        if grant.token is not None:
            larger = grant.token > held.last
            that(larger, f"a token of {name!r} is no larger than one before it")
            held.last = grant.token
        held.leave(owner)
        held.holders.append(_Place(owner, until, grant.token))

    async def renew(self, pipe: Pipe, name: str, owner: str, life: float) -> None:
        """Let a grant end later, or sooner."""
        held, life = self._name(name), self._times.span(life)
        renewed = await pipe.send(Renew(self._scene.space + name, owner, life))
        place = held.holder(owner)
        equal(place is not None, renewed, f"{owner} renewing {name!r}")
        if place is not None:
            place.until = self._times.now() + life

    async def release(self, pipe: Pipe, name: str, owner: str) -> None:
        """Give back what is held, if anything, and a place in the line."""
        await pipe.send(Release(self._scene.space + name, owner))
        self._name(name).leave(owner)

    async def line(self, pipe: Pipe, name: str, who: int) -> None:
        """Let several wait for those who hold, and one of them or a holder leave.

        Of some the first place in the line is over when that happens.
        """
        owners = _OWNERS[:5]
        for number, owner in enumerate(owners):
            await self._tick()
            place = _BRIEF if who == _LAPSES and number == _permits(name) else 5000.0
            await self.acquire(pipe, name, owner, 3600.0, place if number else None)
            if not number and who % 2:
                await self._times.let_pass(_IDLE)
        if who == _LAPSES:
            await self._times.let_pass(_IDLE)
        await self._tick()
        for owner in (owners[who], owners[0]):
            await self.release(pipe, name, owner)
        for owner in owners:
            await self._tick()
            await self.renew(pipe, name, owner, 3600.0)
        for owner in reversed(owners):
            await self._tick()
            await self.acquire(pipe, name, owner, 3600.0, 5000.0)

    async def crowd(self, pipe: Pipe, count: int) -> None:
        """Hold many names at once."""
        for number in range(count):
            await self._tick()
            await self.acquire(pipe, f"many-{number}", "one", 7200.0, None)

    async def edge(self, client: int, which: int, call: Step) -> None:
        """See that a grant, or a place in a line, ends when it is said to, and not before."""
        before = self._coming()
        if call[0] == "renew":
            call = self._held(which, call)
        await self.take((call[0], client, *call[1:]))
        coming = self._coming()
        if coming:
            new = [one for one in coming if one not in before]
            moment, name = new[0] if new else coming[which % len(coming)]
            async for _ in self._times.around(moment):
                await self.take(("acquire", client, name, "a stranger", 5.0, None))

    def _held(self, which: int, call: Step) -> Step:
        """A renewal of what somebody holds, where there is such."""
        held = [(name, one.owner) for name, of in self._names.items() for one in of.holders]
        return ("renew", *held[which % len(held)], call[3]) if held else call

    def _coming(self) -> list[tuple[float, str]]:
        """What ends by itself, and where."""
        known = ((one, name) for name, held in self._names.items() for one in held.moments())
        return sorted((one, name) for one, name in known if one > self._times.now() + LATE)

    async def wait(self, pipe: Pipe, seconds: float) -> None:
        """Let time pass."""
        await self._times.let_pass(seconds)


_SAME = {"share": "acquire", "queue": "line"}


def _permits(name: str) -> int:
    return int(name[0]) if name[:2] in ("2:", "3:") else 1


def _lock(chance: Chance) -> str:
    """A lock: mostly one of two, the same in every list."""
    return chance.choice(("l", "l", "l", "L", "l" + chance.names[0], chance.names[1]))


def _semaphore(chance: Chance) -> str:
    return chance.choice(("2:", "2:", "3:", "2:" + chance.names[0]))


def _either(chance: Chance) -> str:
    return _semaphore(chance) if chance.random() < 0.4 else _lock(chance)


def _owner(chance: Chance) -> str:
    return chance.choice(_OWNERS)


_LIFE = one_of(0.5, 5.9, 90.9, 3600.0, 3600.9, 100_000.0, 3_000_000.0, 300_000_000.0)
"""Seconds, up to what overflows in 32 bits of milliseconds, signed or not."""
_QUEUE = one_of(None, None, 4.9, 50.9, 5000.9)


def _lasting(chance: Chance) -> Step:
    """A call that decides when something ends."""
    if chance.random() < 0.3:
        return ("acquire", _lock(chance), _owner(chance), _LIFE(chance), _QUEUE(chance))
    return ("renew", _either(chance), _owner(chance), _LIFE(chance))


_PERMITS = frozenset({LocksFeature.PERMITS})

LOCKS_SUBJECT = Twins(
    "locks",
    {
        "acquire": Verb(9, of(_lock, _owner, _LIFE, _QUEUE)),
        "share": Verb(8, of(_semaphore, _owner, _LIFE, _QUEUE), _PERMITS),
        "renew": Verb(5, of(_either, _owner, _LIFE)),
        "release": Verb(6, of(_either, _owner)),
        "line": Verb(0.5, of(_lock, one_of(0, 1, 2, 3, 4))),
        "queue": Verb(
            0.5, of(_semaphore, one_of(0, 1, 2, 3, 4)), frozenset({LocksFeature.PERMITS})
        ),
        "crowd": Verb(0.1, of(one_of(70, 300))),
        "edge": Verb(3, of(one_of(*range(6)), _lasting)),
        "wait": Verb(4, of(passing)),
    },
    _LocksTwin,
    meeting=LOCKS_MEETING,
    legion=("crowd", LEGION),
    long=400,
    stepped=True,
)
