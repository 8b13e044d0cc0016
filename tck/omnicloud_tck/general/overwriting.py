"""The law that what is written over is read whole."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud_tck.check import that
from omnicloud_tck.general.kept import Kept, Pipe
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Overwriting"]

_SIZES, _REAL_SIZES = (10, 5000, 70_000, 300_000, 1_100_000), (5000, 70_000)
"""Below and above what stores keep in a row, a page, a chunk and a packet of theirs."""
_WRITES, _REAL_WRITES = 12, 4
_APART = 6  # turns of the loop that there may be between two writes
_LIMITS = ("value_max_bytes", "document_max_bytes", "put_max_bytes", "object_max_bytes")


class Overwriting(Kept):
    """A long payload is one writer's, as a short one is."""

    @law(
        "G-111",
        "A payload is read as one write left it, however long it is and whoever writes meanwhile.",
        rung=Rung.CONCURRENCY,
    )
    async def payloads_are_read_whole(self, world: World[Any]) -> None:
        writer, reader = await world.pipeline(), await world.pipeline()
        limits = writer.driver.limits
        known = [most for name in _LIMITS if (most := getattr(limits, name, None)) is not None]
        longest = min(known, default=max(map(len, self.payloads(writer))))
        for size in _SIZES if world.virtual else _REAL_SIZES:
            if 3 * size // 2 + 100 <= longest:  # some forms of it are longer, and named
                await self._while_written(world, writer, reader, size)

    async def _while_written(self, world: World[Any], one: Pipe, two: Pipe, size: int) -> None:
        name, chance = f"whole-{size}", self.random
        await self.put(one, name, _payload(size, 0))

        async def write() -> None:
            for number in range(1, _WRITES if world.virtual else _REAL_WRITES):
                await self.put(one, name, _payload(size, number))
                for _ in range(chance.randrange(_APART)):
                    await asyncio.sleep(0)

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            found = await self.take(two, name)
            if found is not None:  # what a cache may have evicted
                whole = len(found) >= size and found == _payload(size, len(found) - size)
                that(whole, f"of about {size} bytes parts of two writes are read")
        await writing


def _payload(size: int, number: int) -> bytes:
    return b"%c" % (ord("a") + number) * (size + number)
