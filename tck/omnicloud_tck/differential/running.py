"""Plays the same operations on a provider and on the model of its contract, many at once."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, OmniCloudError, UnsupportedError
from omnicloud.testing.virtual import VirtualTimeLoop
from omnicloud_tck.check import Broken
from omnicloud_tck.differential.shrinking import shrunk
from omnicloud_tck.differential.twins import Idle, Scene, Step, Subject, Twin, drawn_steps
from omnicloud_tck.world import World

__all__ = ["LENGTH", "Difference", "Run", "Told", "compare"]

LENGTH = 50
"""Operations of one list; each list has names of its own."""

_WIDTH = 8  # lists played at once
_MOST = 3  # differences after which a run ends
_TRIES = 300  # how often a list is played to make it smaller
_SECONDS = 120.0  # that one list may take
_VIRTUAL = 5e9  # seconds of a clock that is moved, on which programs wait for months
_SHRINKING = 20.0  # seconds that making a list smaller may take
_WRITTEN = 300  # characters of an operation that are shown
_DISTURBED = 3  # how often a list is played that errors of the moment disturb

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

    Ends early once three differences are found.
    """
    world = make_world()
    run = Run(provider, subject.contract, seed)
    numbers = range(-(-operations // LENGTH)) if only is None else range(only, only + 1)
    started = time.perf_counter()
    with asyncio.Runner(loop_factory=VirtualTimeLoop if world.virtual else None) as runner:
        runner.run(_played(_Player(run, subject, world, told), world, iter(numbers)))
    run.seconds = time.perf_counter() - started
    return run


async def _played(player: _Player, world: World[Any], numbers: Iterator[int]) -> None:
    try:
        await player.open()
        async with asyncio.TaskGroup() as group:
            for _ in range(_WIDTH):
                group.create_task(player.play(numbers))
    finally:
        await world.aclose()


def _short(step: Step) -> str:
    text = repr(step)
    return text if len(text) <= _WRITTEN else f"{text[:_WRITTEN]}…"


class _Player:
    def __init__(self, run: Run, subject: Subject, world: World[Any], told: Told) -> None:
        self._run = run
        self._subject = subject
        self._world = world
        self._told = told
        self._spaces = itertools.count()
        self._pipes: list[Pipeline[Any]] = []

    async def open(self) -> None:
        """Open the two clients."""
        service = ServiceInfo("tck")
        drivers = [await self._world.driver() for _ in range(2)]
        self._pipes = [Pipeline(driver, service=service) for driver in drivers]

    async def play(self, numbers: Iterator[int]) -> None:
        """Play one list after another, as long as there are some."""
        for number in numbers:
            if len(self._run.differences) >= _MOST:
                return
            steps = drawn_steps(self._subject, self._run.seed, number, LENGTH)
            why = await self._wrong(steps)
            self._run.operations += len(steps)
            self._told(len(steps))
            if why is not None and len(self._run.differences) < _MOST:
                await self._note(number, steps, why)

    async def _note(self, number: int, steps: list[Step], why: str) -> None:
        again = await self._wrong(steps)
        until = time.perf_counter() + _SHRINKING

        async def fails(fewer: list[Step]) -> str | None:
            return None if time.perf_counter() > until else await self._wrong(fewer)

        if again is not None:
            steps, why = await shrunk(steps, again, fails, _TRIES)
        found = Difference(number, why, tuple(steps), again is not None)
        self._run.differences.append(found)

    async def _wrong(self, steps: list[Step]) -> str | None:
        """What is wrong with the answers to these operations, if anything."""
        seconds = _VIRTUAL if self._world.virtual else _SECONDS
        for _ in range(_DISTURBED):
            try:
                async with asyncio.timeout(seconds):
                    await self._follow(steps)
            except Broken as broken:
                return str(broken)
            except TimeoutError as error:
                if not isinstance(error, OmniCloudError):
                    return f"it had not ended after {seconds:.0f} s"
                said = str(error)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                if not getattr(error, "transient", False):
                    return said
            else:
                return None
            self._run.disturbed += 1
        return said

    async def _follow(self, steps: list[Step]) -> None:
        one, two = self._pipes
        features = one.driver.features
        space = f"d{next(self._spaces)}-"
        twin = await self._subject.open(Scene((one, two), features, self._world, space))
        for step in steps:
            await self._take(twin, step)
        await twin.end()

    async def _take(self, twin: Twin, step: Step) -> None:
        driver = self._pipes[0].driver
        lacking = self._subject.lacking(step, driver.features)
        too_long = self._subject.too_long(step, driver.limits)
        try:
            await twin.take(step)
        except Idle:
            return
        except UnsupportedError:
            if not lacking:
                raise
            self._run.refused.update(map(str, lacking))
        except InvalidArgumentError as error:
            over = self._subject.over(step, driver.limits, error)
            if not too_long and over is None:
                raise
            self._run.refused[over or self._subject.limit] += 1
        else:
            if lacking:
                raise Broken(f"{step[0]} was done, which needs {', '.join(lacking)}")
            if too_long:
                raise Broken(f"{step[0]} was done over {self._subject.limit}")
