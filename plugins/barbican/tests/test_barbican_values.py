"""Names, values, settings, errors and tokens, without a Barbican."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.http import Bounds, Wire
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_barbican import kept
from omnicloud_barbican.config import BarbicanConfig
from omnicloud_barbican.errors import refusal
from omnicloud_barbican.identity import Keystone
from omnicloud_barbican.secrets import open_secrets
from omnicloud_tck.served import Lone

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
_REFUSED = set("%+*\\")


@settings(deadline=None)
@given(_TEXT)
def test_a_name_is_one_that_the_service_takes_and_comes_back(name: str) -> None:
    names = kept.Names("orders/")
    stored = names.stored(name)
    assert len(stored) <= 255
    assert stored == stored.strip()
    assert stored.isascii()
    assert not set(stored) & _REFUSED
    if not names.is_cut(stored):
        assert names.name(stored) == name


@given(_TEXT, st.integers(0, 20))
def test_every_name_begins_with_what_its_prefixes_begin_with(name: str, cut: int) -> None:
    names = kept.Names("")
    assert names.stored(name).startswith(names.beginning(name[:cut]))


def test_a_plain_name_is_kept_as_it_is() -> None:
    assert kept.Names("").stored("db/AES key_1.x@h:1,2") == "db/AES key_1.x@h:1,2"


@pytest.mark.parametrize("stored", ["a=zz", "a=2", "a=41", "=FF", "", "a%"])
def test_a_name_that_none_of_ours_would_have_is_not_listed(stored: str) -> None:
    assert kept.Names("").name(stored) is None


@given(st.binary(max_size=300), st.one_of(st.none(), _TEXT))
def test_a_value_comes_back_from_what_is_kept_with_the_name_of_a_cut_one(
    value: bytes, name: str | None
) -> None:
    fields = kept.closed(value, name)
    payload = fields["payload"].encode()
    if fields["payload_content_type"] != "text/plain":
        payload = base64.b64decode(payload)
    assert payload
    assert kept.opened(payload) == value
    assert kept.name_inside(payload) == name


@pytest.mark.parametrize("value", [b" around ", b"line\n", b"", b"\0", b"tab\t", b'"' * 13_000])
def test_what_the_service_would_strip_or_not_take_as_text_is_bytes(value: bytes) -> None:
    assert kept.closed(value, None)["payload_content_type"] == "application/octet-stream"


def test_plain_text_stays_text() -> None:
    assert kept.closed("pässword".encode(), None) == {
        "payload": "pässword",
        "payload_content_type": "text/plain",
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"project": "p", "token": "t"},
        {"project": "a b"},
        {"project": "é"},
        {"auth_url": "https://keystone/v3"},
        {"auth_url": "https://keystone/v3", "credential_id": "i"},
        {"project": "p", "endpoint": "ftp://host"},
        {"project": "p", "endpoint": "http://user:password@host"},
        {"project": "p", "prefix": "a%"},
        {"project": "p", "payload_max_bytes": 100},
        {"project": "p", "answer_timeout": 0},
        {"project": "p", "unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BarbicanConfig(**options)


@pytest.mark.parametrize(
    ("status", "title", "kind", "outcome"),
    [
        (401, "", UnauthenticatedError, Outcome.NOT_DONE),
        (403, "Forbidden", PermissionDeniedError, Outcome.NOT_DONE),
        (403, "Quota Reached", ResourceExhaustedError, Outcome.NOT_DONE),
        (404, "", ConfigurationError, Outcome.NOT_DONE),
        (500, "", UnavailableError, Outcome.UNKNOWN),
        (503, "", UnavailableError, Outcome.UNKNOWN),
    ],
)
def test_answers_are_errors_of_ours(
    status: int, title: str, kind: type[OmniCloudError], outcome: Outcome
) -> None:
    error = refusal(status, title)
    assert type(error) is kind
    assert error.outcome is outcome


@asynccontextmanager
async def answering(
    status: int, headers: str, body: object
) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that says the same to all, and what it was asked."""
    asked: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
        sent = await reader.readexactly(length)
        asked.append(json.loads(sent) if sent else head)
        said = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(said)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def credential(auth_url: str) -> BarbicanConfig:
    return BarbicanConfig(
        auth_url=auth_url, credential_id="id", credential_secret="not-told", answer_timeout=2.0
    )


async def test_a_token_is_asked_for_once_and_again_when_it_was_refused() -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"token": {"expires_at": ends}}
    async with answering(201, "x-subject-token: t0\r\n", body) as (url, asked):
        wire = Wire(Bounds(timeout=2.0))
        who = Keystone(credential(url), wire, SYSTEM_CLOCK)
        several = await asyncio.gather(*(who.headers() for _ in range(5)))
        assert several == [{"x-auth-token": "t0"}] * 5
        assert len(asked) == 1
        credentials = asked[0]["auth"]["identity"]["application_credential"]
        assert credentials == {"id": "id", "secret": "not-told"}
        who.refused()
        await who.headers()
        assert len(asked) == 2
        await wire.aclose()


async def test_a_token_that_is_about_to_end_is_not_used() -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    body = {"token": {"expires_at": ends}}
    async with answering(201, "x-subject-token: t0\r\n", body) as (url, asked):
        wire = Wire(Bounds(timeout=2.0))
        who = Keystone(credential(url), wire, SYSTEM_CLOCK)
        await who.headers()
        await who.headers()
        assert len(asked) == 2
        await wire.aclose()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {}, UnauthenticatedError),
        (404, {}, ConfigurationError),
        (500, {}, UnavailableError),
        (201, {"token": {}}, UnavailableError),
    ],
)
async def test_keystones_refusals_are_errors_that_tell_no_secret(
    status: int, body: object, kind: type[OmniCloudError]
) -> None:
    async with answering(status, "x-subject-token: t0\r\n", body) as (url, _):
        wire = Wire(Bounds(timeout=2.0))
        with pytest.raises(kind) as refused:
            await Keystone(credential(url), wire, SYSTEM_CLOCK).headers()
        assert "not-told" not in str(refused.value)
        await wire.aclose()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(404, {}, ConfigurationError), (200, [], UnavailableError), (200, {}, UnavailableError)],
)
async def test_what_is_not_barbican_is_found_out_at_opening(
    status: int, body: object, kind: type[OmniCloudError]
) -> None:
    async with answering(status, "", body) as (url, _):
        with pytest.raises(kind):
            await open_secrets(
                BarbicanConfig(endpoint=url, project="p", answer_timeout=2.0), Lone()
            )
