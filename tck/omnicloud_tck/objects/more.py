"""The laws of objects about copies, ranges, times, refusals and tenants beyond the usual cases."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.driver import GetRange, Put
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
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
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["ObjectsMore"]

_CAS = [ObjectsFeature.CONDITIONAL]
_CLOCKS_APART = 600.0  # seconds by which a server's clock may differ from ours


class ObjectsMore(Contract):
    """What is promised beyond the usual cases."""

    @law("OBJ-070", "A copy over an object replaces all of it: content, type and metadata.")
    async def a_copy_replaces(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        for size in (0, 10, 300_000):
            data = self.random.randbytes(size)
            await objects.upload("from", data, content_type="a/b", metadata={"n": str(size)})
            before = await objects.upload(
                "to", b"to be gone" * 9, content_type="x/y", metadata={"old": "1", "n": "old"}
            )
            version = await objects.copy("from", "to")
            that(version != before, "a copy has the version of what it replaced")
            that(await objects.download("to") == data, f"{size} bytes were copied changed")
            info = await objects.stat("to")
            equal((size, version), (info.size_bytes, info.version), "size and version")
            equal(("a/b", {"n": str(size)}), (info.content_type, dict(info.metadata)), "facts")
        await objects.copy("from", "from")
        info = await objects.stat("from")
        equal(("a/b", {"n": str(size)}), (info.content_type, dict(info.metadata)), "onto itself")
        await objects.delete("from")
        that(await objects.download("to") == data, "a copy went with its source")

    @law(
        "OBJ-071",
        "The facts that come with a range are those of the version that its bytes are of.",
        rung=Rung.CONCURRENCY,
    )
    async def ranges_are_of_their_version(self, world: World[Any]) -> None:
        writer, reader = Objects(await world.pipeline()), await world.pipeline()
        size = 5000
        await writer.upload("k", b"\0" * size, metadata={"n": "0"})

        async def write() -> None:
            for number in range(1, 25):
                data = bytes([number]) * (size + number)
                await writer.upload("k", data, metadata={"n": str(number)})

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            for start, end in ((0, None), (1, None), (4000, 4500), (size, None)):
                chunk = await reader.send(GetRange("k", start, end))
                that(chunk is not None, "a range of an object that is there")
                if chunk is None:
                    continue
                number = int(chunk.info.metadata["n"])
                whole = bytes([number]) * (size + number)
                equal(len(whole), chunk.info.size_bytes, "the size that comes with a range")
                that(chunk.data == whole[start:end], f"bytes from {start} are of another version")
        await writing

    @law("OBJ-072", "A range of a version is of that version or refused.", rung=Rung.CONCURRENCY)
    async def asked_versions_are_answered(self, world: World[Any]) -> None:
        writer, reader = Objects(await world.pipeline()), await world.pipeline()
        contents: dict[str, bytes] = {}

        async def write() -> None:
            for number in range(40):
                data = bytes([number]) * 3000
                contents[await writer.upload("k", data)] = data
                for _ in range(number % 9):  # else none is current for as long as a read takes
                    await asyncio.sleep(0)

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            for version in list(contents)[-2:]:
                for start in (0, 1, 2000):
                    try:
                        chunk = await reader.send(GetRange("k", start, None, version))
                    except ConflictError:
                        continue
                    right = chunk is not None and chunk.data == contents[version][start:]
                    that(right, f"bytes from {start} of another version than was asked for")
        await writing

    @law("OBJ-073", "A write that is refused for its checksum leaves what was there.")
    async def corrupted_writes_leave_nothing(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        wrong = f"sha256:{'0' * 64}"
        for key, old in (("new", None), ("old", b"before")):
            if old is not None:
                await objects.upload(key, old, metadata={"n": "old"})
            try:
                await objects.pipeline.send(Put(key, b"x" * 1000, checksum=wrong))
            except CorruptedError:
                equal(old, await _got(objects, key), "after a refused write")
                if old is not None:
                    metadata = dict((await objects.stat(key)).metadata)
                    equal({"n": "old"}, metadata, "metadata after a refused write")

    @law("OBJ-074", "Times are in seconds and of the last write, in stat, range and listing alike.")
    async def times_are_of_the_write(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        before = 0.0
        for _ in range(2):
            await objects.upload("k", b"x")
            wall = world.clock.wall()
            told = [(await objects.stat("k")).modified]
            told += [item.modified or 0.0 async for item in objects.list("k")]
            chunk = await objects.pipeline.send(GetRange("k"))
            told.append(0.0 if chunk is None else chunk.info.modified)
            for modified in told:
                near = abs(modified - wall) < _CLOCKS_APART
                that(near, f"written at {wall:.0f}, told as {modified:.0f}")
                that(modified >= before, "a later write has an earlier time")
            before = min(told)
            await world.sleep(2.0)
        await objects.copy("k", "copied")
        copied = (await objects.stat("copied")).modified
        that(copied > before, "a copy has the time of its source")

    @law("OBJ-075", "Of concurrent conditional copies one wins.", needs=_CAS, rung=Rung.CONCURRENCY)
    async def one_copy_wins(self, world: World[Any]) -> None:
        clients = [Objects(await world.pipeline()) for _ in range(3)]
        for number in range(9):
            await clients[0].upload(f"from-{number}", b"%d" % number)
        for turn in range(3):
            version: str | None = None
            for _ in range(2):
                version = await self._one_copies(clients, f"to-{turn}", version)

    async def _one_copies(self, clients: list[Objects], target: str, version: str | None) -> str:
        async def attempt(number: int) -> tuple[int, str] | None:
            objects = clients[number % len(clients)]
            try:
                made = await objects.copy(
                    f"from-{number}", target, if_version=version, if_absent=version is None
                )
            except (ConflictError, AlreadyExistsError):
                return None
            return number, made

        won = [each for each in await asyncio.gather(*map(attempt, range(9))) if each]
        equal(1, len(won), "winners of 9 concurrent conditional copies")
        equal(b"%d" % won[0][0], await _got(clients[0], target), "the winner's content")
        return won[0][1]

    @law("OBJ-076", "Copies and deletions of many stay within their tenant.", rung=Rung.TRUST)
    async def every_request_stays_at_home(self, world: World[Any]) -> None:
        tenants = ("acme", "acme2", None)
        rooms = [Objects(await world.pipeline(Scoping(tenant))) for tenant in tenants]
        for tenant, mine in zip(tenants, rooms, strict=True):
            for other, objects in zip(tenants, rooms, strict=True):
                await objects.upload("k", repr(other).encode())
                await objects.upload("copied", b"old")
                await objects.upload(f"only of {other}", b"x")
            await mine.copy("k", "copied")
            equal(repr(tenant).encode(), await _got(mine, "copied"), "its own copy")
            for other in tenants:
                if other != tenant:
                    with refused(ObjectNotFoundError, "a copy of what another tenant has"):
                        await mine.copy(f"only of {other}", "stolen")
            await mine.delete_many(["k", *(f"only of {other}" for other in tenants)])
            for other, objects in zip(tenants, rooms, strict=True):
                if objects is not mine:
                    about = f"of {other!r} after {tenant!r} copied and deleted"
                    equal(repr(other).encode(), await _got(objects, "k"), f"'k' {about}")
                    equal(b"old", await _got(objects, "copied"), f"'copied' {about}")
                    equal(b"x", await _got(objects, f"only of {other}"), f"the object {about}")

    @law(
        "OBJ-077",
        "An upload is its key's and its tenant's: under another its id is not found.",
        rung=Rung.TRUST,
    )
    async def uploads_belong_to_their_key(self, world: World[Any]) -> None:
        mine = Objects(await world.pipeline(Scoping("acme")))
        others = [await world.pipeline(Scoping(tenant)) for tenant in ("acme2", None)]
        upload_id = await mine.begin_upload("k")
        part = UploadPart("k", upload_id, 1, 0, b"mine", last=True)
        await mine.pipeline.send(part)
        for pipe, key in ((others[0], "k"), (others[1], "k"), (mine.pipeline, "other")):
            calls: tuple[Operation[Any, Any], ...] = (
                ListParts(key, upload_id),
                UploadPart(key, upload_id, 1, 0, b"theirs", last=True),
                CompleteUpload(key, upload_id, ()),
            )
            for call in calls:
                with refused(NotFoundError, f"{call.name} of an upload of another key or tenant"):
                    await pipe.send(call)
            await pipe.send(AbortUpload(key, upload_id))
        parts = await mine.pipeline.send(ListParts("k", upload_id))
        equal([(1, 4)], [(p.number, p.size_bytes) for p in parts], "the parts, untouched")
        await mine.upload("k", b"mine", upload_id=upload_id)
        equal(b"mine", await _got(mine, "k"), "the upload, completed by its own tenant")


async def _got(objects: Objects, key: str) -> bytes | None:
    try:
        return await objects.download(key)
    except ObjectNotFoundError:
        return None
