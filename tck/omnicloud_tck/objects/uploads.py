"""The laws of several uploads in parts at once, and of many or repeated parts."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts, UploadPart
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["UploadsLaws"]

_NAMED = ((1, 2), (1, 2, 3), (1,))
_RESENT = (b"a", b"", b"longer", b"", b"z")
_MOST_BYTES = 64 << 20  # of one object, where a service wants large parts


class UploadsLaws(Contract):
    """What is promised of parts, however many, and of uploads beside each other."""

    @law("OBJ-080", "More parts than one digit counts are put together by number.")
    async def many_parts_are_in_order(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        limits = objects.pipeline.driver.limits
        size = limits.part_min_bytes
        most = min(limits.object_max_bytes, _MOST_BYTES) // size
        count = max(2, min(23, most, limits.parts_max))
        data = b"".join(bytes([number]) * size for number in range(1, count)) + b"last"
        await objects.upload("k", data, part_bytes=size)
        that(await objects.download("k") == data, f"{count} parts came back changed")
        upload_id = await objects.begin_upload("k")
        tags = [
            await _part(objects, upload_id, number, size, data) for number in range(count, 0, -1)
        ]
        listed = await objects.pipeline.send(ListParts("k", upload_id))
        equal(list(range(1, count + 1)), [part.number for part in listed], "parts by number")
        await objects.pipeline.send(CompleteUpload("k", upload_id, tuple(tags[::-1])))
        that(await objects.download("k") == data, "parts sent last to first came back changed")

    @law("OBJ-081", "Of a part that is sent again the last one counts.")
    async def the_last_part_counts(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        size = objects.pipeline.driver.limits.part_min_bytes
        upload_id = await objects.begin_upload("k")
        old, new = b"o" * size + b"old end", b"n" * size + b"another end"
        for number in (1, 2):
            await _part(objects, upload_id, number, size, old)
        tags = tuple([await _part(objects, upload_id, number, size, new) for number in (1, 2)])
        listed = await objects.pipeline.send(ListParts("k", upload_id))
        told = [(part.number, part.size_bytes) for part in listed]
        equal([(1, size), (2, len(new) - size)], told, "the parts that are there")
        await objects.pipeline.send(CompleteUpload("k", upload_id, tags))
        that(await objects.download("k") == new, "a part that was sent before came back")

    @law(
        "OBJ-145",
        "Of a part that is sent again and again, also with no byte, the last one is told and "
        "counts; under a tag it had before it is not there.",
    )
    async def tags_of_old_parts_are_refused(self, world: World[Any]) -> None:
        objects, other = Objects(await world.pipeline()), Objects(await world.pipeline())
        upload_id = await objects.begin_upload("k")
        tags: list[str] = []
        for data in _RESENT:
            part = UploadPart("k", upload_id, 2, 0, data, last=True)
            tags.append(await objects.pipeline.send(part))
            told = await objects.pipeline.send(ListParts("k", upload_id))
            found = [(part.number, part.size_bytes, part.tag) for part in told]
            equal([(2, len(data), tags[-1])], found, f"what is there after {len(tags)} times")
        for tag in tags[:-1]:
            with refused(ConflictError, "a completion with a tag that the part had before"):
                parts = (PartTag(2, tag),)
                await objects.pipeline.send(CompleteUpload("k", upload_id, parts))
        await objects.pipeline.send(CompleteUpload("k", upload_id, (PartTag(2, tags[-1]),)))
        equal(_RESENT[-1], await other.download("k"), "the object of the last part")

    @law("OBJ-142", "A completion makes the object of the parts that it names, as they came last.")
    async def named_parts_make_the_object(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        size = one.pipeline.driver.limits.part_min_bytes
        for named in _NAMED if world.virtual else _NAMED[:1]:
            upload_id = await one.begin_upload("k")
            whole = b"".join(b"%d" % number * size for number in (1, 2, 3, 4))
            tags = {n: await _part(one, upload_id, n, size, whole) for n in (4, 2, 3, 1)}
            last = UploadPart("k", upload_id, 3, 2 * size, b"short", last=True)
            tags[3] = PartTag(3, await two.pipeline.send(last))
            parts = tuple(tags[number] for number in named)
            await two.pipeline.send(CompleteUpload("k", upload_id, parts))
            expected = b"".join(b"short" if n == 3 else b"%d" % n * size for n in named)
            that(await one.download("k") == expected, f"parts {named} of 4 make another object")
            equal(len(expected), (await one.stat("k")).size_bytes, f"the size of parts {named}")

    @law("OBJ-084", "An upload in parts may be of one part, and of no byte.")
    async def small_uploads_are_whole(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        for data in (b"", b"x", b"\0" * 100):
            upload_id = await objects.begin_upload("k", content_type="a/b")
            await objects.upload("k", data, upload_id=upload_id)
            equal(data, await objects.download("k"), f"{len(data)} bytes in parts")
            info = await objects.stat("k")
            equal((len(data), "a/b"), (info.size_bytes, info.content_type), "size and type")
            await objects.delete("k")

    @law("OBJ-082", "Two uploads of one key share nothing.", rung=Rung.CONCURRENCY)
    async def uploads_share_nothing(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        size = one.pipeline.driver.limits.part_min_bytes
        contents = (b"1" * size + b"one", b"2" * size + b"two, longer")
        ids = [await objects.begin_upload("k") for objects in (one, two)]
        that(ids[0] != ids[1], "two uploads of one key have one id")
        tags: dict[str, list[PartTag]] = {upload_id: [] for upload_id in ids}
        for number in (1, 2):
            for objects, upload_id, data in zip((one, two), ids, contents, strict=True):
                tags[upload_id].append(await _part(objects, upload_id, number, size, data))
        for upload_id, data in zip(ids, contents, strict=True):
            listed = await one.pipeline.send(ListParts("k", upload_id))
            told = [part.size_bytes for part in listed]
            equal([size, len(data) - size], told, "the parts of one of two uploads")
        for upload_id, data in zip(ids, contents, strict=True):
            complete = CompleteUpload("k", upload_id, tuple(tags[upload_id]))
            await two.pipeline.send(complete)
            that(await one.download("k") == data, "an upload holds parts of another")

    @law(
        "OBJ-083",
        "Of concurrent conditional uploads in parts one wins.",
        needs=[ObjectsFeature.CONDITIONAL],
        rung=Rung.CONCURRENCY,
    )
    async def one_upload_wins(self, world: World[Any]) -> None:
        clients = [Objects(await world.pipeline()) for _ in range(3)]
        size = clients[0].pipeline.driver.limits.part_min_bytes
        version: str | None = None
        for _ in range(2):
            version = await self._one_upload_wins(clients, size, version)

    async def _one_upload_wins(self, clients: list[Objects], size: int, version: str | None) -> str:
        async def attempt(number: int) -> tuple[int, str] | None:
            data = bytes([number]) * (size + 1)
            objects = clients[number % len(clients)]
            try:
                made = await objects.upload(
                    "k", data, part_bytes=size, if_version=version, if_absent=version is None
                )
            except (ConflictError, AlreadyExistsError):
                return None
            return number, made

        won = [each for each in await asyncio.gather(*map(attempt, range(6))) if each]
        equal(1, len(won), "winners of 6 concurrent conditional uploads in parts")
        winner, made = won[0]
        that(await clients[0].download("k") == bytes([winner]) * (size + 1), "another's content")
        return made


async def _part(objects: Objects, upload_id: str, number: int, size: int, data: bytes) -> PartTag:
    """Send one part of the content, cut into pieces of ``size``."""
    start = (number - 1) * size
    piece = data[start : start + size]
    last = start + size >= len(data)
    tag = await objects.pipeline.send(UploadPart("k", upload_id, number, start, piece, last))
    return PartTag(number, tag)
