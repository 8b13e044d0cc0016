"""What the laws of random programs ask, whichever the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omnicloud_tck.check import Broken
from omnicloud_tck.programs import meetings
from omnicloud_tck.programs.cast import Cast, Manner, Program, Subject, manner_of
from omnicloud_tck.programs.drawing import wild
from omnicloud_tck.programs.many import crowd, worn
from omnicloud_tck.programs.playing import Player
from omnicloud_tck.programs.troubles import disturbed, met
from omnicloud_tck.world import World

__all__ = ["AGES", "fall", "hold", "meet", "stray"]

AGES = 1e12
"""Seconds that a law may let pass where time is virtual: its calls have bounds of their own."""

_SECONDS = 1.2  # real ones, after which no program is begun over a real backend
_LONGEST = 6.0  # seconds of work, the same where time is virtual

Draw = Callable[[Any, int, int, Manner], Program]


async def hold(subject: Subject, world: World[Any], seed: int, *, rounds: int = 60) -> None:
    """Break the law where a provider answers a random program otherwise than the model.

    Args:
        rounds: Over a real backend there may be fewer, for it has so many seconds.
    """
    await _play(subject, world, seed, lambda cast, *which: cast.at_once(*which), rounds)
    if subject.meeting is None:
        await _play(subject, world, seed, _each(worn), 1)


async def meet(subject: Subject, world: World[Any], seed: int, *, rounds: int = 100) -> None:
    """Break the law where two calls at once, or cut off, end as no order of them would.

    Where the model does that, many are tried at once, too, each of which has records of its own.
    """
    if subject.meeting is None:
        await _play(subject, world, seed, crowd, 1)
        await _play(subject, world, seed, _each(met), rounds)
    else:
        await meetings.meet(subject.meeting, world, seed)


async def fall(subject: Subject, world: World[Any], seed: int, *, rounds: int = 50) -> None:
    """Break the law where a call that trouble meets is half done, or done later."""
    if subject.meeting is None:
        await _play(subject, world, seed, _each(disturbed), rounds)
    else:
        await meetings.fall(subject.meeting, world)


async def stray(subject: Subject, world: World[Any], seed: int, *, rounds: int = 70) -> None:
    """Break the law where tenants that are alike meet, or a payload is told, in any trouble."""
    await _play(subject, world, seed, _each(wild), rounds)


def _each(draw: Draw) -> Callable[[Any, int, int, Manner], list[Program]]:
    return lambda *given: [draw(*given)]


async def _play(
    subject: Subject,
    world: World[Any],
    seed: int,
    draw: Callable[[Any, int, int, Manner], list[Program]],
    rounds: int,
) -> None:
    driver = await world.driver()
    cast: Cast = subject.cast(world, driver)
    manner, player = manner_of(world, driver), Player(world, cast, _SECONDS)
    until = player.clock() + (_LONGEST if world.virtual else _SECONDS)
    for number in range(rounds):
        if number and player.clock() > until:
            return
        programs = draw(cast, seed, number, manner)
        whys = await player.wrong(programs)
        if any(whys):
            which = f"program {number} of seed {seed}"
            raise Broken(await player.told(programs, whys, which))
        await world.sleep(0.01)  # a virtual clock that never waits is taken to spin
