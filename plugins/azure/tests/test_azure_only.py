"""What only a service can do to its clients, played by one that pretends; and what it is asked."""

from __future__ import annotations

import asyncio
import base64
import time
from hashlib import md5
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from azure_bench import blob, error, opened, settled

from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Put, Stat
from omnicloud.contracts.objects.uploads import BeginUpload
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.errors import (
    AlreadyExistsError,
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
from omnicloud_azure.credentials import TokenCredentials
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.served import Lone


async def test_a_container_that_is_not_there_is_told_at_opening() -> None:
    async with pretending(lambda _: error(404, "ContainerNotFound")) as one:
        with pytest.raises(ConfigurationError, match="container"):
            await opened(one.endpoint, Lone())


async def test_a_container_that_went_is_no_missing_object() -> None:
    lone = Lone()
    async with pretending(settled(lambda _: error(404, "ContainerNotFound"))) as one:
        driver = await opened(one.endpoint, lone)
        calls = (
            driver.get_range(GetRange("k")),
            driver.stat(Stat("k")),
            driver.delete(Delete("k")),
            driver.delete(Delete("k", "0x7")),
            driver.copy(Copy("k", "l")),
            driver.put(Put("k", b"")),
        )
        for call in calls:
            with pytest.raises(ConfigurationError):
                await call
        await lone.aclose()


async def test_what_does_not_speak_the_protocol_is_told_at_opening() -> None:
    async with pretending(lambda _: Said(200, {}, b"<html>welcome</html>")) as one:
        with pytest.raises(ConfigurationError, match="protocol"):
            await opened(one.endpoint, Lone())


async def test_a_listing_that_is_not_whole_is_no_listing() -> None:
    for babble in (b"<EnumerationResults><Blobs><Blob/></Blobs></EnumerationResults>", b"<Enum"):
        lone = Lone()
        async with pretending(settled(lambda _, told=babble: Said(200, {}, told))) as one:
            driver = await opened(one.endpoint, lone)
            with pytest.raises(UnavailableError):
                await driver.list(List())
            await lone.aclose()


@pytest.mark.parametrize(
    ("status", "code", "kind", "outcome"),
    [
        (503, "ServerBusy", ThrottledError, Outcome.NOT_DONE),
        (503, "", UnavailableError, Outcome.UNKNOWN),
        (500, "InternalError", UnavailableError, Outcome.UNKNOWN),
        (500, "OperationTimedOut", UnavailableError, Outcome.UNKNOWN),
        (403, "AuthenticationFailed", UnauthenticatedError, Outcome.NOT_DONE),
        (403, "AuthorizationPermissionMismatch", PermissionDeniedError, Outcome.NOT_DONE),
        (403, "", PermissionDeniedError, Outcome.NOT_DONE),
        (401, "InvalidAuthenticationInfo", UnauthenticatedError, Outcome.NOT_DONE),
        (412, "LeaseIdMissing", PermissionDeniedError, Outcome.NOT_DONE),
        (409, "SnapshotsPresent", PermissionDeniedError, Outcome.NOT_DONE),
        (409, "PendingCopyOperation", UnavailableError, Outcome.NOT_DONE),
        (409, "AccountLimitExceeded", ResourceExhaustedError, Outcome.NOT_DONE),
        (418, "Teapot", InternalError, Outcome.UNKNOWN),
    ],
)
async def test_a_refusal_is_told_by_its_class_and_quotes_nothing(
    status: int, code: str, kind: type[OmniCloudError], outcome: Outcome
) -> None:
    lone = Lone()
    async with pretending(settled(lambda _: error(status, code))) as one:
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
    lone = Lone()
    async with pretending(settled(lambda _: error(400, "Md5Mismatch"))) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(CorruptedError):
            await driver.put(Put("k", b"x", checksum=f"sha256:{'0' * 64}"))
        told = base64.b64encode(md5(b"x").digest()).decode()
        assert one.asked[-1].headers["content-md5"] == told
        await lone.aclose()


@pytest.mark.parametrize(
    ("op", "name", "value"),
    [
        (Put("k", b"", if_version="0x77"), "if-match", '"0x77"'),
        (Put("k", b"", if_absent=True), "if-none-match", "*"),
        (Put("k", b"", if_version="no such"), "if-match", '"0x0"'),
        (Put("k", b"", if_version="a\r\nb"), "if-match", '"0x0"'),
        (Delete("k", "0x77"), "if-match", '"0x77"'),
        (Copy("s", "k", "0x77"), "if-match", '"0x77"'),
        (Copy("s", "k", if_absent=True), "if-none-match", "*"),
    ],
)
async def test_every_way_of_writing_names_its_condition(
    op: Put | Delete | Copy, name: str, value: str
) -> None:
    def answer(asked: Asked) -> Said:
        return blob() if asked.method == "HEAD" else error(412, "ConditionNotMet")

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(ConflictError) as caught:
            await op.run(driver)
        assert isinstance(caught.value, AlreadyExistsError) is getattr(op, "if_absent", False)
        (asked,) = [one for one in one.asked if one.method in ("PUT", "DELETE")]
        assert asked.headers[name] == value
        if isinstance(op, Copy):
            assert asked.headers["x-ms-source-if-match"] == '"0x7"'
        await lone.aclose()


async def test_no_write_is_sent_twice() -> None:
    def answer(asked: Asked) -> Said | None:
        return blob() if asked.method == "HEAD" else None

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        for call in (driver.put(Put("k", b"x")), driver.delete(Delete("k"))):
            with pytest.raises(UnavailableError) as caught:
                await call
            assert caught.value.outcome is Outcome.UNKNOWN
        await lone.aclose()
        assert [asked.method for asked in one.asked if asked.method != "GET"] == ["PUT", "DELETE"]


@pytest.mark.parametrize("last", ["success", "failed", "pending"])
async def test_a_copy_that_takes_its_time_is_waited_for(last: str) -> None:
    looks: list[str] = []

    def answer(asked: Asked) -> Said:
        if asked.method == "PUT":
            return blob(202, x_ms_copy_id="c", x_ms_copy_status="pending", etag='"0x1"')
        if asked.path.endswith("/s"):
            return blob()
        looks.append(asked.method)
        status = last if len(looks) > 2 else "pending"
        return blob(200, x_ms_copy_id="c", x_ms_copy_status=status, etag='"0x2"')

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone, answer_timeout=0.4)
        started = time.monotonic()
        if last == "success":
            assert await driver.copy(Copy("s", "k")) == "0x2"
        else:
            with pytest.raises(UnavailableError) as caught:
                await driver.copy(Copy("s", "k"))
            assert caught.value.outcome is Outcome.UNKNOWN
        assert time.monotonic() - started < 6.0
        await lone.aclose()


