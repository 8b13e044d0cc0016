"""Plays programs on a world and makes the first that is answered wrongly small."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken
from omnicloud_tck.differential.shrinking import shrunk
from omnicloud_tck.programs.drawing import Calls, Manner, Program, manner_of
from omnicloud_tck.programs.model import Failed, Unclear
from omnicloud_tck.programs.stage import House, Stage, Who, staged
from omnicloud_tck.telling import tells
from omnicloud_tck.world import World

__all__ = ["Player", "hold"]

_SECONDS = 1.5  # real ones, after which no program is begun over a real backend
_LONGEST = 4.0  # seconds of work, the same where time is virtual
_DISTURBED = 3  # how often a program is played that errors of the moment disturb
_LATE = 3.0  # seconds after which what was given up is not done any more
_TRIES, _SHRINKING = 90, 1.2  # how often one is played to make it smaller, and seconds for it
_LONG = 40  # characters of a name or payload that are told
_SHOWN = 1200  # characters of a counter-example

Step = tuple[Any, ...]
Make = Callable[[Any], Calls]
Draw = Callable[[Calls, int, int, Manner], Program]


async def hold(make: Make, world: World[Any], seed: int, draw: Draw, *, programs: int) -> None:
    """Break the law where a provider answers a random program otherwise than the model.

    Args:
        make: Gives the contract's calls for what a driver declares.
        draw: Draws programs of a kind.
        programs: Over a real backend there may be fewer, for it has so many seconds.
    """
    driver = await world.driver()
    calls = make(driver)
    largest = getattr(driver.limits, "value_max_bytes", 1 << 20)
    player = Player(world, calls)
    manner = manner_of(world, driver.features, min(largest, 1 << 20))
    # A slow machine plays as many where time is virtual: it is its work that is counted.
    clock = time.process_time if world.virtual else time.perf_counter
    until = clock() + (_LONGEST if world.virtual else _SECONDS)
    for number in range(programs):
        if number and clock() > until:
            return
        program = draw(calls, seed, number, manner)
        why = await player.wrong(program, program.steps)
        if why is not None:
            raise Broken(await player.smallest(program, why, f"program {number} of seed {seed}"))
        await world.sleep(0.01)  # a virtual clock that never waits is taken to spin


class Player:
    """Plays programs of one contract, each in names of its own."""

    def __init__(self, world: World[Any], calls: Calls) -> None:
        self._world, self._calls = world, calls
        self._numbers = itertools.count()

    async def smallest(self, program: Program, why: str, which: str) -> str:
        """What is wrong, with the fewest steps that show it."""
        clock = time.process_time if self._world.virtual else time.perf_counter
        until = clock() + _SHRINKING

        async def fails(steps: list[Step]) -> str | None:
            return None if clock() > until else await self.wrong(program, steps)

        steps = list(program.steps)
        again = await fails(steps)
        if again is not None:
            steps, why = await shrunk(steps, again, fails, _TRIES)
        else:
            why = f"{why} (not when it was played again)"
        shown = "; ".join(_shown(step) for step in steps)
        said = f"{why} in {which}; {len(steps)} steps of {program.tenants}: {shown}"
        return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"

    async def wrong(self, program: Program, steps: Any) -> str | None:
        """What is wrong with the answers to these steps, if anything."""
        said = ""
        for _ in range(1 if self._world.virtual else _DISTURBED):
            try:
                with _logged() as logged:
                    await self._played(program, steps, logged)
            except Broken as broken:
                return str(broken)
            except Unclear:
                return None
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                if not isinstance(error, OmniCloudError) or not error.transient:
                    return said
            else:
                return None
        return said

    async def _played(self, program: Program, steps: Any, logged: list[str]) -> None:
        number, model = next(self._numbers), self._calls.model
        # Outside all tenants names are shared by programs: then both houses have names of its own.
        space = f"p{number}-" if None in program.tenants else ""
        one, two = (
            House(None if tenant is None else f"p{number}-{tenant}", space, model)
            for tenant in program.tenants
        )
        async with staged(self._world, model, (one, two)) as stage:
            for step in steps:
                await self._step(stage, step)
            for house in (0, 1):
                await self._calls.look(stage, (house, 1 - house))
            self._silent(program, [*stage.heard, *logged])

    async def _step(self, stage: Stage, step: Step) -> None:
        way, *rest = step
        match way:
            case "do":
                await self._do(stage, *rest)
            case "look":
                await self._calls.look(stage, rest[0])
            case "pass":
                await stage.world.sleep(rest[0])
            case "wall":
                stage.world.step_wall(rest[0])
            case "reopen":
                await stage.reopen(rest[0])
            case "restart":
                await stage.restart()
            case "both":
                await self._both(stage, *rest)
            case _:
                await self._disturbed(stage, way, *rest)

    async def _do(self, stage: Stage, who: Who, call: Step) -> None:
        if call[0] in self._calls.whole:
            await self._calls.play(stage, who, call)
            return
        deed = await self._made(stage, who, call)
        if deed is not None and isinstance(await stage.do(who, deed), Failed):
            await self._calls.look(stage, (who[0], 1 - who[1]))

    async def _made(self, stage: Stage, who: Who, call: Step) -> Any:
        """The call as a deed, unless the driver's limits forbid it."""
        house = stage.houses[who[0]]
        unknown = self._calls.unknown(house, call)
        if unknown is not None:
            await stage.do(who, unknown)
        deed = self._calls.deed(house, call)
        return deed if stage.fits(who, deed) else None

    async def _both(
        self,
        stage: Stage,
        who: Who,
        call: Step,
        client: int,
        other: Step,
        turns: int,
        cut: int | None = None,
    ) -> None:
        beside = who[0], client
        one = await self._made(stage, who, call)
        two = await self._made(stage, beside, other)
        if one is not None and two is not None:
            await stage.both((who, one), (beside, two), turns, cut)
            await self._calls.look(stage, who)

    async def _disturbed(self, stage: Stage, way: str, who: Who, call: Step, *how: Any) -> None:
        deed = await self._made(stage, who, call)
        if deed is not None:
            await getattr(stage, way)(who, deed, *how)
            await self._calls.look(stage, (who[0], 1 - who[1]))
            if way == "silence":
                await stage.world.sleep(_LATE)
                await self._calls.look(stage, (who[0], 1 - who[1]))

    def _silent(self, program: Program, texts: list[str]) -> None:
        told = " ".join(texts)
        for canary in program.canaries if told else ():
            if tells(told, canary, 8):
                raise Broken("a payload is told by an error or in a log")


def _shown(part: Any) -> str:
    """A step as it is told: of long names and payloads only the beginning."""
    if isinstance(part, tuple):
        return f"({', '.join(map(_shown, part))})"
    text = repr(part)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…{len(part)}"


class _Logs(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(f"{record.getMessage()} {record.args!r} {record.exc_info!r}")


@contextmanager
def _logged() -> Iterator[list[str]]:
    """All that is logged inside the block, by whomever."""
    texts: list[str] = []
    handler, root = _Logs(texts), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield texts
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
