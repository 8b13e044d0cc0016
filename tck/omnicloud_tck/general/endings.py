"""The law of names with which a store's own names beside a name could collide."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.check import equal
from omnicloud_tck.general.kept import Kept, Pipe
from omnicloud_tck.kin import kin_of
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["Endings"]

_OWN = b"own"


class Endings(Kept):
    """What a store keeps beside a name is not what is kept under another."""

    @law(
        "G-113",
        "What is written over, removed or put anew under a name leaves what is under the same name "
        "with an ending, and the other way round.",
        patience=600.0,
    )
    async def endings_are_names(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        name, *kin = kin_of("kin")
        await self.put(one, name, _OWN)
        for other in kin:
            await self.put(two, other, other.encode())
        equal(_OWN, await self.take(two, name), f"{name!r}, its kin written after it")
        await self.put(one, name, b"anew")
        await self._are_there(two, kin, f"{name!r} was written over")
        await self.remove(two, name)
        await self._are_there(one, kin, f"{name!r} was removed")
        equal(None, await self.take(one, name), f"{name!r}, removed beside its kin")
        listed = await self.names(two)
        if listed is not None:
            equal(sorted(kin), sorted(listed), f"names when {name!r} is removed")
        await self.put(two, name, _OWN)
        for other in kin:
            await self.remove(one, other)
        equal(_OWN, await self.take(one, name), f"{name!r}, its kin removed")

    async def _are_there(self, pipe: Pipe, kin: list[str], after: str) -> None:
        for other in kin:
            equal(other.encode(), await self.take(pipe, other), f"{other!r} after {after}")
