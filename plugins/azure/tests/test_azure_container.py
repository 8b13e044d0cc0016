"""What is in a container of the emulator: keys, parts, and who is let in."""

from __future__ import annotations

import asyncio
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from azure_bench import bench

from omnicloud.contracts.objects import Method, ObjectsFeature
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Presign, Put, Stat
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.errors import (
    AlreadyExistsError,
    ConfigurationError,
    InvalidArgumentError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from omnicloud_azure.answers import listing
from omnicloud_azure.certify import azure_world
from omnicloud_azure.objects import AzureObjects, open_objects
from omnicloud_tck.law import laws_of
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.runner import Verdict, try_law

pytestmark = pytest.mark.timeout(900)  # the first one may install the emulator

_SHA256 = f"sha256:{'0' * 64}"


async def _part(driver: AzureObjects, upload_id: str, number: int, data: bytes) -> PartTag:
    part = UploadPart("k", upload_id, number, 0, data, last=True)
    return PartTag(number, await driver.upload_part(part))


async def _read(driver: AzureObjects, key: str) -> bytes:
    chunk = await driver.get_range(GetRange(key))
    assert chunk is not None
    return chunk.data


async def test_wrong_keys_and_containers_are_told_at_opening() -> None:
    async with bench() as one:
        with pytest.raises(UnauthenticatedError):
            await one.open(account_key="d3Jvbmc=")
        with pytest.raises(ConfigurationError, match="container"):
            await one.open(container="there-is-none")


async def test_a_shared_access_signature_lets_in_to_all_but_what_it_does_not_allow() -> None:
    async with bench() as one:
        driver = await one.open(account_key=None, sas_token=one.sas())
        version = await driver.put(Put("k", b"x"))
        assert await driver.copy(Copy("k", "l", if_absent=True)) is not None
        upload_id = await driver.begin_upload(BeginUpload("k"))
        tag = await _part(driver, upload_id, 1, b"parts")
        await driver.complete_upload(CompleteUpload("k", upload_id, (tag,), None, version))
        assert await _read(driver, "k") == b"parts"
        await driver.delete(Delete("l"))
        assert [line.key for line in (await driver.list(List())).items] == ["k"]
        reader = await one.open(account_key=None, sas_token=one.sas("rl"))
        assert await _read(reader, "k") == b"parts"
        with pytest.raises((PermissionDeniedError, UnauthenticatedError)):
            await reader.put(Put("k", b"x"))
        with pytest.raises((PermissionDeniedError, UnauthenticatedError)):
            await one.open(account_key=None, sas_token=one.sas(seconds=-60))


async def test_a_url_allows_a_put_with_its_header_and_no_other() -> None:
    async with bench() as one:
        driver = await one.open(presign="with_header")
        assert ObjectsFeature.PRESIGN in driver.features
        url = await driver.presign(Presign(Method.PUT, "a b/é", 60))
        header = {"x-ms-blob-type": "BlockBlob"}
        assert await asyncio.to_thread(_put, url, {}) == 400
        assert await asyncio.to_thread(_put, url, header) == 201
        assert await _read(driver, "a b/é") == b"put"
        url = await driver.presign(Presign(Method.GET, "a b/é", 60))
        assert await asyncio.to_thread(_put, url, header) == 403
        assert ObjectsFeature.PRESIGN not in (await one.open()).features


@pytest.mark.parametrize("id_", ["OBJ-051", "OBJ-052"])
def test_urls_allow_their_method_and_key_until_they_end(id_: str) -> None:
    (made,) = [law for law in laws_of(ObjectsContract) if law.id == id_]
    result = try_law(
        ObjectsContract(), made, lambda: azure_world(open_objects, presign="with_header")
    )
    assert result.verdict is Verdict.HELD, result.detail or result.reason


def _put(url: str, headers: dict[str, str]) -> int:
    try:
        with urlopen(Request(url, b"put", headers, method="PUT"), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


async def test_a_refused_completion_may_be_tried_again_without_its_condition() -> None:
    async with bench() as one:
        driver = await one.open()
        await driver.put(Put("k", b"there"))
        upload_id = await driver.begin_upload(BeginUpload("k", "a/b", (("n", "1"),)))
        tags = (
            await _part(driver, upload_id, 2, b"two"),
            await _part(driver, upload_id, 1, b"one"),
        )
        complete = CompleteUpload("k", upload_id, tags[::-1], _SHA256, if_absent=True)
        with pytest.raises(AlreadyExistsError):
            await driver.complete_upload(complete)
        listed = await driver.list_parts(ListParts("k", upload_id))
        assert [(part.number, part.size_bytes) for part in listed] == [(1, 3), (2, 3)]
        await driver.delete(Delete("k"))
        version = await driver.complete_upload(complete)
        assert await _read(driver, "k") == b"onetwo"
        info = await driver.stat(Stat("k"))
        assert info is not None
        assert (info.version, info.content_type, info.checksum) == (version, "a/b", _SHA256)
        assert dict(info.metadata) == {"n": "1"}


async def test_an_upload_leaves_nothing_but_its_object() -> None:
    async with bench() as one:
        driver = await one.open()
        for number, complete in enumerate((True, False)):
            upload_id = await driver.begin_upload(BeginUpload("k"))
            tag = await _part(driver, upload_id, 1, b"%d" % number)
            if complete:
                await driver.complete_upload(CompleteUpload("k", upload_id, (tag,)))
            else:
                await driver.abort_upload(AbortUpload("k", upload_id))
            query = {"restype": "container", "comp": "list", "include": "uncommittedblobs"}
            body = (await driver._client.ask("GET", query=query)).body
            assert body.count(b"<Blob>") == 1


async def test_a_part_of_no_byte_is_one() -> None:
    async with bench() as one:
        driver = await one.open()
        upload_id = await driver.begin_upload(BeginUpload("k"))
        tags = (await _part(driver, upload_id, 1, b"one"), await _part(driver, upload_id, 2, b""))
        await driver.complete_upload(CompleteUpload("k", upload_id, tags))
        assert await _read(driver, "k") == b"one"


async def test_a_copy_keeps_no_metadata_where_its_source_has_none() -> None:
    async with bench() as one:
        driver = await one.open()
        long = "/" * 1200
        await driver.put(Put(long, b"x"))
        await driver.copy(Copy(long, "short"))
        assert [line.key for line in (await driver.list(List("s"))).items] == ["short"]


async def test_names_of_metadata_are_signed_in_the_order_of_the_service() -> None:
    names = ("page1", "page_count", "page", "page10", "page_1", "pages", "i0", "i_", "_")
    async with bench() as one:
        driver = await one.open()
        await driver.put(Put("k", b"x", metadata=tuple((name, "v") for name in names)))
        info = await driver.stat(Stat("k"))
        assert info is not None
        assert set(info.metadata) == set(names)


async def test_an_upload_keeps_no_folder_of_its_own() -> None:
    async with bench() as one:
        driver = await one.open(keys="plain", prefix="team/")
        upload_id = await driver.begin_upload(BeginUpload("k"))
        await _part(driver, upload_id, 1, b"one")
        query = {"restype": "container", "comp": "list", "include": "uncommittedblobs"}
        names = [
            blob.name for blob in listing((await driver._client.ask("GET", query=query)).body).blobs
        ]
        assert names == [f"team/~~uploads/{upload_id}-{what}" for what in ("begin", "whole")]
        assert (await driver.list(List())).items == ()


async def test_plain_keys_are_what_other_programs_see() -> None:
    async with bench() as one:
        driver = await one.open(keys="plain", prefix="team/")
        other = await one.open(keys="plain")
        await driver.put(Put("2026/cat.jpg", b"cat"))
        await other.put(Put("other/dog.jpg", b"dog"))
        await other.put(Put("team/2026/dog.jpg", b"dog"))
        assert await _read(other, "team/2026/cat.jpg") == b"cat"
        page = await driver.list(List("2026/"))
        assert [item.key for item in page.items] == ["2026/cat.jpg", "2026/dog.jpg"]
        page = await driver.list(List("", "/"))
        assert [(item.key, item.is_prefix) for item in page.items] == [("2026/", True)]
        for key in ("../x", "a/./b", "x\0", "a\\b", "a/", "a.", "~~uploads/x", "k" * 1025):
            with pytest.raises(InvalidArgumentError):
                await driver.put(Put(key, b"x"))


async def test_long_and_odd_keys_are_listed_in_order_page_by_page() -> None:
    async with bench() as one:
        driver = await one.open()
        start = "k" * 985
        ends = ("", "a", "b" * 30, "c" * 34, "é" * 17, "/" * 34, "\uffee", "\U0001f980", "\ud7ff")
        keys = sorted([start + end for end in ends] + [f"k{end}" for end in ends])
        for key in keys:
            await driver.put(Put(key, b""))
        for limit in (1, 4, 100):
            found: list[str] = []
            cursor: str | None = None
            while not found or cursor is not None:
                page = await driver.list(List("k", None, cursor, limit))
                assert len(page.items) <= limit
                found += [item.key for item in page.items]
                cursor = page.cursor
            assert found == keys
        with pytest.raises(InvalidArgumentError, match="cursor"):
            await driver.list(List(cursor="made up"))
