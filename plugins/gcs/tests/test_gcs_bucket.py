"""What is in the bucket: parts, keys, and what other programs see of them."""

from __future__ import annotations

import pytest
from gcs_bench import bench

from omnicloud.contracts.objects.driver import DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload, UploadPart
from omnicloud.errors import InvalidArgumentError
from omnicloud_gcs.uploads import COMPOSED_MOST

_SHA256 = f"sha256:{'0' * 64}"


async def test_more_parts_than_are_composed_at_once_make_one_object_and_leave_nothing() -> None:
    async with bench() as one:
        driver = await one.open()
        upload_id = await driver.begin_upload(BeginUpload("k", "a/b", (("n", "1"),)))
        count = 2 * COMPOSED_MOST + 3
        tags = [
            PartTag(n, await driver.upload_part(UploadPart("k", upload_id, n, 0, b"%03d" % n)))
            for n in range(1, count + 1)
        ]
        await driver.complete_upload(CompleteUpload("k", upload_id, tuple(tags), _SHA256))
        chunk = await driver.get_range(GetRange("k"))
        assert chunk is not None
        assert chunk.data == b"".join(b"%03d" % n for n in range(1, count + 1))
        info = chunk.info
        assert (info.content_type, dict(info.metadata), info.checksum) == (
            "a/b",
            {"n": "1"},
            _SHA256,
        )
        left, _ = await driver._listed("", "", 1000)
        assert [stored.line.key for stored in left] == ["k"]


async def test_what_the_provider_keeps_for_itself_is_not_listed() -> None:
    async with bench() as one:
        for options in ({}, {"keys": "plain", "prefix": "p/"}):
            driver = await one.open(**options)
            await driver.begin_upload(BeginUpload("k"))
            await driver.put(Put("k", b""))
            assert [item.key for item in (await driver.list(List())).items] == ["k"]


async def test_plain_keys_are_what_other_programs_see() -> None:
    async with bench() as one:
        driver = await one.open(keys="plain", prefix="team/")
        other = await one.open(keys="plain")
        await driver.put(Put("2026/cat.jpg", b"cat"))
        await other.put(Put("other/dog.jpg", b"dog"))
        await other.put(Put("team/2026/dog.jpg", b"dog"))
        assert await other.stat(Stat("team/2026/cat.jpg")) is not None
        page = await driver.list(List("2026/"))
        assert [item.key for item in page.items] == ["2026/cat.jpg", "2026/dog.jpg"]
        page = await driver.list(List("", "/"))
        assert [(item.key, item.is_prefix) for item in page.items] == [("2026/", True)]


@pytest.mark.parametrize("key", [".", "..", "x\0", "~~uploads/x", "k" * 1025])
async def test_plain_keys_that_the_service_does_not_take_are_refused(key: str) -> None:
    async with bench() as one:
        driver = await one.open(keys="plain")
        with pytest.raises(InvalidArgumentError):
            await driver.put(Put(key, b"x"))


async def test_long_keys_that_are_cut_are_listed_in_order_page_by_page() -> None:
    async with bench() as one:
        driver = await one.open()
        start = "k" * 990
        keys = sorted(start + end for end in ("", "a", "b" * 30, "c" * 34, "é" * 17, "/" * 34))
        for key in keys:
            await driver.put(Put(key, b""))
        for limit in (1, 2, 4, 100):
            found: list[str] = []
            cursor: str | None = None
            while not found or cursor is not None:
                page = await driver.list(List(start[:5], None, cursor, limit))
                assert len(page.items) <= limit
                found += [item.key for item in page.items]
                cursor = page.cursor
            assert found == keys
        await driver.delete_many(DeleteMany(tuple(keys)))
        assert (await driver.list(List())).items == ()


async def test_a_cursor_of_something_else_is_refused() -> None:
    async with bench() as one:
        with pytest.raises(InvalidArgumentError, match="cursor"):
            await (await one.open()).list(List(cursor="made up"))
