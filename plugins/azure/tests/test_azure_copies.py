"""Uploads whose copy to their key takes the service its time, over one that only pretends."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from azure_bench import blob, error, opened, settled

from omnicloud.contracts.objects.driver import Copy
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.errors import NotFoundError, Outcome, UnavailableError
from omnicloud_azure.objects import AzureObjects
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.served import Lone


class _Slow:
    """A service that copies later.

    Attributes:
        status: What it says of a copy that it makes from now on.
        size: Of each part, as it says.
        until_whole: Looks at a copy after which it is whole.
    """

    def __init__(self, status: str = "pending", size: int = 1) -> None:
        self.status = status
        self.size = size
        self.until_whole: int | None = None
        self.blobs: dict[str, tuple[dict[str, str], bytes]] = {}
        self.parts: dict[str, list[str]] = {}
        self.written = 0

    def answer(self, asked: Asked) -> Said:
        url = urlsplit(asked.path)
        name, query = url.path.rpartition("/abc/")[2], parse_qs(url.query)
        if asked.method == "PUT":
            return self._put(name, asked, query)
        if query.get("comp") == ["blocklist"]:
            return self._parts_of(name)
        if name not in self.blobs:
            return error(404, "BlobNotFound")
        headers, body = self.blobs[name]
        if asked.method == "DELETE":
            del self.blobs[name]
            return Said(202)
        if self.until_whole is not None and "x-ms-copy-id" in headers:
            self.until_whole -= 1
            headers["x-ms-copy-status"] = "pending" if self.until_whole > 0 else "success"
        return Said(200, dict(headers), body)

    def _put(self, name: str, asked: Asked, query: dict[str, list[str]]) -> Said:
        if query.get("comp") == ["block"]:
            self.parts.setdefault(name, []).append(query["blockid"][0])
            return Said(201)
        self.written += 1
        kept = {text: value for text, value in asked.headers.items() if "x-ms-meta-" in text}
        told = dict(blob().headers) | {"etag": f'"0x{self.written}"'}
        if "x-ms-copy-source" in asked.headers:
            told |= {"x-ms-copy-id": f"c{self.written}"}
            source = self.blobs[asked.headers["x-ms-copy-source"].rpartition("/abc/")[2]][0]
            kept = kept or {text: source[text] for text in source if "x-ms-meta-" in text}
            self.blobs[name] = {**told, **kept, "x-ms-copy-status": self.status}, b""
            return Said(202, {**told, "x-ms-copy-status": "pending"})
        self.blobs[name] = {**told, **kept}, asked.body
        return Said(201, told)

    def _parts_of(self, name: str) -> Said:
        rows = "".join(
            f"<Block><Name>{one}</Name><Size>{self.size}</Size></Block>"
            for one in self.parts.get(name, [])
        )
        return Said(200, {}, f"<BlockList>{rows}</BlockList>".encode())


async def _begun(driver: AzureObjects) -> CompleteUpload:
    """A completion of an upload of one part."""
    upload_id = await driver.begin_upload(BeginUpload("k"))
    tag = await driver.upload_part(UploadPart("k", upload_id, 1, 0, b"x"))
    return CompleteUpload("k", upload_id, (PartTag(1, tag),))


async def test_an_upload_is_left_alone_while_it_is_copied_and_forgotten_once_it_is() -> None:
    slow, lone = _Slow(), Lone()
    async with pretending(settled(slow.answer)) as one:
        driver = await opened(one.endpoint, lone, answer_timeout=0.2)
        complete = await _begun(driver)
        with pytest.raises(UnavailableError) as caught:
            await driver.complete_upload(complete)
        assert caught.value.outcome is Outcome.UNKNOWN
        before = dict(slow.blobs)
        for call in (
            driver.abort_upload(AbortUpload("k", complete.upload_id)),
            driver.complete_upload(complete),
            driver.list_parts(ListParts("k", complete.upload_id)),
        ):
            with pytest.raises(UnavailableError) as caught:
                await call
            assert caught.value.outcome is Outcome.NOT_DONE
        assert slow.blobs == before
        slow.blobs["k"][0]["x-ms-copy-status"] = "success"
        with pytest.raises(NotFoundError):
            await driver.complete_upload(complete)
        assert set(slow.blobs) == {"k"}
        await driver.abort_upload(AbortUpload("k", complete.upload_id))
        await lone.aclose()


@pytest.mark.parametrize("status", ["failed", "aborted"])
async def test_an_upload_whose_copy_failed_is_still_there(status: str) -> None:
    slow, lone = _Slow(status), Lone()
    async with pretending(settled(slow.answer)) as one:
        driver = await opened(one.endpoint, lone, answer_timeout=0.2)
        complete = await _begun(driver)
        with pytest.raises(UnavailableError, match="failed"):
            await driver.complete_upload(complete)
        parts = await driver.list_parts(ListParts("k", complete.upload_id))
        assert [part.tag for part in parts] == [complete.parts[0].tag]
        slow.status = "success"
        assert await driver.complete_upload(complete) == slow.blobs["k"][0]["etag"].strip('"')
        assert set(slow.blobs) == {"k"}
        await lone.aclose()


async def test_a_large_copy_is_waited_for_longer() -> None:
    slow, lone = _Slow(size=50 << 20), Lone()
    slow.until_whole = 7  # after 1.3 s of pauses
    async with pretending(settled(slow.answer)) as one:
        driver = await opened(one.endpoint, lone, answer_timeout=0.2)
        await driver.complete_upload(await _begun(driver))
        await lone.aclose()


async def test_a_copy_of_which_the_service_tells_nothing_is_no_copy() -> None:
    def answer(asked: Asked) -> Said:
        if asked.method == "PUT":
            return blob(202, x_ms_copy_id="c", x_ms_copy_status="pending")
        return blob() if asked.path.endswith("/s") else error(503, "")

    lone = Lone()
    async with pretending(settled(answer)) as one:
        driver = await opened(one.endpoint, lone, answer_timeout=0.2)
        with pytest.raises(UnavailableError) as caught:
            await driver.copy(Copy("s", "k"))
        assert caught.value.outcome is Outcome.UNKNOWN
        await lone.aclose()
