"""The law of locks about many names, and names that a short hash makes one."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.locks.driver import Acquire
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.samples import HASHED_ALIKE
from omnicloud_tck.world import World

__all__ = ["NameLaws"]

_MANY = 1200
"""Of so many names two meet in a hash of 16 bits, but once in fifty thousand times."""
_AT_ONCE = 50


class NameLaws(Contract):
    """A name is a lock of its own, however a service shortens it."""

    @law(
        "LO-131",
        "Names are locks apart, however many there are, and whatever a short hash makes of them.",
    )
    async def no_two_names_are_one(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        names = [*HASHED_ALIKE, *(f"order-{number}" for number in range(_MANY))]
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            asked = (
                (one, two)[place % 2].send(Acquire(name, f"of {name}", 300.0))
                for place, name in enumerate(some)
            )
            grants = await asyncio.gather(*asked)
            refused = [name for name, grant in zip(some, grants, strict=True) if grant is None]
            equal([], refused, "names that could not be locked beside others")
