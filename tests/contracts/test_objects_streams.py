"""How content goes through: read ahead within bounds, hashed once, copied where it must be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from omnicloud.contracts.objects import Objects, ObjectsLimits
from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.models import Chunk
from omnicloud.contracts.objects.sources import pieces
from omnicloud.contracts.objects.uploads import CompleteUpload, UploadPart
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.store import MemoryStore

PART = 64 << 10


@dataclass
class Seen:
    """What a driver was asked.

    Attributes:
        under_way: Reads that have begun and not ended.
    """

    starts: list[int] = field(default_factory=list)
    under_way: int = 0
    checksums: list[str | None] = field(default_factory=list)
    whole: list[str | None] = field(default_factory=list)


class Slow(MemoryObjects):
    """Answers a read when it is let; keeps a checksum of the whole, or not."""

    keeps = True
    fails_at: int | None = None

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.seen = Seen()
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def limits(self) -> ObjectsLimits:
        return replace(super().limits, parts_checksum=self.keeps)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        self.seen.starts.append(op.start)
        self.seen.under_way += 1
        try:
            await self.gate.wait()
            if op.start == self.fails_at:
                raise UnavailableError("gone")
            return await super().get_range(op)
        finally:
            self.seen.under_way -= 1

    async def upload_part(self, op: UploadPart, /) -> str:
        self.seen.checksums.append(op.checksum)
        return await super().upload_part(op)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        self.seen.whole.append(op.checksum)
        return await super().complete_upload(op)


@pytest.fixture
def driver() -> Slow:
    return Slow()


@pytest.fixture
def objects(driver: Slow) -> Objects:
    return Objects(Pipeline(driver))


async def _turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_stream_asks_for_two_chunks_while_one_is_used(
    objects: Objects, driver: Slow
) -> None:
    await objects.upload("k", bytes(range(10)))
    stream = objects.stream("k", chunk_bytes=1)
    assert await anext(stream) == b"\0"
    await _turns()
    assert driver.seen.starts == [0, 1, 2]
    assert await anext(stream) == b"\1"
    await _turns()
    assert driver.seen.starts == [0, 1, 2, 3]
    assert [one async for one in stream] == [bytes([n]) for n in range(2, 10)]
    assert driver.seen.starts == list(range(10))


async def test_what_was_asked_for_ahead_ends_with_the_stream(
    objects: Objects, driver: Slow
) -> None:
    await objects.upload("k", bytes(range(10)))
    stream = objects.stream("k", chunk_bytes=1)
    await anext(stream)
    driver.gate.clear()
    await _turns()
    assert driver.seen.under_way == 2
    await stream.aclose()
    assert driver.seen.under_way == 0


async def test_a_download_that_is_cancelled_leaves_no_read_behind(
    objects: Objects, driver: Slow
) -> None:
    await objects.upload("k", bytes(20 << 20))
    driver.gate.clear()
    call = asyncio.ensure_future(objects.download("k"))
    await _turns()
    driver.gate.set()
    await _turns()
    driver.gate.clear()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert driver.seen.under_way == 0


async def test_a_chunk_that_fails_is_told_in_its_turn(objects: Objects, driver: Slow) -> None:
    await objects.upload("k", bytes(range(10)))
    driver.fails_at = 2
    stream = objects.stream("k", chunk_bytes=1)
    assert [await anext(stream), await anext(stream)] == [b"\0", b"\1"]
    with pytest.raises(UnavailableError):
        await anext(stream)
    assert driver.seen.under_way == 0


async def test_a_write_between_two_chunks_is_a_conflict_ahead_too(
    objects: Objects, driver: Slow
) -> None:
    await objects.upload("k", bytes(range(10)))
    stream = objects.stream("k", chunk_bytes=1)
    await anext(stream)
    await objects.upload("k", b"new")
    with pytest.raises(ConflictError):
        _ = [one async for one in stream]


@pytest.mark.parametrize("keeps", [True, False])
async def test_the_whole_is_hashed_where_its_checksum_is_kept(
    objects: Objects, driver: Slow, keeps: bool
) -> None:
    driver.keeps = keeps
    data = bytes(3 * PART)
    await objects.upload("k", data, part_bytes=PART)
    assert len([one for one in driver.seen.checksums if one]) == 3
    assert [one is not None for one in driver.seen.whole] == [keeps]
    assert ((await objects.stat("k")).checksum is not None) is keeps
    assert await objects.download("k") == data


async def _of(given: list[bytes]) -> AsyncIterator[bytes]:
    for one in given:
        yield one


@pytest.mark.parametrize(
    "sizes", [[], [0], [0, 0, 3], [4], [8], [4, 4], [3, 5, 1], [9, 0, 3], [1] * 9, [20], [2, 6, 0]]
)
async def test_pieces_are_full_but_the_last_whatever_comes(sizes: list[int]) -> None:
    given = [bytes([65 + n]) * size for n, size in enumerate(sizes)]
    got = [piece async for piece in pieces(_of(given), 4)]
    assert b"".join(got) == b"".join(given)
    assert all(len(piece) == 4 for piece in got[:-1])
    assert len(got) == max(1, -(-sum(sizes) // 4))


async def test_what_comes_in_pieces_is_not_copied_and_what_may_change_is() -> None:
    given = [b"abcd", b"efgh", b"ij"]
    got = [piece async for piece in pieces(_of(given), 4)]
    assert all(piece is one for piece, one in zip(got, given, strict=True))
    held = bytearray(b"abcd")
    stream = pieces(_of([held, b"e"]), 4)  # type: ignore[list-item]  # a buffer is taken too
    first = await anext(stream)
    held[:] = b"????"
    assert [first, await anext(stream)] == [b"abcd", b"e"]
