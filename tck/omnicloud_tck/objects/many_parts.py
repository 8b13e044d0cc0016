"""The law of objects about uploads of very many parts, sent at once."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud.contracts.objects.models import ObjectsLimits, PartTag
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts, UploadPart
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["ManyPartsLaws"]

_MOST, _MOST_BYTES = 1010, 80 << 20
_REAL, _REAL_BYTES = 8, 2 << 20
_AT_ONCE = 16
_BLOCKS = 13  # contents that differ, of one part after another
_END = b"end"


class ManyPartsLaws(Contract):
    """However many parts there are, and however they come, they make one object."""

    @law(
        "OBJ-137",
        "Parts that are sent at once all arrive, a thousand too, and make the object with all its "
        "metadata.",
    )
    async def many_parts_make_one(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        limits = one.pipeline.driver.limits
        size, count = limits.part_min_bytes, _count(limits, virtual=world.virtual)
        notes = {"n": "v" * (limits.metadata_max_bytes - 1)}
        blocks = [b"%02d" % number * (size // 2) for number in range(_BLOCKS)]
        upload_id = await one.begin_upload("k", metadata=notes)

        async def send(number: int) -> PartTag:
            last = number == count
            data = _END if last else blocks[number % _BLOCKS]
            part = UploadPart("k", upload_id, number, (number - 1) * size, data, last)
            client = one if number % 2 else two
            return PartTag(number, await client.pipeline.send(part))

        tags: list[PartTag] = []
        for first in range(1, count + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count + 1))
            tags += await asyncio.gather(*map(send, numbers))
        there = await two.pipeline.send(ListParts("k", upload_id))
        equal([tag.number for tag in tags], [part.number for part in there], "parts that arrived")
        await two.pipeline.send(CompleteUpload("k", upload_id, tuple(tags)))
        info = await one.stat("k")
        equal((count - 1) * size + len(_END), info.size_bytes, f"the size of {count} parts")
        equal(notes, dict(info.metadata), "metadata of all the bytes that there may be")
        for number in {1, 2, count // 2, count - 1} - {0, count}:
            at = (number - 1) * size
            found = await one.download("k", start=at, end=at + 2)
            equal(b"%02d" % (number % _BLOCKS), found, f"what part {number} of {count} begins with")
        equal(_END, await two.download("k", start=(count - 1) * size), "the last part")


def _count(limits: ObjectsLimits, *, virtual: bool) -> int:
    """Of how many parts the upload is: two at least, where its size allows it."""
    most, most_bytes = (_MOST, _MOST_BYTES) if virtual else (_REAL, _REAL_BYTES)
    room = min(most_bytes, limits.object_max_bytes) // limits.part_min_bytes
    return min(most, limits.parts_max, max(2, room))
