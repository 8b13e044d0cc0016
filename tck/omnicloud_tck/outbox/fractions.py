"""The law of the outbox about times of no whole number of seconds."""

from __future__ import annotations

from functools import partial
from typing import Any

from omnicloud.contracts.outbox.driver import Claim, Fail, Keep, Mark, Purge, Save
from omnicloud.contracts.outbox.models import EventRecord, NewEvent
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
    """A claim, a wait and an age are as long as they are said to be."""

    @law(
        "OX-166",
        "A claim, a delay or an age of no whole number of seconds is kept to its end, whichever "
        "call gave it.",
        rung=Rung.RESILIENCE,
    )
    async def times_are_kept_to_their_end(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        endings: list[Ending] = []
        for way in ("claimed", "kept", "failed", "marked"):
            for seconds in FRACTIONS:
                space = f"{way} {seconds}"
                await one.send(Save(space, NewEvent(space, "t", b"x")))
                long = seconds if way == "claimed" else _LONG
                until = world.clock.monotonic() + seconds
                lent = await one.send(Claim(space, "me", 1, 2.0, long))
                equal(1, len(lent), f"events claimed of {space!r}")
                if way != "claimed":
                    until = world.clock.monotonic() + seconds
                    await _say(one, way, space, seconds)
                over = partial(_purged if way == "marked" else _claimed, two, space, seconds)
                endings.append(Ending(until, over, f"what was {way} for {seconds} s"))
        await none_early(world, endings)


async def _say(pipe: Pipe, way: str, space: str, seconds: float) -> None:
    """Say how long what is claimed lasts from now."""
    if way == "kept":
        await pipe.send(Keep(space, "me", (space,), seconds))
    elif way == "failed":
        await pipe.send(Fail(space, "me", space, seconds))
    else:
        await pipe.send(Mark(space, (space,)))


async def _claimed(pipe: Pipe, space: str, seconds: float) -> bool:
    """Whether a stranger can claim the event."""
    found: tuple[EventRecord, ...] = await pipe.send(Claim(space, "a stranger", 1, 0.0, _LONG))
    return bool(found)


async def _purged(pipe: Pipe, space: str, seconds: float) -> bool:
    """Whether an event of that age is purged."""
    purged: int = await pipe.send(Purge(space, seconds))
    return purged > 0
