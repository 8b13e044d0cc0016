"""The law of objects that are written at once."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.models import Chunk
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["WholesLaws"]

_WRITERS = 6
_SIZES = (10, 100, 1000, 70_000, 300_000)
_PART = 64 << 10
_COPIED = 3  # turns in which who looks on copies, too
_APART = 6  # turns of the loop by which writers may begin apart


class WholesLaws(Contract):
    """An object is one writer's, in all that is known of it."""

    @law(
        "OBJ-115",
        "Of writes at once each is seen, and copied, whole: content, size, type and metadata of "
        "one writer.",
        rung=Rung.CONCURRENCY,
    )
    async def one_writers_object(self, world: World[Any]) -> None:
        clients, draws = [Objects(await world.pipeline()) for _ in range(3)], self.random
        limits = clients[0].pipeline.driver.limits
        divides, most = limits.part_min_bytes <= _PART, limits.object_max_bytes - _WRITERS
        for turn, size in enumerate([size for size in _SIZES if size <= most] * 2):
            in_parts, key = divides and turn % 2 == 1, f"o-{turn}"
            await _write(clients[0], key, size, _WRITERS, in_parts=in_parts)
            looker = self._look_on(clients[2], key, size, copies=turn < _COPIED)
            looking = asyncio.ensure_future(looker)
            try:
                turns = [draws.randrange(_APART) for _ in range(_WRITERS)]
                await asyncio.gather(
                    *(
                        _write(clients[n % 2], key, size, n, turns=after, in_parts=in_parts)
                        for n, after in enumerate(turns)
                    )
                )
            finally:
                looking.cancel()
                await asyncio.wait({looking})
            if not looking.cancelled():
                looking.result()
            await self._is_one_writers(clients[turn % 2], key, size)

    async def _look_on(self, objects: Objects, key: str, size: int, *, copies: bool) -> None:
        while True:
            await self._is_one_writers(objects, key, size)
            if copies:
                await objects.copy(key, f"{key}-copy")
                await self._is_one_writers(objects, f"{key}-copy", size)

    async def _is_one_writers(self, objects: Objects, key: str, size: int) -> None:
        chunk: Chunk | None = await objects.pipeline.send(GetRange(key))
        info = await objects.stat(key)
        for told in (info, *(() if chunk is None else (chunk.info,))):
            n = int(told.metadata.get("writer", "-1"))
            found = (told.size_bytes, told.content_type, dict(told.metadata))
            expected = (size + n, f"application/x-{n}", {"writer": str(n), f"only-{n}": "x" * n})
            equal(expected, found, f"what is told of an object of writer {n}")
        equal(True, chunk is not None, "whether an object that is written over is there")
        if chunk is not None:
            n = int(chunk.info.metadata["writer"])
            equal(b"%d" % n * (size + n), chunk.data, f"the content of writer {n}")


async def _write(
    objects: Objects, key: str, size: int, n: int, *, turns: int = 0, in_parts: bool
) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await objects.upload(
        key,
        b"%d" % n * (size + n),
        content_type=f"application/x-{n}",
        metadata={"writer": str(n), f"only-{n}": "x" * n},
        part_bytes=_PART if in_parts else None,
    )
