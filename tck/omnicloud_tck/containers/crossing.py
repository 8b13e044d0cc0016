"""Stops and restarts that take a while, and what other clients ask meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    EventKind,
    State,
)
from omnicloud.contracts.containers.driver import Events, Rest
from omnicloud.errors import ConflictError, NotFoundError
from omnicloud_tck.check import Broken, that
from omnicloud_tck.containers.bench import DEAF, IDLE, PATIENCE, Bench, sh, spec
from omnicloud_tck.world import World

__all__ = ["cross"]

_F = ContainersFeature
_K = EventKind
_GRACE = 0.5
_DELAYS = (0.0, 0.2, 0.5)  # of the second: before, amid and at the end of the grace
_REAL_SECONDS = 2.0  # after which no pair is begun where time is real
_PAGES = 20

Ask = Callable[[Containers, str], Awaitable[object]]


async def cross(bench: Bench, world: World[Any], seed: int) -> None:
    """Break the law where one of two is kept waiting, is told nonsense, or leaves it."""
    one, two = await bench.portable(world), await bench.portable(world)
    features = one.pipeline.driver.features
    cases = [
        (first, second, script, delay)
        for first in _FIRST
        for second, (needs, _) in _SECOND.items()
        for script in (DEAF, IDLE)
        for delay in (_DELAYS if script is DEAF else _DELAYS[:2])
        if needs <= features
    ]
    random.Random(seed).shuffle(cases)  # noqa: S311 - cases
    until = world.clock.monotonic() + _REAL_SECONDS
    for number, case in enumerate(cases):
        if not world.virtual and number and world.clock.monotonic() > until:
            return
        await _crossed(bench, world, (one, two), f"c{number}", *case)


async def _crossed(
    bench: Bench,
    world: World[Any],
    clients: tuple[Containers, Containers],
    name: str,
    first: str,
    second: str,
    script: str,
    delay: float,
) -> None:
    one, two = clients
    cursor = await _cursor(world, one)
    made = await bench.begun(one, spec(name, script))
    tasks = [asyncio.ensure_future(_answer(_FIRST[first](one, name)))]
    await world.sleep(delay)
    tasks.append(asyncio.ensure_future(_answer(_SECOND[second][1](two, name))))
    about = f"{first} of what {'heeds no' if script is DEAF else 'heeds'} TERM, {second} meanwhile"
    _, late = await asyncio.wait(tasks, timeout=3 * PATIENCE)
    for task in late:
        task.cancel()
    that(not late, f"{about}: somebody is kept waiting")
    found = await one.get(name)
    _check(first, second, [task.result() for task in tasks], made, found, about)
    if cursor is not None:
        _check_told(await _told(one, name, cursor), found, about)
    await one.remove(name, force=True)


def _check(
    first: str,
    second: str,
    answers: list[object],
    made: Container,
    found: Container | None,
    about: str,
) -> None:
    """See that answers and end are such as some order gives."""
    said = [answer.__name__ if isinstance(answer, type) else answer for answer in answers]
    removed = second in _REMOVALS and answers[1] is True
    allowed = {NotFoundError} if removed else set()
    that(not isinstance(answers[0], type) or answers[0] in allowed, f"{about}: {said}")
    refused = isinstance(answers[1], type)
    that(not refused or (answers[1] is ConflictError and second in _REFUSED), f"{about}: {said}")
    if removed:
        that(found is None, f"{about}: it is there after its removal")
        return
    if found is None or found.id != made.id:
        raise Broken(f"{about}: it is gone, or another one")
    if (first, second) == ("a stop", "a stop"):
        states = [answer.state.value for answer in answers if isinstance(answer, Container)]
        that(states == ["exited"] * 2, f"{about}: the stops are answered with {states}")
    ends = {State.EXITED} if first == "a stop" else {State.RUNNING}
    if not refused:
        ends |= _ALSO.get((first, second), set())
    that(found.state in ends, f"{about}: it is {found.state.value} in the end")


def _check_told(
    told: list[tuple[EventKind, int | None]], found: Container | None, about: str
) -> None:
    """See that starts and ends take turns, and that the last fits how it stands."""
    runs = [kind for kind, _ in told if kind in (_K.STARTED, _K.EXITED)]
    turns = [_K.STARTED, _K.EXITED] * len(runs)
    that(runs == turns[: len(runs)], f"{about}: {[kind.value for kind in runs]} was told")
    alive = found is not None and found.state in (State.RUNNING, State.PAUSED)
    that(runs[-1:] == [_K.STARTED if alive else _K.EXITED], f"{about}: {runs[-1:]} was told last")


async def _answer(call: Awaitable[object]) -> object:
    """What it answers, or the class of a refusal."""
    try:
        return await call
    except (ConflictError, NotFoundError) as error:
        return type(error)


async def _cursor(world: World[Any], client: Containers) -> str | None:
    """From where events are read; where time is real they may come a little later."""
    pipe = client.pipeline
    if not world.virtual or _F.EVENTS not in pipe.driver.features:
        return None
    return (await pipe.send(Events(""))).cursor


async def _told(client: Containers, name: str, cursor: str) -> list[tuple[EventKind, int | None]]:
    told: list[tuple[EventKind, int | None]] = []
    for _ in range(_PAGES):
        page = await client.pipeline.send(Events(name, cursor))
        told += [(event.kind, event.exit_code) for event in page.events if event.name == name]
        if page.cursor == cursor:
            break
        cursor = page.cursor
    return told


async def _stop(containers: Containers, name: str) -> object:
    return await containers.stop(name, grace=_GRACE)


async def _restart(containers: Containers, name: str) -> object:
    return await containers.restart(name, grace=_GRACE)


async def _start_when_ended(containers: Containers, name: str) -> object:
    """What a client does that keeps it running: it waits for the end, and starts it."""
    for _ in range(int(PATIENCE / _GRACE)):
        found = await containers.pipeline.send(Rest(name, _GRACE))
        if found.state is State.EXITED:
            return await containers.start(name)
    return None


async def _start(containers: Containers, name: str) -> object:
    return await containers.start(name)


async def _pause(containers: Containers, name: str) -> object:
    return await containers.pause(name)


async def _exec(containers: Containers, name: str) -> object:
    return await containers.exec(name, sh("exit 3"))


async def _remove(containers: Containers, name: str) -> object:
    return await containers.remove(name)


async def _remove_by_force(containers: Containers, name: str) -> object:
    return await containers.remove(name, force=True)


_FIRST: dict[str, Ask] = {"a stop": _stop, "a restart": _restart}
_SECOND: dict[str, tuple[frozenset[ContainersFeature], Ask]] = {
    "a stop": (frozenset(), _stop),
    "a restart": (frozenset(), _restart),
    "a start": (frozenset(), _start),
    "a start after its end": (frozenset(), _start_when_ended),
    "a pause": (frozenset({_F.PAUSE}), _pause),
    "a further command": (frozenset({_F.EXEC}), _exec),
    "a removal": (frozenset(), _remove),
    "a removal by force": (frozenset(), _remove_by_force),
}
_REMOVALS = ("a removal", "a removal by force")
_REFUSED = ("a pause", "a further command", "a removal")
_ALSO = {
    ("a stop", "a restart"): {State.RUNNING},
    ("a stop", "a start"): {State.RUNNING},
    ("a stop", "a start after its end"): {State.RUNNING},
    ("a restart", "a stop"): {State.EXITED},
    ("a restart", "a pause"): {State.PAUSED},
}
