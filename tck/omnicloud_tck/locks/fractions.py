"""The law of locks about times of no whole number of seconds."""

from __future__ import annotations

from functools import partial
from typing import Any

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.early import FRACTIONS, Ending, none_early
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["FractionLaws"]

Pipe = Pipeline[Any]

_LONG = 60.0


class FractionLaws(Contract):
    """A grant, and a place in a line, are as long as they are said to be."""

    @law(
        "LO-145",
        "A grant or a place of no whole number of seconds is kept to its end, whichever call "
        "gave it.",
        rung=Rung.RESILIENCE,
    )
    async def times_are_kept_to_their_end(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        fair = LocksFeature.FAIR in one.driver.features
        endings: list[Ending] = []
        for way in ("acquired", "renewed", "acquired again", *(("waiting",) if fair else ())):
            for seconds in FRACTIONS:
                name = f"{way} {seconds}"
                if way != "acquired":
                    await one.send(Acquire(name, "one", _LONG))
                until = world.clock.monotonic() + seconds
                if way == "renewed":
                    await one.send(Renew(name, "one", seconds))
                elif way == "waiting":
                    await one.send(Acquire(name, "first", _LONG, 1, seconds))
                else:
                    equal(True, await _held(one, name, "one", seconds), f"whether {name!r} is held")
                over = partial(_passes if way == "waiting" else _taken, two, name)
                endings.append(Ending(until, over, f"what is {way} for {seconds} s"))
        await none_early(world, endings)


async def _held(pipe: Pipe, name: str, owner: str, seconds: float) -> bool:
    return await pipe.send(Acquire(name, owner, seconds)) is not None


async def _taken(pipe: Pipe, name: str) -> bool:
    """Whether another can take it."""
    return await _held(pipe, name, "a stranger", _LONG)


async def _passes(pipe: Pipe, name: str) -> bool:
    """Whether another, once it is free, can take it before who waits for it."""
    await pipe.send(Release(name, "one"))
    return await _taken(pipe, name)
