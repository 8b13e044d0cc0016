"""The law of calls that wait, and of what begins while they do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from omnicloud.contracts.kv.driver import Changes, Delete, Set
from omnicloud.contracts.kv.models import ChangeKind
from omnicloud.contracts.secrets.driver import Await
from omnicloud.contracts.secrets.driver import Set as SetSecret
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError, Outcome
from omnicloud_tck.check import Broken, equal, eventually, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.namespaces import BEGIN
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["Waits"]

Pipe = Pipeline[Any]
Trouble = Callable[[], AbstractAsyncContextManager[None]]

_BEFORE = 0.3  # seconds that a call has waited when the trouble begins
_LENGTHS = ((2.0, 3.2), (6.0, 2.5), (30.0, 2.5))
"""Of a wait and of the trouble, seconds: it outlasts the wait, or is over long before."""
_REAL_LENGTHS = ((1.0, 1.2), (3.0, 0.6))
_SLACK = 1.0  # seconds by which an answer may be late
_MOST_SECONDS = 60.0
_TRIES = 40
_TELLING = 20.0  # seconds in which what happened is told in the end


class Waits(Contract):
    """For contracts of which a call may wait for something."""

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        """Store the payload under the name, over what was there."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are put")

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        """The payload stored under the name, ``None`` where there is none."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are taken")

    @law(
        "G-121",
        "A call that waits when an outage or a silence begins ends in an error, or as if there had "
        "been none; what happens after that is told from where it began.",
        abilities=[Ability.OUTAGE],
        rung=Rung.RESILIENCE,
        patience=3600.0,
    )
    async def trouble_is_no_answer(self, world: World[Any]) -> None:
        watch = _WATCHES.get(self.contract)
        number = 0
        for trouble in _troubles(world):
            if watch is not None and watch.needs <= (await world.driver()).features:
                for wait, length in _LENGTHS if world.virtual else _REAL_LENGTHS:
                    number += 1
                    await _Watched(world, watch(f"w{number}")).through(trouble, wait, length)
            if self.contract in BEGIN and "transaction" in (await world.driver()).features:
                await self._held_up(world, trouble)

    async def _held_up(self, world: World[Any], trouble: Trouble) -> None:
        """A write that may have to wait for a transaction in which the same was written."""
        holder, other = await world.pipeline(), await world.pipeline()
        await self.put(other, "held", b"before")
        transaction = await holder.send(BEGIN[self.contract]())
        inside = holder.around(holder.driver.within(transaction))
        await self.put(inside, "held", b"inside")
        writing = asyncio.ensure_future(self.put(other, "held", b"waited"))
        await world.sleep(_BEFORE)
        async with trouble():
            await world.sleep(_BEFORE)
            ending = asyncio.ensure_future(transaction.rollback())
            await world.sleep(_BEFORE)
        await asyncio.wait((writing, ending), timeout=_MOST_SECONDS)
        that(writing.done(), f"a write that waited had not ended after {_MOST_SECONDS:.0f} s")
        that(ending.done(), f"a rollback had not ended after {_MOST_SECONDS:.0f} s")
        ending.exception()  # seen: the connection of a transaction may be lost
        error = writing.exception()
        found = await _answered(world, partial(self.take, other, "held"))
        if error is None:
            equal(b"waited", found, "what was acknowledged to who waited when trouble began")
        elif _of_trouble(error).outcome is Outcome.NOT_DONE:
            equal(b"before", found, "what was told as not done to who waited when trouble began")


class Watch(Protocol):
    """How changes are waited for."""

    needs: frozenset[Any]

    def __init__(self, name: str) -> None: ...
    def before(self) -> list[Operation[Any, Any]]:
        """What is there when the wait begins."""

    def changes(self) -> list[Operation[Any, Any]]:
        """What happens after the trouble."""

    async def begin(self, pipe: Pipe) -> None:
        """Note where the wait begins."""

    async def ask(self, pipe: Pipe, wait: float) -> None:
        """Wait; break the law where something is told that did not happen."""

    def made(self, answers: list[object]) -> None:
        """Know what the changes were answered."""

    def is_told_at_the_end(self) -> bool:
        """Whether a wait tells, when it ends, what happened in it."""

    def has_told_all(self) -> bool:
        """Whether all that happened was told; breaks the law where something else was."""


class _Watched:
    def __init__(self, world: World[Any], watch: Watch) -> None:
        self._world, self._watch = world, watch

    async def through(self, trouble: Trouble, wait: float, length: float) -> None:
        world, watch = self._world, self._watch
        one, two = await world.pipeline(), await world.pipeline()
        for op in watch.before():
            await one.send(op)
        await watch.begin(two)
        waiting = asyncio.ensure_future(watch.ask(two, wait))
        await world.sleep(_BEFORE)
        async with trouble():
            await world.sleep(length)
        watch.made([await _answered(world, partial(one.send, op)) for op in watch.changes()])
        still_waited = not waiting.done() and wait > _BEFORE + length + _SLACK
        await asyncio.wait((waiting,), timeout=_MOST_SECONDS)
        that(waiting.done(), f"a wait of {wait:g} s had not ended after {_MOST_SECONDS:.0f} s")
        if (error := waiting.exception()) is not None:
            _of_trouble(error)
        elif still_waited:
            that(watch.is_told_at_the_end(), f"a wait of {wait:g} s ended with what was before it")

        async def told() -> bool:
            try:
                await watch.ask(two, 0.5)
            except OmniCloudError as error:
                _of_trouble(error)
            return watch.has_told_all()

        await eventually(told, world.sleep, _TELLING, "what happened after an outage told")


class _Keys:
    needs = Changes().needs()

    def __init__(self, name: str) -> None:
        self._op = Changes(f"{name}/")
        self._set, self._gone = f"{name}/set", f"{name}/gone"
        self._kept, self._expected = f"{name}/kept", {self._set: ChangeKind.SET}
        self._expected[self._gone] = ChangeKind.DELETED
        self._told: dict[str, ChangeKind] = {}

    def before(self) -> list[Operation[Any, Any]]:
        return [Set(key, b"x") for key in (self._kept, self._gone, self._set)]

    def changes(self) -> list[Operation[Any, Any]]:
        return [Set(self._set, b"y"), Delete(self._gone)]

    def made(self, answers: list[object]) -> None:
        """Whatever it is: kinds of changes are told, not versions."""

    async def begin(self, pipe: Pipe) -> None:
        self._op = replace(self._op, cursor=(await pipe.send(self._op)).cursor)

    async def ask(self, pipe: Pipe, wait: float) -> None:
        page = await pipe.send(replace(self._op, wait=wait))
        self._op = replace(self._op, cursor=page.cursor)
        told = {change.key: change.kind for change in page.changes}
        that(told.items() <= self._expected.items(), "changes are told that nobody made")
        self._told |= told

    def is_told_at_the_end(self) -> bool:
        return True  # a page may be empty

    def has_told_all(self) -> bool:
        return self._told == self._expected


class _Secret:
    needs = Await("s").needs()

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: str | None = None
        self._told: list[str | None] = []
        self._made: list[object] = []

    def before(self) -> list[Operation[Any, Any]]:
        return [SetSecret(self._name, b"older"), SetSecret(self._name, b"old")]

    def changes(self) -> list[Operation[Any, Any]]:
        return [SetSecret(self._name, b"new")]

    def made(self, answers: list[object]) -> None:
        self._made = answers

    async def begin(self, pipe: Pipe) -> None:
        self._known = await pipe.send(Await(self._name))

    async def ask(self, pipe: Pipe, wait: float) -> None:
        told = await pipe.send(Await(self._name, self._known, wait))
        if told != self._known:
            self._told.append(told)

    def is_told_at_the_end(self) -> bool:
        return bool(self._told)

    def has_told_all(self) -> bool:
        # A set that was tried again may have made two.
        others = [one for one in self._told if one not in self._made]
        that(not others, f"{others} is told of a secret whose new version is {self._made}")
        return bool(self._told)


_WATCHES: dict[str, type[Watch]] = {"kv": _Keys, "secrets": _Secret}


def _troubles(world: World[Any]) -> list[Trouble]:
    """Those that there can be; in a real silence it is a matter of its time when a call ends."""
    silent = world.virtual and Ability.PARTITION in world.abilities
    return [world.outage, world.partition] if silent else [world.outage]


def _of_trouble(error: BaseException) -> OmniCloudError:
    if isinstance(error, Broken):
        raise error
    if not isinstance(error, OmniCloudError) or not error.transient:
        raise Broken(f"who waited when trouble began is told {type(error).__name__}") from error
    return error


async def _answered(world: World[Any], call: Callable[[], Awaitable[Any]]) -> Any:
    """The answer, of a client that may have to find its backend again."""
    for _ in range(_TRIES):
        try:
            return await call()
        except OmniCloudError as error:
            _of_trouble(error)
            await world.sleep(_TELLING / _TRIES)
    return await call()
