"""What only a server can do to its clients: refuse, hang, cut, babble; and what it is asked."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from hashlib import md5, sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from gcs_bench import bench, error, opened, said, settled
from gcs_keys import EMAIL, key_file

from omnicloud.contracts.objects import Method, ObjectsFeature
from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    GetRange,
    List,
    Presign,
    Put,
    Stat,
)
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload
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
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.served import Lone

_SHA256 = f"sha256:{'0' * 64}"


def _object(generation: str = "7", size: int = 1, **more: object) -> Said:
    return said(
        {
            "name": "k",
            "size": str(size),
            "generation": generation,
            "updated": "2026-11-21T08:00:00.5Z",
            **more,
        }
    )


async def test_a_bucket_that_is_not_there_is_told_at_opening() -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="bucket"):
            await one.open(bucket="there-is-none")


async def test_a_bucket_that_went_is_no_missing_object() -> None:
    gone = error(404, "notFound", "The specified bucket does not exist.")
    lone = Lone()
    async with pretending(settled(lambda _: gone)) as one:
        driver = await opened(one.endpoint, lone)
        calls = (
            driver.get_range(GetRange("k")),
            driver.stat(Stat("k")),
            driver.delete(Delete("k")),
            driver.delete(Delete("k", "7")),
            driver.copy(Copy("k", "l")),
            driver.put(Put("k", b"")),
        )
        for call in calls:
            with pytest.raises(ConfigurationError):
                await call
        await lone.aclose()


async def test_what_does_not_speak_the_protocol_is_told_at_opening() -> None:
    for babble in (b"<html>welcome</html>", b"[]", b"{}", b"\xff"):
        async with pretending(lambda _, babble=babble: Said(200, {}, babble)) as one:
            with pytest.raises(ConfigurationError, match="protocol"):
                await opened(one.endpoint, Lone())


async def test_a_server_without_tls_is_told_as_such() -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(endpoint=f"https://127.0.0.1:{one.proxy.port}")


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
    async with bench() as one:
        driver = await one.open()
        await one.proxy.aclose()
        with pytest.raises(UnavailableError) as caught:
            await driver.put(Put("k", b"x"))
        assert caught.value.outcome is Outcome.NOT_DONE


async def test_content_that_is_cut_is_an_error_and_not_content() -> None:
    async with bench() as one:
        driver = await one.open()
        version = await driver.put(Put("k", b"x" * 100_000))
        assert await driver.get_range(GetRange("k", 0, 1)) is not None
        one.proxy.weather.cut_after = 50_000
        with pytest.raises(UnavailableError):
            await driver.get_range(GetRange("k", 0, None, version))
        one.proxy.clear()
        chunk = await driver.get_range(GetRange("k", 0, None, version))
        assert chunk is not None
        assert len(chunk.data) == 100_000


async def test_calls_beyond_the_connections_are_throttled() -> None:
    async with bench() as one:
        driver = await one.open(max_connections=1, answer_timeout=0.5)
        await asyncio.gather(*(driver.put(Put(f"k{n}", b"x")) for n in range(8)))
        one.proxy.weather.blackhole = True
        results = await asyncio.gather(
            *(driver.stat(Stat("k")) for _ in range(3)), return_exceptions=True
        )
        assert {type(result) for result in results} == {UnavailableError, ThrottledError}


async def test_a_closed_client_says_so() -> None:
    async with bench() as one:
        driver = await one.open()
        await one.lone.aclose()
        with pytest.raises(ClosedError):
            await driver.stat(Stat("k"))


@pytest.mark.parametrize(
    ("status", "reason", "kind", "outcome"),
    [
        (429, "rateLimitExceeded", ThrottledError, Outcome.NOT_DONE),
        (403, "userRateLimitExceeded", ThrottledError, Outcome.NOT_DONE),
        (403, "quotaExceeded", ResourceExhaustedError, Outcome.NOT_DONE),
        (403, "forbidden", PermissionDeniedError, Outcome.NOT_DONE),
        (403, "retentionPolicyNotMet", PermissionDeniedError, Outcome.NOT_DONE),
        (401, "authError", UnauthenticatedError, Outcome.NOT_DONE),
        (401, "required", UnauthenticatedError, Outcome.NOT_DONE),
        (500, "backendError", UnavailableError, Outcome.UNKNOWN),
        (503, "", UnavailableError, Outcome.UNKNOWN),
        (409, "conflict", UnavailableError, Outcome.NOT_DONE),
        (413, "uploadTooLarge", InvalidArgumentError, Outcome.NOT_DONE),
        (418, "teapot", InternalError, Outcome.UNKNOWN),
    ],
)
async def test_a_refusal_is_told_by_its_class_and_quotes_nothing(
    status: int, reason: str, kind: type[OmniCloudError], outcome: Outcome
) -> None:
    lone = Lone()
    async with pretending(settled(lambda _: error(status, reason))) as one:
        driver = await opened(one.endpoint, lone)
        calls = (driver.put(Put("k", b"x")), driver.stat(Stat("k")), driver.delete(Delete("k")))
        for call in (*calls, driver.list(List()), driver.begin_upload(BeginUpload("k"))):
            with pytest.raises(kind) as caught:
                await call
            assert type(caught.value) is kind
            assert caught.value.outcome is outcome
            assert "secret" not in str(caught.value)
            if isinstance(caught.value, ThrottledError):
                assert caught.value.retry_after == 7
        await lone.aclose()


async def test_the_service_is_told_what_the_data_is_and_its_refusal_is_corruption() -> None:
    changed = error(400, "invalid", "Provided MD5 hash does not match calculated MD5 hash.")
    lone = Lone()
    async with pretending(settled(lambda _: changed)) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(CorruptedError):
            await driver.put(Put("k", b"x", checksum=_SHA256))
        resource = json.loads(one.asked[-1].body.split(b"\r\n")[3])
        assert resource["md5Hash"] == base64.b64encode(md5(b"x").digest()).decode()
        await lone.aclose()


@pytest.mark.parametrize(
    ("op", "path"),
    [
        (Put("k", b"", if_version="77"), "uploadType=multipart&ifGenerationMatch=77"),
        (Put("k", b"", if_absent=True), "uploadType=multipart&ifGenerationMatch=0"),
        (Put("k", b"", if_version="no such"), "uploadType=multipart&ifGenerationMatch=1"),
        (Delete("k", "77"), "o/k?ifGenerationMatch=77"),
        (Copy("s", "k", "77"), "o/k?ifGenerationMatch=77&ifSourceGenerationMatch=7"),
        (Copy("s", "k", if_absent=True), "o/k?ifGenerationMatch=0&ifSourceGenerationMatch=7"),
    ],
)
async def test_every_way_of_writing_names_its_condition(op: Put | Delete | Copy, path: str) -> None:
    def answer(asked: Asked) -> Said:
        return _object() if asked.method == "GET" else error(412, "conditionNotMet")

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(ConflictError) as caught:
            await op.run(driver)
        assert isinstance(caught.value, AlreadyExistsError) is getattr(op, "if_absent", False)
        asked = [one.path for one in one.asked if one.method != "GET"]
        assert asked[0].endswith(path)
        await lone.aclose()


async def test_no_write_is_sent_twice() -> None:
    lone = Lone()
    async with pretending(
        settled(lambda asked: None if asked.method != "GET" else _object())
    ) as one:
        driver = await opened(one.endpoint, lone)
        for call in (driver.put(Put("k", b"x")), driver.delete(Delete("k"))):
            with pytest.raises(UnavailableError) as caught:
                await call
            assert caught.value.outcome is Outcome.UNKNOWN
        await lone.aclose()
        assert [asked.method for asked in one.asked if asked.method != "GET"] == ["POST", "DELETE"]


async def test_a_read_that_names_its_version_asks_for_the_content_alone() -> None:
    def answer(asked: Asked) -> Said:
        if "alt=media" in asked.path:
            return Said(206, {"x-goog-generation": "7"}, b"x")
        return _object(size=10)

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        for start, version in ((0, None), (1, "7"), (2, "7")):
            assert await driver.get_range(GetRange("k", start, start + 1, version)) is not None
        assert len(one.asked) == 1 + 4
        assert all("ifGenerationMatch=7" in a.path for a in one.asked if "alt=media" in a.path)
        assert await driver.get_range(GetRange("k", 10, 11, "7")) is not None
        assert len(one.asked) == 1 + 5  # no content is asked for, so whether it is there
        await lone.aclose()


async def test_a_range_beyond_the_end_of_a_version_that_went_is_told_as_such() -> None:
    gone = False

    def answer(asked: Asked) -> Said:
        if gone:
            return error(404, "notFound", "No such object")
        return (
            Said(206, {"x-goog-generation": "7"}, b"x") if "alt=media" in asked.path else _object()
        )

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        assert await driver.get_range(GetRange("k", 0, 1, "7")) is not None
        gone = True
        for start, end in ((5, 9), (0, 0), (0, 1)):
            assert await driver.get_range(GetRange("k", start, end, "7")) is None
        await lone.aclose()


async def test_a_version_that_went_is_told_where_the_emulator_hangs_up_at_its_range() -> None:
    async with bench() as one:
        driver = await one.open(lacks=frozenset({"conditional"}))
        before = await driver.put(Put("k", b"12345"))
        assert await driver.get_range(GetRange("k", 0, None, before)) is not None
        await driver.put(Put("k", b""))
        for _ in range(5):
            with pytest.raises(ConflictError):
                await driver.get_range(GetRange("k", 1, 2, before))


async def test_an_object_that_changes_under_every_read_ends_the_call() -> None:
    def answer(asked: Asked) -> Said:
        if "alt=media" in asked.path:
            return Said(200, {"x-goog-generation": "8"}, b"x")
        return _object()

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(UnavailableError, match="changed"):
            await driver.get_range(GetRange("k"))
        await lone.aclose()


async def test_a_large_copy_goes_on_until_it_is_done() -> None:
    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return _object()
        if "rewriteToken=t2" in asked.path:
            return said({"done": True, "resource": {"generation": "9"}})
        token = "t2" if "rewriteToken=t1" in asked.path else "t1"
        return said({"done": False, "rewriteToken": token})

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        assert await driver.copy(Copy("k", "l")) == "9"
        await lone.aclose()


async def test_a_copy_keeps_what_other_programs_keep_with_an_object() -> None:
    kept = {
        "cacheControl": "no-store",
        "contentDisposition": "attachment",
        "contentEncoding": "gzip",
        "contentLanguage": "de",
    }

    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return _object(storageClass="NEARLINE", md5Hash="x", **kept)
        return said({"done": True, "resource": {"generation": "9"}})

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        await driver.copy(Copy("k", "l"))
        told = json.loads(one.asked[-1].body)
        assert told == {"contentType": "application/octet-stream", "metadata": {}, **kept}
        await lone.aclose()


@pytest.mark.parametrize(
    "kept", [{"retentionExpirationTime": "2030-01-01T00:00:00Z"}, {"eventBasedHold": True}]
)
async def test_an_upload_in_parts_is_refused_at_its_beginning_where_objects_are_retained(
    kept: dict[str, object],
) -> None:
    lone = Lone()
    async with pretending(settled(lambda _: _object(**kept))) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(PermissionDeniedError, match="retains") as caught:
            await driver.begin_upload(BeginUpload("k"))
        assert caught.value.outcome is Outcome.NOT_DONE
        await lone.aclose()


async def test_an_account_gets_one_token_for_many_calls_and_signs_urls() -> None:
    def answer(asked: Asked) -> Said:
        if asked.path == "/token":
            return said({"access_token": "the-token", "expires_in": 3600})
        return _object()

    lone = Lone()
    async with pretending(settled(answer)) as one:
        key = key_file(f"{one.endpoint}/token")
        driver = await opened(one.endpoint, lone, anonymous=False, service_account_key=key)
        assert ObjectsFeature.PRESIGN in driver.features
        await asyncio.gather(*(driver.stat(Stat("k")) for _ in range(5)))
        granted = [asked for asked in one.asked if asked.path == "/token"]
        assert len(granted) == 1
        assert parse_qs(granted[0].body.decode())["grant_type"][0].endswith(":jwt-bearer")
        others = [asked for asked in one.asked if asked.path != "/token"]
        assert {asked.headers["authorization"] for asked in others} == {"Bearer the-token"}
        url = await driver.presign(Presign(Method.GET, "a b", 60))
        assert urlsplit(url).path == "/abc/a%2120b"
        assert EMAIL.replace("@", "%40") in url
        await lone.aclose()


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (said({"error": "invalid_grant"}, 400), UnauthenticatedError),
        (Said(200, {}, b"<html>"), UnauthenticatedError),
        (Said(503), UnavailableError),
    ],
)
async def test_an_account_that_gets_no_token_is_told(
    refusal: Said, kind: type[OmniCloudError]
) -> None:
    async with pretending(settled(lambda _: refusal)) as one:
        key = key_file(f"{one.endpoint}/token")
        with pytest.raises(kind) as caught:
            await opened(one.endpoint, Lone(), anonymous=False, service_account_key=key)
        assert caught.value.outcome is Outcome.NOT_DONE


async def test_without_an_account_no_urls_are_promised() -> None:
    async with bench() as one:
        driver = await one.open()
        assert driver.features == {ObjectsFeature.CONDITIONAL, ObjectsFeature.DURABLE}
        driver = await one.open(lacks=["conditional", "durable"])
        assert driver.features == frozenset()


async def test_no_credentials_at_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent")
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="credentials"):
            await one.open(anonymous=False)


async def test_compositions_that_fail_are_one_error() -> None:
    composed: list[str] = []

    def answer(asked: Asked) -> Said:
        url = urlsplit(asked.path)
        if url.path.endswith("/compose"):
            composed.append(url.path)
            return error(503, "backendError")
        folder = parse_qs(url.query).get("prefix", [""])[0]
        if asked.method == "POST" or not folder:
            return _object(contentType="a/b")
        part = {"size": "1", "generation": "7"}
        items = [{"name": f"{folder}{n:05}", **part} for n in range(1, 41)]
        return said({"kind": "storage#objects", "items": items})

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        upload_id = f"id-{sha256(b'k').hexdigest()[:32]}"
        tags = tuple(PartTag(number, "7") for number in range(1, 41))
        with pytest.raises(UnavailableError) as caught:
            await driver.complete_upload(CompleteUpload("k", upload_id, tags))
        assert caught.value.outcome is Outcome.UNKNOWN
        assert composed
        await lone.aclose()
