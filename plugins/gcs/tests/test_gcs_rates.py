"""Uploads where each name may be written once a second, over a service that only pretends."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from gcs_bench import error, opened, said, settled

from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload, ListParts, UploadPart
from omnicloud.errors import AlreadyExistsError, NotFoundError, Outcome, ThrottledError
from omnicloud_gcs.objects import GcsObjects
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.served import Lone

_APART_SECONDS = 0.9


class _Strict:
    """Objects by their names, and when each was written or removed last."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.changed: dict[str, float] = {}
        self.generation = 0

    def answer(self, asked: Asked) -> Said:
        url = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        name = unquote(url.path.partition("/o/")[2]).removesuffix("/compose")
        if asked.method == "POST":
            told = json.loads(asked.body if name else asked.body.split(b"\r\n")[3])
            return self._write(name or told["name"], told.get("destination", told), query)
        if not name:
            items = [one for one in self.held.values() if one["name"].startswith(query["prefix"])]
            return said({"kind": "storage#objects", "items": items})
        if name not in self.held:
            return error(404, "notFound", "No such object")
        if asked.method == "GET":
            return said(self.held[name])
        if self._is_too_soon(name):
            return Said(429)
        del self.held[name]
        return Said(204)

    def _write(self, name: str, resource: dict[str, Any], query: dict[str, str]) -> Said:
        there = self.held.get(name, {}).get("generation", "0")
        if query.get("ifGenerationMatch", there) != there:
            return error(412, "conditionNotMet")
        if self._is_too_soon(name):
            return Said(429)
        self.generation += 1
        told = {"name": name, "generation": str(self.generation), "size": "1"}
        self.held[name] = {**resource, **told}
        return said(self.held[name])

    def _is_too_soon(self, name: str) -> bool:
        now = time.monotonic()
        is_too_soon = now - self.changed.get(name, 0.0) < _APART_SECONDS
        if not is_too_soon:
            self.changed[name] = now
        return is_too_soon


async def _begun(driver: GcsObjects, *, if_absent: bool = False) -> CompleteUpload:
    """A completion of an upload of two parts that was begun a second ago."""
    upload_id = await driver.begin_upload(BeginUpload("k"))
    await asyncio.sleep(1.0)
    tags = [
        PartTag(number, await driver.upload_part(UploadPart("k", upload_id, number, 0, b"x")))
        for number in (1, 2)
    ]
    return CompleteUpload("k", upload_id, tuple(tags), if_absent=if_absent)


async def test_an_upload_that_is_completed_leaves_nothing() -> None:
    strict, lone = _Strict(), Lone()
    async with pretending(settled(strict.answer)) as one:
        driver = await opened(one.endpoint, lone)
        complete = await _begun(driver)
        started = time.monotonic()
        await driver.complete_upload(complete)
        assert time.monotonic() - started < 4.0
        assert set(strict.held) == {"k"}
        with pytest.raises(NotFoundError):
            await driver.list_parts(ListParts("k", complete.upload_id))
        await lone.aclose()


async def test_a_refused_completion_is_told_as_what_it_is() -> None:
    strict, lone = _Strict(), Lone()
    strict.held["k"] = {"name": "k", "generation": "7", "size": "1"}
    async with pretending(settled(strict.answer)) as one:
        driver = await opened(one.endpoint, lone)
        complete = await _begun(driver, if_absent=True)
        with pytest.raises(AlreadyExistsError):
            await driver.complete_upload(complete)
        assert len(await driver.list_parts(ListParts("k", complete.upload_id))) == 2
        await lone.aclose()


async def test_a_completion_that_comes_too_soon_is_told_when_to_come_again() -> None:
    strict, lone = _Strict(), Lone()
    async with pretending(settled(strict.answer)) as one:
        driver = await opened(one.endpoint, lone)
        upload_id = await driver.begin_upload(BeginUpload("k"))
        tag = await driver.upload_part(UploadPart("k", upload_id, 1, 0, b"x"))
        with pytest.raises(ThrottledError) as caught:
            await driver.complete_upload(CompleteUpload("k", upload_id, (PartTag(1, tag),)))
        assert caught.value.outcome is Outcome.NOT_DONE
        assert caught.value.retry_after == 1.0
        await lone.aclose()
