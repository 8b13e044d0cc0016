"""The law of an upload under way beside everything else that happens to its key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts, UploadPart
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["UnderWayLaws"]

_CONTENT = b"what was uploaded"


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