async def test_a_copy_that_was_written_over_while_it_was_waited_for_was_done() -> None:
    def answer(asked: Asked) -> Said:
        if asked.method == "PUT":
            return blob(202, x_ms_copy_id="c", x_ms_copy_status="pending", etag='"0x1"')
        return blob(200, etag='"0x3"')

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        assert await driver.copy(Copy("s", "k")) == "0x1"
        await lone.aclose()


async def test_folders_of_the_service_are_no_objects_and_odd_names_are_understood() -> None:
    odd = "odd\uffff"
    facts = (
        "<Properties><Etag>0x7</Etag><Content-Length>1</Content-Length>"
        "<Last-Modified>Sat, 21 Nov 2026 08:00:00 GMT</Last-Modified>{more}</Properties>"
    )
    names = (
        "<Blob><Name>folder</Name>"
        + facts.format(more="<ResourceType>directory</ResourceType>")
        + "</Blob><Blob><Name>marked</Name>"
        + facts.format(more="")
        + "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>"
        + f'<Blob><Name Encoded="true">{quote(odd)}</Name>'
        + facts.format(more="")
        + "</Blob>"
    )
    body = f"<EnumerationResults><Blobs>{names}</Blobs><NextMarker/></EnumerationResults>"
    lone = Lone()
    async with pretending(settled(lambda _: Said(200, {}, b"\xef\xbb\xbf" + body.encode()))) as one:
        driver = await opened(one.endpoint, lone, keys="plain")
        assert [line.key for line in (await driver.list(List())).items] == [odd]
        await lone.aclose()


