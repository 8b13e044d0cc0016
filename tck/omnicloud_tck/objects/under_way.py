"""The laws of an upload under way beside everything else that happens to its key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts, UploadPart
from omnicloud.core.operation import Operation
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["UnderWayLaws"]

_CONTENT = b"what was uploaded"
_SWEEP, _REAL_SWEEP = 12, 3  # turns of the loop after which the abort comes


class UnderWayLaws(Contract):
    """An upload is its own until it is complete, and nothing afterwards."""

    @law(
        "OBJ-134",
        "An upload under way is seen nowhere and stays whatever happens to its key; one that is "
        "over, and is ended again, leaves its object alone.",
    )
    async def uploads_keep_to_themselves(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        await one.upload("beside", b"x")
        for turn, (way, happens) in enumerate(_HAPPENINGS.items()):
            key = f"k{turn}"
            if way != "nothing":
                await one.upload(key, b"old")
            before = await _listed(two)
            upload_id = await one.begin_upload(key)
            part = UploadPart(key, upload_id, 1, 0, _CONTENT, last=True)
            tag = PartTag(1, await one.pipeline.send(part))
            equal(before, await _listed(two), "a listing beside an upload under way")
            await happens(two, key)
            beside = await _listed(two)
            listed = await one.pipeline.send(ListParts(key, upload_id))
            equal([1], [part.number for part in listed], f"the parts of an upload, after {way}")
            await one.pipeline.send(CompleteUpload(key, upload_id, (tag,)))
            await one.abort_upload(key, upload_id)
            with refused(NotFoundError, "a second completion"):
                await two.pipeline.send(CompleteUpload(key, upload_id, (tag,)))
            equal(_CONTENT, await two.download(key), f"what was uploaded beside {way}")
            equal(sorted({*beside, key}), await _listed(two), f"a listing after {way}")

    @law(
        "OBJ-136",
        "An upload that was aborted is gone, also where a part of it arrives meanwhile.",
        rung=Rung.CONCURRENCY,
    )
    async def aborted_uploads_do_not_come_back(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        for turns in range(_SWEEP if world.virtual else _REAL_SWEEP):
            key = f"k{turns}"
            upload_id = await one.begin_upload(key)
            part = UploadPart(key, upload_id, 1, 0, _CONTENT, last=True)
            arriving = asyncio.ensure_future(two.pipeline.send(part))
            for _ in range(turns):
                await asyncio.sleep(0)
            await one.abort_upload(key, upload_id)
            arrived = await asyncio.gather(arriving, return_exceptions=True)
            tags = tuple(PartTag(1, tag) for tag in arrived if isinstance(tag, str))
            gone: tuple[Operation[Any, Any], ...] = (
                ListParts(key, upload_id),
                CompleteUpload(key, upload_id, tags),
            )
            for op in gone:
                with refused(NotFoundError, f"{op.name} after an abort, a part {turns} turns on"):
                    await one.pipeline.send(op)
            equal(False, await two.exists(key), "an object of an upload that was aborted")


async def _listed(objects: Objects) -> list[str]:
    return [item.key async for item in objects.list()]


async def _nothing(objects: Objects, key: str) -> None:
    """Only the upload is there."""


_HAPPENINGS: dict[str, Callable[[Objects, str], Awaitable[object]]] = {
    "nothing": _nothing,
    "a delete": lambda objects, key: objects.delete(key),
    "delete_many": lambda objects, key: objects.delete_many([key]),
    "an upload": lambda objects, key: objects.upload(key, b"new"),
    "a copy": lambda objects, key: objects.copy("beside", key),
    "another upload that was aborted": lambda objects, key: _aborted(objects, key),
}
"""What happens to a key while an upload of it is under way."""


async def _aborted(objects: Objects, key: str) -> None:
    await objects.abort_upload(key, await objects.begin_upload(key))
