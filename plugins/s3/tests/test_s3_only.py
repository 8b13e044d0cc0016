"""What only a server can do to its clients: refuse, hang, cut, babble; and only a bucket's keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto_server import KEYS, moto
from s3_bench import EMPTY_LISTING, OPTIONS, bench, error, honouring, pretending, settled

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload, UploadPart
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    AlreadyExistsError,
    ClosedError,
    ConfigurationError,
    ConflictError,
    CorruptedError,
    InternalError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_s3.certify import made_bucket
from omnicloud_s3.config import S3Config
from omnicloud_s3.objects import open_objects
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone

_WRITTEN = (200, {"etag": '"0"'}, b"")


@pytest.fixture(scope="module")
def server() -> Iterator[KeptServer]:
    one = moto()
    yield one
    one.end()


async def test_wrong_keys_are_told_at_opening() -> None:
    async with bench() as one:
        for wrong in ({"secret_key": "wrong"}, {"access_key": "nobody"}):
            with pytest.raises(UnauthenticatedError) as caught:
                await one.open(**wrong)
            assert "wrong" not in str(caught.value)


async def test_a_bucket_that_is_not_there_is_told_at_opening() -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="bucket"):
            await one.open(bucket="there-is-none")


async def test_a_bucket_that_went_is_no_missing_object() -> None:
    lone = Lone()
    async with pretending(settled(lambda *_: (404, {}, error("NoSuchBucket")))) as one:
        driver = (await _opened(one.endpoint, lone)).pipeline.driver
        for call in (driver.get_range(GetRange("k")), driver.delete(Delete("k"))):
            with pytest.raises(ConfigurationError):
                await call
        await lone.aclose()


async def test_a_partition_ends_a_call_in_time_as_unknown_and_heals() -> None:
    async with bench() as one:
        driver = await one.open(answer_timeout=0.5)
        await driver.put(Put("k", b"before"))
        one.proxy.weather.blackhole = True
        started = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            await driver.put(Put("k", b"during"))
        assert 0.4 < time.monotonic() - started < 6.0
        assert caught.value.outcome is Outcome.UNKNOWN
        one.proxy.clear()
        assert await driver.stat(Stat("k")) is not None


async def test_a_server_that_refuses_connections_has_done_nothing() -> None:
    driver = None
    async with bench() as one:
        driver = await one.open()
        port = one.proxy.port
        await one.proxy.aclose()
        with pytest.raises(UnavailableError) as caught:
            await driver.put(Put("k", b"x"))
        assert caught.value.outcome is Outcome.NOT_DONE
        assert f"127.0.0.1:{port}" in str(caught.value)


async def test_content_that_is_cut_is_an_error_and_not_content() -> None:
    async with bench() as one:
        driver = await one.open()
        await driver.put(Put("k", b"x" * 100_000))
        one.proxy.weather.cut_after = 50_000
        with pytest.raises(UnavailableError):
            await driver.get_range(GetRange("k"))
        one.proxy.clear()
        chunk = await driver.get_range(GetRange("k"))
        assert chunk is not None
        assert len(chunk.data) == 100_000


async def test_data_that_arrives_changed_is_refused_and_not_written() -> None:
    async with bench() as one:
        driver = await one.open()
        await driver.put(Put("k", b"before"))
        with pytest.raises(CorruptedError):
            await driver.put(Put("k", b"x" * 10, checksum=f"sha256:{'0' * 64}"))
        chunk = await driver.get_range(GetRange("k"))
        assert chunk is not None
        assert chunk.data == b"before"


async def test_calls_beyond_the_connections_wait_their_turn_and_then_are_throttled() -> None:
    async with bench() as one:
        driver = await one.open(max_connections=1, answer_timeout=3.0)
        await asyncio.gather(*(driver.put(Put(f"k{n}", b"x")) for n in range(8)))
        one.proxy.weather.blackhole = True
        results = await asyncio.gather(
            *(driver.stat(Stat("k")) for _ in range(3)), return_exceptions=True
        )
        kinds = {type(result) for result in results}
        assert kinds == {UnavailableError, ThrottledError}


async def test_a_closed_client_says_so() -> None:
    async with bench() as one:
        driver = await one.open()
        await one.lone.aclose()
        with pytest.raises(ClosedError):
            await driver.stat(Stat("k"))


async def test_a_server_without_tls_is_told_as_such() -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(endpoint=f"https://127.0.0.1:{one.proxy.port}")


async def test_a_file_of_authorities_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="tls_ca_file"):
            await one.open(tls_ca_file=tmp_path / "none.pem")


async def test_what_does_not_speak_the_protocol_is_told_at_opening() -> None:
    async with pretending(lambda *_: (200, {}, b"<html>welcome</html>")) as one:
        with pytest.raises(ConfigurationError, match="protocol"):
            await open_objects(S3Config(endpoint=one.endpoint, bucket="abc", **OPTIONS), Lone())


async def _opened(endpoint: str, lone: Lone) -> Objects:
    config = S3Config(endpoint=endpoint, bucket="abc", **OPTIONS)
    return Objects(Pipeline(await open_objects(config, lone)))


@pytest.mark.parametrize(
    ("status", "code", "kind", "outcome"),
    [
        (503, "SlowDown", ThrottledError, Outcome.NOT_DONE),
        (503, "", UnavailableError, Outcome.UNKNOWN),
        (500, "InternalError", UnavailableError, Outcome.UNKNOWN),
        (403, "AccessDenied", PermissionDeniedError, Outcome.NOT_DONE),
        (403, "ExpiredToken", UnauthenticatedError, Outcome.NOT_DONE),
        (403, "RequestTimeTooSkewed", UnauthenticatedError, Outcome.NOT_DONE),
        (400, "AuthorizationHeaderMalformed", ConfigurationError, Outcome.NOT_DONE),
        (301, "PermanentRedirect", ConfigurationError, Outcome.NOT_DONE),
        (409, "ConditionalRequestConflict", UnavailableError, Outcome.NOT_DONE),
        (507, "", ResourceExhaustedError, Outcome.NOT_DONE),
        (418, "Teapot", InternalError, Outcome.UNKNOWN),
    ],
)
async def test_a_refusal_is_told_by_its_class_and_quotes_nothing(
    status: int, code: str, kind: type[OmniCloudError], outcome: Outcome
) -> None:
    answer = settled(lambda *_: (status, {"retry-after": "7"}, error(code) if code else b""))
    lone = Lone()
    async with pretending(answer) as one:
        objects = await _opened(one.endpoint, lone)
        with pytest.raises(kind) as caught:
            await objects.upload("k", b"x")
        await lone.aclose()
    assert type(caught.value) is kind
    assert caught.value.outcome is outcome
    assert "secret" not in str(caught.value)
    if isinstance(caught.value, ThrottledError):
        assert caught.value.retry_after == 7


async def test_no_request_is_sent_twice() -> None:
    lone = Lone()
    hung: list[str] = []

    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes] | None:
        if path.endswith("hangs"):
            hung.append(method)
            return None
        return _WRITTEN

    async with pretending(settled(answer)) as one:
        objects = await _opened(one.endpoint, lone)
        await objects.upload("warm", b"x")
        for call in (objects.upload("hangs", b"x"), objects.delete("hangs")):
            with pytest.raises(UnavailableError):
                await call
        await lone.aclose()
    assert hung == ["PUT", "DELETE"]


async def test_a_copy_that_fails_after_its_head_is_an_error() -> None:
    lone = Lone()

    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes] | None:
        if method == "HEAD":
            stamp = "Sat, 21 Nov 2026 08:00:00 GMT"
            return 200, {"etag": '"0"', "last-modified": stamp}, b""
        return 200, {}, error("InternalError")

    async with pretending(settled(answer)) as one:
        objects = await _opened(one.endpoint, lone)
        with pytest.raises(UnavailableError):
            await objects.copy("a", "b")
        await lone.aclose()


@pytest.mark.parametrize("but", [(), ("put",), ("copy",), ("delete",), ("complete",)])
async def test_conditions_are_declared_only_where_the_service_honours_them(
    but: tuple[str, ...],
) -> None:
    lone = Lone()
    honours = honouring(*but)

    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, EMPTY_LISTING) if method == "GET" else honours(method, path)

    async with pretending(answer) as one:
        objects = await _opened(one.endpoint, lone)
        assert (ObjectsFeature.CONDITIONAL in objects.pipeline.driver.features) is (not but)
        method, path = one.asked[-1]
        assert method == "DELETE"
        assert "if-match" not in one.heads[-1]
        assert path.startswith("/abc/~~probe-")
        config = S3Config(endpoint=one.endpoint, bucket="abc", conditional="yes", **OPTIONS)
        assert ObjectsFeature.CONDITIONAL in (await open_objects(config, lone)).features
        await lone.aclose()


async def test_the_question_for_conditions_leaves_nothing_behind() -> None:
    async with bench() as one:
        driver, client = await one.open(prefix="p/"), await one.client()
        assert ObjectsFeature.CONDITIONAL in driver.features
        answer = await client.ask("GET", query={"list-type": "2"})
        assert b"~~probe" not in answer.body
        await client.aclose()


async def test_a_claim_that_its_holder_left_behind_is_taken_over() -> None:
    async with bench() as one:
        driver = await one.open(answer_timeout=1.5)
        version = await driver.put(Put("k", b"1"))
        claims = driver._claims
        assert await claims._created(claims.name("k", version), b"t", "if-none-match", "*")
        started = time.monotonic()
        await driver.put(Put("k", b"2", if_version=version))
        assert time.monotonic() - started > 2.5
        with pytest.raises(ConflictError):
            await driver.put(Put("k", b"3", if_version=version))


async def test_a_writer_that_is_cancelled_gives_its_claim_up() -> None:
    async with bench() as one:
        driver = await one.open()
        version = await driver.put(Put("k", b"1"))
        for turns in range(1, 40, 3):
            write = asyncio.ensure_future(driver.put(Put("k", b"1", if_version=version)))
            for _ in range(turns):
                await asyncio.sleep(0)
            write.cancel()
            await asyncio.gather(write, return_exceptions=True)
            info = await driver.stat(Stat("k"))
            assert info is not None
            started = time.monotonic()
            version = await driver.put(Put("k", b"1", if_version=info.version))
            assert time.monotonic() - started < 6.0


async def test_of_writers_of_equal_content_over_one_version_one_wins() -> None:
    async with bench() as one:
        driver = await one.open(answer_timeout=20.0)
        version = await driver.put(Put("k", b"same"))
        writes = (driver.put(Put("k", b"same", if_version=version)) for _ in range(4))
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(isinstance(result, str) for result in results) == 1
        assert sum(isinstance(result, ConflictError) for result in results) == 3


async def test_what_the_provider_keeps_for_itself_is_not_listed() -> None:
    async with bench() as one:
        for options in ({}, {"keys": "plain", "prefix": "p/"}):
            driver = await one.open(completion="staged", **options)
            claims = driver._claims
            assert await claims._created(claims.name("k", "left"), b"t", "if-none-match", "*")
            upload_id = await driver.begin_upload(BeginUpload("k"))
            part = await driver.upload_part(UploadPart("k", upload_id, 1, 0, b"x", last=True))
            await driver.complete_upload(CompleteUpload("k", upload_id, (PartTag(1, part),)))
            assert [item.key for item in (await driver.list(List())).items] == ["k"]


async def test_plain_keys_are_what_other_programs_see() -> None:
    async with bench() as one:
        driver = await one.open(keys="plain", prefix="team/")
        client = await one.client()
        await driver.put(Put("2026/cat.jpg", b"cat"))
        assert (await client.ask("GET", "team/2026/cat.jpg")).body == b"cat"
        await client.ask("PUT", "team/2026/dog.jpg", body=b"dog")
        await client.ask("PUT", "other/2026/dog.jpg", body=b"dog")
        await client.aclose()
        page = await driver.list(List("2026/"))
        assert [item.key for item in page.items] == ["2026/cat.jpg", "2026/dog.jpg"]
        page = await driver.list(List("", "/"))
        assert [(item.key, item.is_prefix) for item in page.items] == [("2026/", True)]
        info = await driver.stat(Stat("2026/dog.jpg"))
        assert info is not None
        assert (info.size_bytes, dict(info.metadata)) == (3, {})
        await driver.put(Put("2026/dog.jpg", b"new", if_version=info.version))


@pytest.mark.parametrize("key", ["../x", "a/./b", "..", "x\0", "~~claims/x", "k" * 1025])
async def test_plain_keys_that_the_service_does_not_take_are_refused(key: str) -> None:
    async with bench() as one:
        driver = await one.open(keys="plain")
        with pytest.raises(InvalidArgumentError):
            await driver.put(Put(key, b"x"))


async def test_a_cursor_of_something_else_is_refused() -> None:
    async with bench() as one:
        driver = await one.open()
        with pytest.raises(InvalidArgumentError, match="cursor"):
            await driver.list(List(cursor="made up"))


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


async def test_a_service_may_complete_uploads_under_conditions_itself(server: KeptServer) -> None:
    await server.start()
    endpoint, lone = f"http://127.0.0.1:{server.port}", Lone()
    config = S3Config(endpoint=endpoint, bucket="direct", **KEYS)
    await made_bucket(config)
    driver = await open_objects(config, lone)
    version: str | None = None
    for refused in (AlreadyExistsError, ConflictError):
        completions = [await _ready_to_complete(driver, version, bytes([n])) for n in range(2)]
        made = await driver.complete_upload(completions[0])
        with pytest.raises(refused):
            await driver.complete_upload(completions[1])
        info = await driver.stat(Stat("k"))
        assert info is not None
        assert info.version == made
        version = made
    await lone.aclose()


async def _ready_to_complete(driver: object, version: str | None, data: bytes) -> CompleteUpload:
    assert hasattr(driver, "begin_upload")
    assert hasattr(driver, "upload_part")
    upload_id = await driver.begin_upload(BeginUpload("k"))
    tag = await driver.upload_part(UploadPart("k", upload_id, 1, 0, data, last=True))
    return CompleteUpload("k", upload_id, (PartTag(1, tag),), None, version, version is None)


async def test_a_refused_completion_may_be_tried_again_without_its_condition() -> None:
    async with bench() as one:
        driver = await one.open(completion="staged")
        await driver.put(Put("k", b"there"))
        complete = await _ready_to_complete(driver, None, b"parts")
        with pytest.raises(AlreadyExistsError):
            await driver.complete_upload(complete)
        await driver.delete(Delete("k"))
        await driver.complete_upload(complete)
        chunk = await driver.get_range(GetRange("k"))
        assert chunk is not None
        assert chunk.data == b"parts"


async def test_credentials_come_from_the_usual_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OPTIONS["access_key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OPTIONS["secret_key"])
    async with bench() as one:
        driver = await one.open(access_key=None, secret_key=None)
        await driver.put(Put("k", b"x"))
        assert await driver.copy(Copy("k", "l")) is not None


async def test_no_credentials_at_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="credentials"):
            await one.open(access_key=None, secret_key=None)
        with pytest.raises(ConfigurationError, match="credentials"):
            await one.open(access_key=None, secret_key=None, profile="none such")


async def test_a_long_claim_is_left_to_its_holder_for_as_long() -> None:
    async with bench() as one:
        driver = await one.open(answer_timeout=1.0)
        version = await driver.put(Put("k", b"1"))
        claims = driver._claims
        claim = claims.name("k", version)
        assert await claims._created(claim, b"t", "if-none-match", "*", seconds=60)
        with pytest.raises(UnavailableError, match="does not end"):
            await driver.put(Put("k", b"2", if_version=version))


async def test_plain_keys_with_spaces_and_pluses_are_listed_as_they_are() -> None:
    keys = sorted(["a b", "a+b", "a%2Bb", "d +e/f +g", "d+e/f g", "d e/f+g", "ü +ö"])
    async with bench() as one:
        driver = await one.open(keys="plain")
        for key in keys:
            await driver.put(Put(key, b"x"))
        for limit in (2, 100):
            found: list[str] = []
            cursor: str | None = None
            while not found or cursor is not None:
                page = await driver.list(List("", None, cursor, limit))
                found += [item.key for item in page.items]
                cursor = page.cursor
            assert found == keys
        page = await driver.list(List("d", "/"))
        assert [item.key for item in page.items] == ["d +e/", "d e/", "d+e/"]


async def test_a_copy_keeps_what_other_programs_keep_beside_an_object() -> None:
    kept = {
        "cache-control": "max-age=5",
        "content-disposition": "attachment",
        "content-encoding": "identity",
        "content-language": "de",
        "expires": "Wed, 21 Oct 2037 07:28:00 GMT",
        "x-amz-storage-class": "STANDARD_IA",
    }
    async with bench() as one:
        driver, client = await one.open(keys="plain"), await one.client()
        await client.ask("PUT", "source", headers=kept, body=b"x")
        await driver.copy(Copy("source", "target"))
        found = (await client.ask("HEAD", "target")).headers
        await client.aclose()
        assert {name: found.get(name) for name in kept} == kept
