"""Plays the same operations on a provider and on the model of its contract, many at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from omnicloud.testing.virtual import VirtualTimeLoop
from omnicloud_tck.kept_servers import end_kept_servers
from omnicloud_tck.programs.cast import Manner, Program, Step, Subject, manner_of
from omnicloud_tck.programs.playing import Player
from omnicloud_tck.world import World

__all__ = ["LENGTH", "Difference", "Run", "Told", "compare"]

LENGTH = 50
"""Operations of one list; each list has names of its own."""

_WIDTH = 8  # lists played at once
_FRESH, _FRESH_EMULATED = 100, 20
"""Lists after which a real server, or an emulator, is a fresh one: what lists leave slows it."""
_MOST = 3  # differences after which a run ends
_TRIES = 300  # how often a list is played to make it smaller
_SECONDS = 600.0  # that one list may take: an emulator does two operations of it a second
_VIRTUAL = 5e9  # seconds of a clock that is moved, on which programs wait for months
_SHRINKING = 20.0  # seconds that making a list smaller may take
_WRITTEN = 300  # characters of an operation that are shown

Told = Callable[[int], None]
"""Hears how many further operations were played."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Operations that a provider answers otherwise than the model.

    Attributes:
        number: Which list of the seed it was.
        said: What was expected and what came.
        steps: The fewest operations found that show it.
        repeats: Whether it showed again when the list was played a second time.
    """

    number: int
    said: str
    steps: tuple[Step, ...]
    repeats: bool

    def told(self, run: Run) -> str:
        """What was found, the operations that show it, and how to play them again."""
        lines = [f"  DIFFERENCE: {self.said}", *(f"    {_short(step)}" for step in self.steps)]
        if not self.repeats:
            lines.append("    (it did not show when the list was played again)")
        where = f"{run.provider} --contract {run.contract} --seed {run.seed} --list {self.number}"
        return "\n".join([*lines, f"    again: python -m omnicloud_tck.differential {where}"])


@dataclass(slots=True)
class Run:
    """What came of comparing a provider.

    Attributes:
        operations: How many were played.
        refused: How many of them were refused, as they should be, by lacking feature or limit.
        disturbed: Lists that were played anew after an error that says "try again".
    """

    provider: str
    contract: str
    seed: int
    operations: int = 0
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    disturbed: int = 0
    differences: list[Difference] = field(default_factory=list)


def _short(step: Step) -> str:
    """A step; of a call of the first tenant only its verb, its client, and what it is given."""
    if step[0] == "do" and step[1][0] == 0:
        (_, client), (verb, *given) = step[1:]
        step = (verb, client, *given)
    text = repr(step)
    return text if len(text) <= _WRITTEN else f"{text[:_WRITTEN]}…"


def compare(
    provider: str,
    subject: Subject,
    make_world: Callable[[], World[Any]],
    *,
    operations: int,
    seed: int = 0,
    only: int | None = None,
    told: Told = lambda _: None,
) -> Run:
    """Play so many operations on a provider and its model; all lists, or the one of a number.

    Ends early once three differences are found. A server that worlds keep is a fresh one from
    time to time.
    """
    run = Run(provider, subject.contract, seed)
    numbers = range(-(-operations // LENGTH)) if only is None else range(only, only + 1)
    started = time.perf_counter()
    while numbers and len(run.differences) < _MOST:
        world = make_world()
        now = len(numbers) if world.virtual else _lists_for(world)
        with asyncio.Runner(loop_factory=VirtualTimeLoop if world.virtual else None) as runner:
            runner.run(_played(run, subject, world, told, iter(numbers[:now])))
        end_kept_servers()
        numbers = numbers[now:]
    run.seconds = time.perf_counter() - started
    return run


def _lists_for(world: World[Any]) -> int:
    return _FRESH_EMULATED if world.backend and world.backend.emulator else _FRESH


async def _played(
    run: Run, subject: Subject, world: World[Any], told: Told, numbers: Iterator[int]
) -> None:
    try:
        driver = await world.driver()
        player = Player(world, subject.cast(world, driver))
        comparison = _Comparison(run, player, manner_of(world, driver), told)
        async with asyncio.TaskGroup() as group:
            for _ in range(_WIDTH):
                group.create_task(comparison.play(numbers))
        run.refused.update(player.refused)
        run.disturbed += player.disturbed
    finally:
        await world.aclose()


class _Comparison:
    def __init__(self, run: Run, player: Player, manner: Manner, told: Told) -> None:
        self._run, self._player, self._manner, self._told = run, player, manner, told
        self._seconds = _VIRTUAL if manner.virtual else _SECONDS

    async def play(self, numbers: Iterator[int]) -> None:
        """Play one list after another, as long as there are some."""
        for number in numbers:
            if len(self._run.differences) >= _MOST:
                return
            drawn = self._player.cast.alone(self._run.seed, number, self._manner, LENGTH)
            program = replace(drawn, canaries=())  # who tells payloads, laws ask
            why = await self._wrong(program)
            self._run.operations += LENGTH
            self._told(LENGTH)
            if why is not None and len(self._run.differences) < _MOST:
                fewest, again = await self._player.smallest(program, _TRIES, _SHRINKING)
                found = Difference(number, again or why, fewest.steps, again is not None)
                if len(self._run.differences) < _MOST:
                    self._run.differences.append(found)

    async def _wrong(self, program: Program) -> str | None:
        try:
            async with asyncio.timeout(self._seconds):
                return (await self._player.wrong([program]))[0]
        except TimeoutError:
            return f"it had not ended after {self._seconds:.0f} s"
