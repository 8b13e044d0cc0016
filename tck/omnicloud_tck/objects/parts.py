"""The laws of uploads in parts, and of sealed objects."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.driver import GetRange, Put
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.operation import Operation
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptedError,
    NotFoundError,
    ObjectNotFoundError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import PlainSeal, Scoping, Sealing
from omnicloud_tck.world import World

__all__ = ["PartsLaws"]

_CAS = [ObjectsFeature.CONDITIONAL]


class PartsLaws(Contract):
    """What is promised of objects that arrive in parts."""

    @law("OBJ-030", "Parts make one object, in their order, visible when it is complete.")
    async def parts_make_one(self, world: World[Any]) -> None:
        objects, other = Objects(await world.pipeline()), Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        for key, old in (("new", None), ("old", b"before")):
            if old is not None:
                await objects.upload(key, old)
            begin = BeginUpload(key, "a/b", (("Name", "value"),))
            upload_id = await objects.pipeline.send(begin)
            data = self.random.randbytes(2 * size + 7)
            tags = await _sent(objects, key, upload_id, data, size, order=(3, 1, 2, 1))
            equal(old, await _got(other, key), "before the upload is complete")
            version = await objects.pipeline.send(CompleteUpload(key, upload_id, tags))
            that(await _got(other, key) == data, "the parts came back changed")
            info = await other.stat(key)
            equal((version, len(data)), (info.version, info.size_bytes), "version and size")
            equal(("a/b", {"Name": "value"}), (info.content_type, dict(info.metadata)), "facts")
            with refused(NotFoundError, "a second completion"):
                await objects.pipeline.send(CompleteUpload(key, upload_id, tags))

    @law("OBJ-031", "An upload that was aborted is gone and leaves what was there.")
    async def an_abort_leaves_nothing(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        for key, old in (("new", None), ("old", b"before")):
            if old is not None:
                await objects.upload(key, old)
            upload_id = await objects.begin_upload(key)
            tags = await _sent(objects, key, upload_id, b"x" * size, size, order=(1,))
            for _ in range(2):
                await objects.pipeline.send(AbortUpload(key, upload_id))
            calls: tuple[Operation[Any, Any], ...] = (
                CompleteUpload(key, upload_id, tags),
                UploadPart(key, upload_id, 1, 0, b"x", last=True),
                ListParts(key, upload_id),
            )
            for call in calls:
                with refused(NotFoundError, f"{call.name} of an upload that was aborted"):
                    await objects.pipeline.send(call)
            equal(old, await _got(objects, key), "after the abort")
            that("new" not in [i.key async for i in objects.list()], "an aborted upload is listed")

    @law("OBJ-032", "A wrong part, or another key's upload, is refused and nothing is visible.")
    async def wrong_parts_are_refused(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        upload_id = await objects.begin_upload("k")
        tags = await _sent(objects, "k", upload_id, b"x" * (size + 1), size, order=(1, 2))
        for wrong in ((tags[0], PartTag(2, "no such tag")), (*tags, PartTag(3, tags[0].tag))):
            with refused(ConflictError, "a part that is not there under its tag"):
                await objects.pipeline.send(CompleteUpload("k", upload_id, wrong))
        with refused(NotFoundError, "the upload of another key"):
            await objects.pipeline.send(CompleteUpload("other", upload_id, tags))
        equal(None, await _got(objects, "k"), "after refused completions")
        await objects.pipeline.send(CompleteUpload("k", upload_id, tags))
        that(await _got(objects, "k") == b"x" * (size + 1), "the upload, completed at last")

    @law("OBJ-033", "A condition is honoured by an upload in parts as well.", needs=_CAS)
    async def parts_honour_conditions(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        # Something may be tempted to unpack it.
        data = gzip.compress(b"x" * (2 * size), 0, mtime=0)
        first = await objects.upload("k", data, if_absent=True, part_bytes=size)
        with refused(AlreadyExistsError, "if_absent over an object, in parts"):
            await objects.upload("k", b"y" * (2 * size), if_absent=True, part_bytes=size)
        second = await objects.upload("k", b"2", if_version=first)
        with refused(ConflictError, "a stale version, in parts"):
            await objects.upload("k", b"y" * (2 * size), if_version=first, part_bytes=size)
        equal(b"2", await _got(objects, "k"), "after the refused uploads")
        await objects.upload("k", data, if_version=second, part_bytes=size)
        that(await _got(objects, "k") == data, "an upload in parts over its version")
        await self._refusals_keep_parts(objects, size, first)

    async def _refusals_keep_parts(self, objects: Objects, size: int, stale: str) -> None:
        data = b"y" * (2 * size)
        upload_id = await objects.begin_upload("k")
        tags = await _sent(objects, "k", upload_id, data, size, order=(1, 2))
        whole = CompleteUpload("k", upload_id, tags)
        for refusal, error in (
            (replace(whole, if_absent=True), AlreadyExistsError),
            (replace(whole, if_version=stale, parts=tags[:1]), ConflictError),
        ):
            with refused(error, "a completion whose condition is not met"):
                await objects.pipeline.send(refusal)
            parts = await objects.pipeline.send(ListParts("k", upload_id))
            equal([1, 2], [part.number for part in parts], "parts after a refused completion")
        await objects.pipeline.send(whole)
        that(await _got(objects, "k") == data, "an upload that was refused, completed at last")

    @law(
        "OBJ-034",
        "An upload in parts that is cancelled or fails leaves what was there.",
        rung=Rung.CONCURRENCY,
    )
    async def a_broken_upload_leaves_nothing(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        for key, old in (("new", None), ("old", b"before")):
            if old is not None:
                await objects.upload(key, old)
            with refused(ZeroDivisionError, "a source that fails"):
                await objects.upload(key, _failing(size), part_bytes=size)
            equal(old, await _got(objects, key), "after a source failed")
            for turns in (1, 5, 20, 60):
                upload = objects.upload(key, b"y" * (4 * size), part_bytes=size)
                task = asyncio.ensure_future(upload)
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                found = await _got(objects, key)
                that(found in (old, b"y" * (4 * size)), "a cancelled upload left a part")
                if found != old:
                    break

    @law("OBJ-035", "An upload is resumed by its id; parts are told with number and size.")
    async def an_upload_is_resumed(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        data = self.random.randbytes(3 * size + 5)
        upload_id = await objects.begin_upload("k", content_type="a/b")
        await _sent(objects, "k", upload_id, data, size, order=(2, 1))
        parts = await objects.pipeline.send(ListParts("k", upload_id))
        equal([(1, size), (2, size)], [(p.number, p.size_bytes) for p in parts], "parts there")
        await objects.upload("k", data, upload_id=upload_id, part_bytes=size)
        that(await _got(objects, "k") == data, "a resumed upload came out changed")
        equal("a/b", (await objects.stat("k")).content_type, "its content type")

    @law(
        "OBJ-036",
        "Sealed objects are served in ranges, and a cut or mixed one does not open.",
        rung=Rung.TRUST,
    )
    async def sealed_objects_hold(self, world: World[Any]) -> None:
        layers = Scoping("acme"), Sealing(PlainSeal())
        objects, plain = Objects(await world.pipeline(*layers)), await world.pipeline(layers[0])
        limits = objects.pipeline.driver.limits
        size = max(65_536, limits.part_min_bytes)
        room = min(limits.part_max_bytes, limits.put_max_bytes)
        fits = size + size // 65_536 * PlainSeal().overhead <= room
        pieces = ((2 * size + 9, size),) if fits else ()
        for length, part in ((0, None), (65_536, None), (100_000, None), (200_000, None), *pieces):
            if length >= size and not fits:
                continue  # what is as long as a part would not fit once it is sealed
            data = self.random.randbytes(length)
            await objects.upload("k", data, part_bytes=part, metadata={"n": "hidden"})
            that(await objects.download("k") == data, f"{length} sealed bytes came back changed")
            for start, end in ((0, 1), (1, 65_537), (65_535, 131_073), (length // 2, length)):
                got = await objects.download("k", start=start, end=max(start, end))
                that(got == data[start : max(start, end)], f"sealed bytes {start} to {end}")
            info = await objects.stat("k")
            equal((length, {"n": "hidden"}), (info.size_bytes, dict(info.metadata)), "facts")
        sealed = await plain.send(GetRange("k"))
        that(sealed is not None, "the sealed object is not there")
        frame = 65_536 + PlainSeal().overhead
        if sealed is not None and len(sealed.data) > frame:
            metadata = tuple(sealed.info.metadata.items())
            await plain.send(Put("k", sealed.data[:frame], metadata=metadata))
            with refused(CorruptedError, "an object that was cut at a frame"):
                await objects.download("k")


async def _sent(
    objects: Objects, key: str, upload_id: str, data: bytes, size: int, order: tuple[int, ...]
) -> tuple[PartTag, ...]:
    """Send parts in that order and name each by its last tag."""
    tags: dict[int, str] = {}
    for number in order:
        start = (number - 1) * size
        piece = data[start : start + size]
        last = start + size >= len(data)
        part = UploadPart(key, upload_id, number, start, piece, last)
        tags[number] = await objects.pipeline.send(part)
    return tuple(PartTag(number, tag) for number, tag in sorted(tags.items()))


async def _got(objects: Objects, key: str) -> bytes | None:
    try:
        return await objects.download(key)
    except ObjectNotFoundError:
        return None


async def _failing(size: int) -> AsyncIterator[bytes]:
    yield b"y" * (2 * size)
    raise ZeroDivisionError
