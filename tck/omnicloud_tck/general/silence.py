"""The law of what nobody asks for, for as long as nobody does."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.check import equal
from omnicloud_tck.general.kept import Kept
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Silences"]

_SILENCES = (4000.0, 90_000.0, 31 * 86_400.0)


class Silences(Kept):
    """For contracts in which nothing ends by itself, but for what says when."""

    @law(
        "G-082",
        "What was stored stays, however long nobody asks for it.",
        rung=Rung.RESILIENCE,
        patience=60 * 86_400.0,
    )
    async def silence_removes_nothing(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for name in ("written", "again"):
            await self.put(one, name, b"first")
        await self.put(two, "again", b"second")
        for silence in _SILENCES if world.virtual else (0.0,):
            await world.sleep(silence)
            equal(b"first", await self.take(two, "written"), f"after {silence:.0f} s")
            equal(b"second", await self.take(one, "again"), f"after {silence:.0f} s")