@pytest.mark.parametrize(
    "header", [("x-ms-resource-type", "directory"), ("x-ms-meta-hdi_isfolder", "true")]
)
async def test_a_folder_of_the_service_is_no_object(header: tuple[str, str]) -> None:
    def answer(asked: Asked) -> Said:
        if asked.method == "DELETE":
            return error(409, "DirectoryIsNotEmpty")
        if "range" in asked.headers:
            return error(416, "InvalidRange")
        return Said(200, {**blob().headers, header[0]: header[1]})

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone, keys="plain")
        assert await driver.stat(Stat("folder")) is None
        assert await driver.get_range(GetRange("folder")) is None
        assert await driver.get_range(GetRange("folder", 0, 5)) is None
        assert await driver.copy(Copy("folder", "k")) is None
        await driver.delete(Delete("folder"))
        with pytest.raises(ConflictError):
            await driver.delete(Delete("folder", "0x7"))
        await lone.aclose()


@pytest.mark.parametrize("code", ["DirectoryIsNotEmpty", "PathConflict", "ResourceTypeMismatch"])
async def test_a_folder_that_is_in_the_way_is_not_tried_again(code: str) -> None:
    lone = Lone()
    async with pretending(settled(lambda _: error(409, code))) as one:
        driver = await opened(one.endpoint, lone, keys="plain")
        with pytest.raises(InvalidArgumentError, match="folder"):
            await driver.put(Put("folder", b"x"))
        await lone.aclose()


async def test_metadata_makes_no_folder_of_an_object() -> None:
    lone = Lone()
    async with pretending(settled(lambda _: blob(201))) as one:
        driver = await opened(one.endpoint, lone)
        await driver.put(Put("k", b"x", metadata=(("hdi_isfolder", "true"),)))
        assert not any("hdi_isfolder" in name for name in one.asked[-1].headers)
        await lone.aclose()


async def test_an_upload_in_parts_is_refused_at_its_beginning_where_nothing_is_written_anew() -> (
    None
):
    def answer(asked: Asked) -> Said:
        is_anew = "if-match" in asked.headers
        return error(409, "BlobImmutableDueToPolicy") if is_anew else blob(201)

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone)
        with pytest.raises(PermissionDeniedError, match="written anew") as caught:
            await driver.begin_upload(BeginUpload("k"))
        assert caught.value.outcome is Outcome.NOT_DONE
        await lone.aclose()


class _Found:
    """What azure-identity hands out, with a count."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.count = 0

    def get_token(self, scope: str) -> SimpleNamespace:
        assert scope == "https://storage.azure.com/.default"
        self.count += 1
        if self.error is not None:
            raise self.error
        return SimpleNamespace(token="the-token", expires_on=time.time() + 3600)


async def test_one_token_lets_many_requests_in() -> None:
    found = _Found()
    credentials = TokenCredentials(found, SYSTEM_CLOCK)
    told = await asyncio.gather(*(credentials.headers("GET", "u", {}, {}, 0) for _ in range(5)))
    assert list(told) == [{"authorization": "Bearer the-token"}] * 5
    assert found.count == 1


async def test_a_token_that_cannot_be_had_is_told() -> None:
    credentials = TokenCredentials(_Found(ValueError("hidden")), SYSTEM_CLOCK)
    with pytest.raises(UnavailableError) as caught:
        await credentials.headers("GET", "u", {}, {}, 0)
    assert caught.value.outcome is Outcome.NOT_DONE
    assert "hidden" not in str(caught.value)


async def test_what_is_no_shared_access_signature_is_told_and_not_quoted() -> None:
    async with pretending(lambda _: None) as one:
        with pytest.raises(ConfigurationError, match="sas_token") as caught:
            await opened(one.endpoint, Lone(), account_key=None, sas_token="hidden")
        assert "hidden" not in str(caught.value)
