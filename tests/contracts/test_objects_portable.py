"""Objects as users hold them: sources, parts, progress, readers, what is refused."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from omnicloud.contracts.objects import Objects, ObjectsLimits
from omnicloud.contracts.objects.driver import GetRange, Put
from omnicloud.contracts.objects.models import Chunk
from omnicloud.contracts.objects.uploads import CompleteUpload, UploadPart
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ConflictError,
    CorruptedError,
    InvalidArgumentError,
    ObjectNotFoundError,
    OmniCloudError,
    Outcome,
    UnavailableError,
    UnsupportedError,
)
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.store import MemoryStore

PART = 64 << 10


class CountingObjects(MemoryObjects):
    """Counts requests, and can fail one part, or the completion."""

    parts: list[int]
    fail: int | None = None
    completing: OmniCloudError | None = None

    async def upload_part(self, op: UploadPart, /) -> str:
        self.parts.append(op.number)
        if op.number == self.fail:
            raise UnavailableError("gone")
        return await super().upload_part(op)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        if self.completing is not None:
            raise self.completing
        return await super().complete_upload(op)


@pytest.fixture
def driver() -> CountingObjects:
    driver = CountingObjects(MemoryStore())
    driver.parts = []
    return driver


@pytest.fixture
def objects(driver: CountingObjects) -> Objects:
    return Objects(Pipeline(driver))


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 1])
async def test_every_kind_of_source_is_uploaded_whole(
    objects: Objects, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    (tmp_path / "data").write_bytes(data)
    async with await anyio.open_file(tmp_path / "data", "rb") as opened:
        for source in (
            data,
            bytearray(data),
            memoryview(data),
            in_pieces(data, 1000),
            in_pieces(data, 3 * PART),
            io.BytesIO(data),
            opened,
        ):
            await objects.upload("k", source, part_bytes=PART)
            assert await objects.download("k") == data


async def test_progress_tells_what_has_arrived(objects: Objects) -> None:
    told: list[int] = []
    await objects.upload("k", b"x" * (3 * PART + 5), part_bytes=PART, progress=told.append)
    assert told == sorted(told)
    assert len(told) == 4
    assert told[-1] == 3 * PART + 5


async def test_a_resumed_upload_sends_only_what_is_missing(
    objects: Objects, driver: CountingObjects
) -> None:
    data = os.urandom(4 * PART)
    upload_id = await objects.begin_upload("k", metadata={"a": "b"})
    driver.fail = 4
    with pytest.raises(UnavailableError):
        await objects.upload("k", data, part_bytes=PART, upload_id=upload_id, concurrency=1)
    driver.fail, driver.parts = None, []
    await objects.upload("k", data, part_bytes=PART, upload_id=upload_id)
    assert driver.parts == [4]
    assert await objects.download("k") == data
    assert (await objects.stat("k")).metadata == {"a": "b"}


async def test_a_failed_part_aborts_the_upload(objects: Objects, driver: CountingObjects) -> None:
    driver.fail = 2
    with pytest.raises(UnavailableError):
        await objects.upload("k", b"x" * (4 * PART), part_bytes=PART)
    assert not await objects.exists("k")
    assert not driver._store.rows(("uploads", ""))


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_an_upload_is_left_alone_where_its_completion_may_go_on(
    driver: CountingObjects, objects: Objects, outcome: Outcome
) -> None:
    driver.completing = UnavailableError("late", outcome=outcome)
    with pytest.raises(UnavailableError):
        await objects.upload("k", b"x" * (2 * PART), part_bytes=PART)
    left = driver._store.rows(("uploads", ""))
    assert len(left) == (1 if outcome is Outcome.UNKNOWN else 0)


async def test_a_reader_reads_by_size_and_by_chunk(objects: Objects) -> None:
    data = os.urandom(10_000)
    await objects.upload("k", data)
    async with objects.open("k", chunk_bytes=1000, read_ahead=3) as reader:
        assert reader.info.size_bytes == 10_000
        assert await reader.read(10) == data[:10]
        assert await reader.read(1500) == data[10:1510]
        rest = [chunk async for chunk in reader]
        assert b"".join(rest) == data[1510:]
        assert await reader.read() == b""
    async with objects.open("k", start=5, end=9, chunk_bytes=1) as reader:
        assert await reader.read() == data[5:9]
    with pytest.raises(ObjectNotFoundError):
        async with objects.open("missing"):
            pass


async def test_a_reader_that_is_left_early_leaves_nothing_behind(objects: Objects) -> None:
    await objects.upload("k", b"x" * 10_000)
    with pytest.raises(ZeroDivisionError):
        await read_and_fail(objects)


async def read_and_fail(objects: Objects) -> None:
    async with objects.open("k", chunk_bytes=10):
        raise ZeroDivisionError


async def test_a_stream_over_a_changed_object_conflicts(objects: Objects) -> None:
    await objects.upload("k", b"a" * 100)
    stream = objects.stream("k", chunk_bytes=10)
    assert await anext(stream) == b"a" * 10
    await objects.upload("k", b"b" * 100)
    with pytest.raises(ConflictError):
        await anext(stream)


class Flipping(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        return chunk and replace(chunk, data=b"!" + chunk.data[1:])


class Short(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        return chunk and replace(chunk, data=chunk.data[:-1])


@pytest.mark.parametrize("kind", [Flipping, Short])
async def test_content_that_is_not_what_was_written_is_told(kind: type[MemoryObjects]) -> None:
    objects = Objects(Pipeline(kind(MemoryStore())))
    await objects.upload("k", b"content")
    with pytest.raises(CorruptedError):
        await objects.download("k")


async def test_a_wrong_checksum_is_refused(objects: Objects) -> None:
    with pytest.raises(CorruptedError):
        await objects.pipeline.send(Put("k", b"x", checksum="sha256:00"))
    assert not await objects.exists("k")


async def test_what_breaks_a_bound_is_refused(objects: Objects) -> None:
    calls: list[Any] = [
        objects.upload("", b""),
        objects.upload("k", "text"),  # type: ignore[arg-type]  # tried
        objects.upload("k", b"", part_bytes=1000),
        objects.upload("k", b"", part_bytes=0),
        objects.upload("k", b"", concurrency=0),
        objects.upload("k", b"", if_version="v", if_absent=True),
        objects.upload("k", b"", if_version=""),
        objects.upload("k", b"", metadata={"a": 1}),  # type: ignore[dict-item]  # tried
        objects.upload("k", b"", metadata={"": "1"}),
        objects.upload("k", b"", upload_id="u", metadata={"a": "1"}),
        objects.download("k", start=-1),
        objects.download("k", start=2, end=1),
        objects.delete("x" * 1025),
        objects.presign("POST", "k", expires_in=1),
        objects.presign("GET", "k", expires_in=0),
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError):
            await call
    for delimiter in ("", "//", "~"):
        with pytest.raises(InvalidArgumentError):
            await anext(objects.list(delimiter=delimiter))
    assert [item async for item in objects.list()] == []


async def test_presigning_is_refused_where_it_is_not_declared(objects: Objects) -> None:
    with pytest.raises(UnsupportedError, match="presign"):
        await objects.presign("GET", "k", expires_in=60)


class Narrow(CountingObjects):
    """Its smallest part is its largest, too."""

    @property
    def limits(self) -> ObjectsLimits:
        most = 2 * PART
        return ObjectsLimits(put_max_bytes=most, part_min_bytes=most, part_max_bytes=most)


async def test_parts_of_one_size_only_are_taken_without_asking_for_it() -> None:
    driver = Narrow(MemoryStore())
    driver.parts = []
    objects = Objects(Pipeline(driver))
    data = os.urandom(5 * PART)
    await objects.upload("k", data)
    assert sorted(driver.parts) == [1, 2, 3]
    assert await objects.download("k") == data
    await objects.upload("small", b"x")
    assert await objects.download("small") == b"x"


def test_the_limits_are_multiples_of_a_frame() -> None:
    assert ObjectsLimits().part_min_bytes % PART == 0


@pytest.mark.parametrize("kind", ["", " a/b", "a/b\r\nx: y", "a/é", "a" * 256, None])
async def test_a_content_type_that_a_header_cannot_carry_is_refused(
    objects: Objects, kind: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="content_type"):
        await objects.upload("k", b"", content_type=kind)
    with pytest.raises(InvalidArgumentError, match="content_type"):
        await objects.begin_upload("k", content_type=kind)
    assert not await objects.exists("k")
