"""Plays programs on a world and makes the first that is answered wrongly small."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from omnicloud.errors import InvalidArgumentError, OmniCloudError
from omnicloud_tck.check import Broken
from omnicloud_tck.programs.cast import Cast, Program, Step
from omnicloud_tck.programs.model import Unclear
from omnicloud_tck.programs.seats import Seat
from omnicloud_tck.programs.shrinking import shrunk
from omnicloud_tck.programs.stage import Stage
from omnicloud_tck.spans import traced
from omnicloud_tck.telling import tells
from omnicloud_tck.world import World

__all__ = ["Player", "logged", "shown"]

_DISTURBED = 3  # how often a program is played that errors of the moment disturb
_TRIES, _SHRINKING = 120, 1.2  # how often one is played to make it smaller, and seconds for it
_PIECE = 8  # characters of a payload that are too many to be told
_LONG = 40  # characters of a name or payload that are told
_SHOWN = 1200  # characters of a counter-example

_REFUSAL = re.compile(InvalidArgumentError.__name__)

Seats = tuple[Seat, Seat]


class Player:
    """Plays programs of one contract, each in names of its own.

    Args:
        seconds: Real ones after which a program is broken off.

    Attributes:
        refused: How many steps were refused, as they should be, by lacking feature or limit.
        disturbed: How often an error said "try again" of a program.
    """

    def __init__(self, world: World[Any], cast: Cast, seconds: float = float("inf")) -> None:
        self.cast, self._world, self._seconds = cast, world, seconds
        self._numbers = itertools.count()
        self._seats: dict[int, Seats] = {}
        self._shared: Seats = (Seat(world), Seat(world))
        self.refused: Counter[str] = Counter()
        self.disturbed = 0

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds by which work is bounded.

        A slow machine does as much where time is virtual: there it is its work that is counted.
        """
        return time.process_time if self._world.virtual else time.perf_counter

    async def wrong(self, programs: Sequence[Program]) -> list[str | None]:
        """What is wrong with the answers to each of these, played at once, if anything."""
        number, alone = next(self._numbers), len(programs) == 1
        secret = any(program.canaries for program in programs)
        with logged(secret and (alone or self._world.virtual)) as logs:
            plays = (
                self._tried(program, place, number, logs, alone=alone)
                for place, program in enumerate(programs)
            )
            try:
                return await asyncio.gather(*plays)
            finally:
                for seat in self._shared:
                    await seat.leave()
                    await seat.bury()

    async def smallest(
        self, program: Program, tries: int, seconds: float
    ) -> tuple[Program, str | None]:
        """The fewest steps that show what is wrong, alone, and what that is.

        ``None`` where it does not show when the program is played again.
        """
        until = self.clock() + seconds

        async def fails(steps: list[Step]) -> str | None:
            if self.clock() > until:
                return None
            return (await self.wrong([replace(program, steps=tuple(steps))]))[0]

        async def fails_alike(steps: list[Step]) -> str | None:
            """What is wrong, unless a step was made so simple that nobody may ask for it."""
            found = await fails(steps)
            return None if found is not None and _REFUSAL.match(found) else found

        steps = list(program.steps)
        why = await fails(steps)
        if why is not None:
            alike = fails if _REFUSAL.match(why) else fails_alike
            steps, why = await shrunk(steps, why, alike, tries)
        return replace(program, steps=tuple(steps)), why

    async def told(self, programs: Sequence[Program], whys: list[str | None], which: str) -> str:
        """What is wrong with these that were played at once, by the fewest steps that show it."""
        first = [(program, why) for program, why in zip(programs, whys, strict=True) if why]
        program, said = first[0]
        said = f"{said} (not when it was played again, alone)"
        for one, _ in first:
            small, why = await self.smallest(one, _TRIES, _SHRINKING)
            if why is not None:
                program, said = small, why
                break
        steps = "; ".join(map(shown, program.steps))
        count = len(program.steps)
        whole = f"{said} in {which}; {count} steps of {program.tenants}: {steps}"
        return whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}…"

    async def _tried(
        self, program: Program, place: int, number: int, logs: list[str], *, alone: bool
    ) -> str | None:
        said = ""
        for turn in range(1 if alone and self._world.virtual else _DISTURBED):
            try:
                await self._played(program, place, next(self._numbers) if turn else number, logs)
            except Broken as broken:
                return str(broken)
            except Unclear:
                return None
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                if not isinstance(error, OmniCloudError) or not error.transient:
                    return said
                self.disturbed += 1
            else:
                return None
        # Of several at once on a real backend it says something about the moment.
        return said if alone or self._world.virtual else None

    async def _played(self, program: Program, place: int, number: int, logs: list[str]) -> None:
        tenants = program.tenants
        if program.own:
            tenants = tuple(f"p{number}-{tenant}" for tenant in tenants)
        seats = self._shared if program.shared else self._seats_of(place)
        stage = Stage(self._world, self.cast, seats)
        until = self.clock() + self._seconds
        space = program.space if program.own else f"p{number}-{program.space}"
        try:
            await stage.open(tenants, space)
            for step in program.steps:
                if not self._world.virtual and self.clock() > until:
                    break
                self.refused.update(await stage.take(step))
            await stage.end()
            _silent(program, [*(text for seat in seats for text in seat.heard()), *logs])
        finally:
            if not self.cast.lasting and not program.shared:
                await stage.close()
            for seat in seats if not program.shared else ():
                await seat.bury()

    def _seats_of(self, place: int) -> Seats:
        if self.cast.lasting and place in self._seats:
            return self._seats[place]
        seats = self._seats[place] = (Seat(self._world), Seat(self._world))
        return seats


def _silent(program: Program, texts: list[str]) -> None:
    told = " ".join(texts)
    for canary in program.canaries if told else ():
        if tells(told, canary, _PIECE):
            raise Broken("a payload is in an error, a log, a span or the repr of a driver")


def shown(part: Any) -> str:
    """A step as it is told: of long names and payloads only the beginning."""
    if isinstance(part, tuple):
        return f"({', '.join(map(shown, part))})"
    text = repr(part)
    long = len(text) > _LONG and isinstance(part, Sized)
    return f"{text[:_LONG]}…{len(part)}" if long else text


class _Logs(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(f"{record.getMessage()} {record.args!r} {record.exc_info!r}")


@contextmanager
def logged(wanted: bool) -> Iterator[list[str]]:
    """All that is logged, or told to spans, inside the block; nothing where that is not wanted."""
    texts: list[str] = []
    if not wanted:
        yield texts
        return
    handler, root = _Logs(texts), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with traced(texts.append):
            yield texts
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
