"""What Amazon and services other than the tests' own answer, and what becomes of it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials
from s3_bench import OPTIONS, Pretender, error, pretending, settled

from omnicloud.contracts.objects.driver import Copy, Put, Stat
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    UploadPart,
)
from omnicloud.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    Outcome,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_s3 import uploads
from omnicloud_s3.claims import Claims
from omnicloud_s3.client import Client
from omnicloud_s3.config import S3Config
from omnicloud_s3.credentials import ChainCredentials, FixedCredentials
from omnicloud_s3.objects import S3Objects, open_objects
from omnicloud_s3.signing import Keys
from omnicloud_tck.served import Lone

Told = tuple[int, dict[str, str], bytes]

_ID = "2~0123/abc+~x"  # Ceph's begin like this
_BEGUN = f"<R><UploadId>{_ID}</UploadId></R>".encode()
_PARTS = (
    b"<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>0</ETag><Size>1</Size>"
    b"<LastModified>2026-11-21T08:00:00Z</LastModified></Part></ListPartsResult>"
)
_MADE = (
    b'<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>"9"</ETag>'
    b"</CompleteMultipartUploadResult>"
)
_STAMP = {"etag": '"0"', "last-modified": "Sat, 21 Nov 2026 08:00:00 GMT"}
_HEAD = {**_STAMP, "content-length": "1"}


@asynccontextmanager
async def _service(
    answer: Callable[[str, str], Told | None], **options: Any
) -> AsyncIterator[tuple[S3Objects, Pretender]]:
    lone = Lone()
    async with pretending(settled(answer, {"x-amz-request-id": "1"})) as one:
        config = S3Config(endpoint=one.endpoint, bucket="abc", **{**OPTIONS, **options})
        driver = await open_objects(config, lone)
        one.asked.clear()
        one.heads.clear()
        try:
            yield driver, one
        finally:
            await lone.aclose()


class _Uploads:
    """Answers an upload of one part; ``made`` are the answers to completions."""

    def __init__(self, *made: Told, kept: bool = True) -> None:
        self._made = list(made)
        self._kept = kept
        self._tried = False

    def __call__(self, method: str, path: str) -> Told:
        status, headers, body = self._answer(method, path)
        return status, {"x-amz-request-id": "1", **headers}, body

    def _answer(self, method: str, path: str) -> Told:
        if method == "POST" and path.endswith("uploads="):
            return 200, {}, _BEGUN
        if method == "POST":
            self._tried = True
            return self._made.pop(0)
        if method == "GET" and self._tried and not self._kept:
            return 404, {}, error("NoSuchUpload")
        if method == "GET":
            return 200, {}, _PARTS
        return 200, {"etag": '"0"'}, b""


async def _complete(driver: S3Objects, **conditions: Any) -> str:
    upload_id = await driver.begin_upload(BeginUpload("k"))
    tag = await driver.upload_part(UploadPart("k", upload_id, 1, 0, b"x", last=True))
    op = CompleteUpload("k", upload_id, (PartTag(1, tag),), **conditions)
    return await driver.complete_upload(op)


async def test_an_id_of_an_upload_may_hold_what_parts_our_own() -> None:
    async with _service(_Uploads((200, {}, _MADE))) as (driver, one):
        version = await _complete(driver)
        assert version.startswith("9.")
        assert len(version) > len("9.")
        asked = [path for _, path in one.asked if "uploadId=" in path]
        assert asked
        assert all("uploadId=2~0123%2Fabc%2B~x" in path for path in asked)


@pytest.mark.parametrize("cut", [0, 1, 2])
async def test_an_id_of_an_upload_with_too_few_fields_is_refused(cut: int) -> None:
    async with _service(_Uploads()) as (driver, one):
        begun = await driver.begin_upload(BeginUpload("k"))
        digest = begun.rpartition("~")[2]
        one.asked.clear()
        upload_id = "~".join([*["id", "n"][:cut], digest])
        with pytest.raises(NotFoundError):
            await driver.upload_part(UploadPart("k", upload_id, 1, 0, b""))
        await driver.abort_upload(AbortUpload("k", digest))
        assert not one.asked


async def test_spaces_before_what_a_slow_completion_says_are_no_part_of_it() -> None:
    async with _service(_Uploads((200, {}, b"\n   \n" + _MADE))) as (driver, _):
        assert (await _complete(driver)).startswith("9.")


async def test_an_error_after_such_spaces_is_one() -> None:
    said = b"  \n <?xml version='1.0'?>" + error("InternalError")
    async with _service(_Uploads((200, {}, said))) as (driver, _):
        with pytest.raises(UnavailableError, match="failed"):
            await _complete(driver)


async def test_a_completion_may_take_longer_than_other_answers_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = _Uploads((200, {}, _MADE), (200, {}, _MADE))
    async with _service(answers, answer_timeout=0.5) as (driver, one):
        op = UploadPart("k", await driver.begin_upload(BeginUpload("k")), 1, 0, b"x", last=True)
        complete = CompleteUpload("k", op.upload_id, (PartTag(1, await driver.upload_part(op)),))
        one.pauses["POST"] = 1.0
        assert (await driver.complete_upload(complete)).startswith("9.")
        monkeypatch.setattr(uploads, "LONGEST_SECONDS", 0.1)
        with pytest.raises(UnavailableError, match="in time") as caught:
            await driver.complete_upload(complete)
        assert caught.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("mib", "done"), [(0, False), (25, False), (75, True)])
async def test_a_copy_may_take_as_long_as_its_size_says(mib: int, done: bool) -> None:
    def answer(method: str, _: str) -> Told:
        told = {"x-amz-request-id": "1", **_STAMP}
        if method == "HEAD":
            return 200, {**told, "content-length": str(mib << 20)}, b""
        return 200, told, b"<CopyObjectResult><ETag>9</ETag></CopyObjectResult>"

    async with _service(answer, answer_timeout=0.5) as (driver, one):
        one.pauses["PUT"] = 2.5
        copy = asyncio.ensure_future(driver.copy(Copy("a", "b")))
        await asyncio.wait([copy])
        assert (copy.exception() is None) is done


async def test_a_copy_that_the_service_would_refuse_is_not_asked_for() -> None:
    def answer(method: str, _: str) -> Told:
        told = {"x-amz-request-id": "1", **_STAMP}
        if method == "HEAD":
            told["content-length"] = str((5 << 30) + 1)
        return 200, told, b"<CopyObjectResult><ETag>9</ETag></CopyObjectResult>"

    async with _service(answer) as (driver, one):
        with pytest.raises(InvalidArgumentError, match="5368709120"):
            await driver.copy(Copy("a", "b"))
        assert [method for method, _ in one.asked] == ["HEAD"]


async def test_staged_uploads_are_bounded_by_what_can_be_copied() -> None:
    async with _service(_Uploads(), completion="staged") as (driver, _):
        assert driver.limits.object_max_bytes == 5 << 30
    async with _service(_Uploads()) as (driver, _):
        assert driver.limits.object_max_bytes == 5 << 40


@pytest.mark.parametrize(("kept", "kind"), [(True, UnavailableError), (False, ConflictError)])
async def test_a_completion_that_met_another_write_is_tried_again_or_begun_anew(
    kept: bool, kind: type[OmniCloudError]
) -> None:
    met = (409, {}, error("ConditionalRequestConflict"))

    def answer(method: str, path: str) -> Told:
        if method == "HEAD":
            return 404, {"x-amz-request-id": "1"}, b""
        return answers(method, path)

    answers = _Uploads(met, kept=kept)
    async with _service(answer) as (driver, _):
        with pytest.raises(kind) as caught:
            await _complete(driver, if_absent=True)
        assert type(caught.value) is kind
        assert caught.value.outcome is Outcome.NOT_DONE
        assert ("anew" in str(caught.value)) is not kept


async def test_parts_have_an_md5_once_the_bucket_asks_for_it() -> None:
    def answer(method: str, path: str) -> Told | None:
        if method == "PUT" and "content-md5" not in one.heads[-1]:
            return 400, {"x-amz-request-id": "1"}, error("InvalidRequest")
        return answers(method, path)

    answers = _Uploads()
    async with _service(answer) as (driver, one):
        upload_id = await driver.begin_upload(BeginUpload("k"))
        parts = [UploadPart("k", upload_id, n, 0, b"x" * n, last=True) for n in range(1, 4)]
        await asyncio.gather(*map(driver.upload_part, parts[:2]))
        sent = len(one.asked)
        await driver.upload_part(parts[2])
        assert len(one.asked) == sent + 1
        assert one.heads[-1]["content-md5"] == b64encode(md5(b"xxx").digest()).decode()


async def test_what_the_provider_writes_for_itself_has_a_checksum() -> None:
    def answer(method: str, path: str) -> Told:
        status = 200 if "claims" in path or method == "HEAD" else 412
        headers = {"x-amz-request-id": "1", **(_HEAD if method == "HEAD" else {"etag": '"0"'})}
        return status, headers, b""

    lone = Lone()
    async with pretending(settled(answer, {"x-amz-request-id": "1"})) as one:
        config = S3Config(endpoint=one.endpoint, bucket="abc", **OPTIONS)
        driver = await open_objects(config, lone)
        with pytest.raises(ConflictError):
            await driver.put(Put("k", b"x", checksum=f"sha256:{'0' * 64}", if_version="0."))
        await lone.aclose()
        pairs = zip(one.asked, one.heads, strict=True)
        puts = [(path, head) for (method, path), head in pairs if method == "PUT"]
        assert all("content-md5" in head for path, head in puts if "partNumber" in path)
        written = [head for path, head in puts if "partNumber" not in path]
        assert (len(written), len(puts)) == (5, 6)
        copied = [head for head in written if "x-amz-copy-source" in head]
        assert len(copied) == 1
        assert all("x-amz-checksum-sha256" in head for head in written if head not in copied)


async def test_a_head_that_is_refused_without_a_word_is_no_answer_of_a_stranger() -> None:
    async with _service(lambda *_: (400, {"x-amz-request-id": "1"}, b"")) as (driver, _):
        with pytest.raises(UnauthenticatedError, match="token"):
            await driver.stat(Stat("k"))


def test_the_age_of_a_claim_is_told_by_the_service() -> None:
    lone = Lone()
    client = Client(S3Config(bucket="abc"), FixedCredentials(Keys("a", "b")), lone.clock)
    claims = Claims(client, lone.clock, "")
    told = {**_STAMP, "date": "Sat, 21 Nov 2026 08:00:31 GMT"}
    assert claims._is_over(told, 0.0)
    assert not claims._is_over({**told, "x-amz-meta-omni-seconds": "6"}, 0.0)
    assert claims._is_over({}, 20.1)
    assert not claims._is_over({}, 19.9)


async def test_a_url_that_would_outlive_its_credentials_is_refused() -> None:
    ends = datetime.now(UTC)

    def renewed(seconds: float) -> dict[str, str]:
        until = (ends + timedelta(seconds=seconds)).isoformat()
        return {"access_key": "new", "secret_key": "b", "token": "t", "expiry_time": until}

    soon = ends + timedelta(seconds=3600)
    found = RefreshableCredentials("old", "b", "t", soon, lambda: renewed(7200), "test")
    lone = Lone()
    client = Client(S3Config(bucket="abc"), ChainCredentials(found), lone.clock)
    assert "old" in await client.presigned("GET", "k", 3000)
    assert "new" in await client.presigned("GET", "k", 7000)
    with pytest.raises(InvalidArgumentError, match="end in"):
        await client.presigned("GET", "k", 8000)
    await client.aclose()
