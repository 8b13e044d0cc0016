"""The laws of objects about what listings and questions tell of the same object."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ToldLaws"]

_SIZES = (0, 1, 65_535, 65_536, 65_537, 200_000)
_PART = 64 << 10
_WRITES, _REAL_WRITES = 40, 8
_PAUSE = 1.2  # seconds: some services tell stamps in whole ones


class ToldLaws(Contract):
    """An object is told alike wherever it is told of."""

    @law("OBJ-116", "A listing tells size and version of each object as a question about it does.")
    async def listings_tell_the_same(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        divides = one.pipeline.driver.limits.part_min_bytes <= _PART
        for size in _SIZES:
            await one.upload(f"whole-{size}", b"x" * size)
            await one.upload(f"parts-{size}", b"x" * size, part_bytes=_PART if divides else None)
        await one.upload("whole-0", b"written over")
        await one.copy("parts-200000", "copied")
        count = 0
        async for item in two.list():
            info = await one.stat(item.key)
            told = (item.key, item.size_bytes, item.version)
            equal((info.key, info.size_bytes, info.version), told, "what is listed")
            equal(info.size_bytes, len(await two.download(item.key)), f"the size of {item.key}")
            count += 1
        equal(2 * len(_SIZES) + 1, count, "objects listed")

    @law(
        "OBJ-143",
        "A line of a listing is of one write, also where others are under way.",
        rung=Rung.CONCURRENCY,
    )
    async def lines_are_of_one_write(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        sizes: dict[str | None, int] = {await one.upload("k", b""): 0}
        seen: set[tuple[str | None, int | None]] = set()
        chance = self.random

        async def write() -> None:
            for size in range(1, _WRITES if world.virtual else _REAL_WRITES):
                sizes[await one.upload("k", b"x" * size)] = size
                for _ in range(chance.randrange(6)):
                    await asyncio.sleep(0)

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            seen |= {(line.version, line.size_bytes) async for line in two.list("k")}
        await writing
        for version, size in seen:
            equal(sizes.get(version), size, f"the size that is listed of version {version}")

    @law("OBJ-117", "An object was modified when it was written, not when it is asked about.")
    async def questions_modify_nothing(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        await one.upload("o", b"first")
        first = (await one.stat("o")).modified
        await world.sleep(_PAUSE)
        await two.download("o")
        await two.copy("o", "elsewhere")
        equal(first, (await two.stat("o")).modified, "when it was modified, asked again")
        (listed,) = [item.modified async for item in one.list("o")]
        that(listed is not None and abs(listed - first) < 1.0, "a listing tells another moment")
        await two.upload("o", b"second")
        that((await one.stat("o")).modified > first, "a second write is not told as later")
