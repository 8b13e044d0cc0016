"""The law of versions, tags and checksums of objects, whichever request tells them."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.objects import ObjectsFeature
from omnicloud.contracts.objects.checks import checksum_of
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload, ListParts, UploadPart
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.nearby import OTHERS, only_this
from omnicloud_tck.world import World

__all__ = ["MarkLaws"]

_DATA = b"marked"


class MarkLaws(Contract):
    """What is told is what conditions know."""

    @law(
        "OBJ-144",
        "Versions, tags and checksums hold as they were told, by whichever request, and no "
        "version of another object.",
        needs=[ObjectsFeature.CONDITIONAL],
    )
    async def marks_are_known_as_told(self, world: World[Any]) -> None:
        pipe: Any = await world.pipeline()

        async def put_under(version: str) -> str:
            made: str = await pipe.send(Put("k", _DATA, if_version=version))
            return made

        version = await pipe.send(Put("k", _DATA, if_absent=True))
        others = [await pipe.send(Put(f"o{number}", b"x")) for number in range(OTHERS)]
        await only_this(version, others, put_under, "a put")
        await put_under(await put_under(await self._current(pipe)))
        await put_under(await self._uploaded(pipe))
        await pipe.send(Put("source", _DATA))
        await put_under(await pipe.send(Copy("source", "k")))
        copied = Copy("source", "k", if_version=await self._current(pipe))
        await put_under(await pipe.send(copied))
        checksum = checksum_of(_DATA)
        await pipe.send(Put("k", _DATA, checksum=checksum))
        told = (await pipe.send(Stat("k"))).checksum
        await pipe.send(Put("k", _DATA, checksum=told if told is not None else checksum))
        version = await self._current(pipe)
        await only_this(
            version, others, lambda v: pipe.send(GetRange("k", if_version=v)), "a range"
        )
        await only_this(version, others, lambda v: pipe.send(Delete("k", if_version=v)), "a delete")
        equal(None, await pipe.send(Stat("k")), "what was deleted under its version")

    async def _current(self, pipe: Any) -> str:
        """What all that tells it says it is."""
        version = (await pipe.send(Stat("k"))).version
        found = await pipe.send(GetRange("k", 0, 1))
        equal(version, found.info.version, "the version of a range")
        for item in (await pipe.send(List("k"))).items:
            equal(version, item.version, "the version in a listing")
        return str(version)

    async def _uploaded(self, pipe: Any) -> str:
        """The version of an upload that goes on from what is told of its parts."""
        upload = await pipe.send(BeginUpload("k"))
        await pipe.send(UploadPart("k", upload, 1, 0, _DATA, last=True))
        tags = [PartTag(part.number, part.tag) for part in await pipe.send(ListParts("k", upload))]
        version: str = await pipe.send(CompleteUpload("k", upload, tuple(tags)))
        return version
