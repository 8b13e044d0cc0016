"""Requests are bounded, never sent twice, and seen through."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from omnicloud.core.http import Bounds, Wire
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    OmniCloudError,
    Outcome,
    ThrottledError,
    UnavailableError,
)
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.servers import free_port
from omnicloud_tck.tls import certificate_in


@asynccontextmanager
async def _wire(**bounds: float) -> AsyncIterator[Wire]:
    wire = Wire(Bounds(**{"timeout": 2.0, **bounds}))  # type: ignore[arg-type] # ints are floats
    try:
        yield wire
    finally:
        await wire.aclose()


@asynccontextmanager
async def _silent() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that says nothing, and the event that it heard something."""
    heard = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            heard.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()
        await asyncio.sleep(0)


async def _refused(wire: Wire, method: str, url: str) -> OmniCloudError:
    with pytest.raises(OmniCloudError) as caught:
        await wire.ask(method, url, {}, b"x")
    return caught.value


async def test_an_answer_is_given_as_it_came_and_redirects_are_not_followed() -> None:
    def answer(asked: Asked) -> Said:
        return Said(307, {"Location": "/elsewhere", "X-Odd": "a b"}, b"body")

    async with pretending(answer) as one, _wire() as wire:
        got = await wire.ask("GET", f"{one.endpoint}/a%2Fb?c=%20", {"x-sent": "1"})
        assert (got.status, got.headers["x-odd"], got.body) == (307, "a b", b"body")
        (asked,) = one.asked
        assert asked.path == "/a%2Fb?c=%20"
        assert asked.headers["x-sent"] == "1"
        assert not {"accept-encoding", "user-agent", "content-type"} & asked.headers.keys()


@pytest.mark.parametrize("size", [0, 1, 300 << 10, 3 << 20])
async def test_a_body_in_parts_arrives_as_one(size: int) -> None:
    async with pretending(lambda _: Said(200)) as one, _wire() as wire:
        await wire.ask("PUT", one.endpoint, {}, [b"head", b"x" * size, b"tail"])
        assert one.asked[0].body == b"head" + b"x" * size + b"tail"
        assert one.asked[0].headers["content-length"] == str(size + 8)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(method: str) -> None:
    async with pretending(lambda asked: None if asked.path == "/hangs" else Said(200)) as one:
        async with _wire() as wire:
            await wire.ask(method, f"{one.endpoint}/warm", {})
            error = await _refused(wire, method, f"{one.endpoint}/hangs")
        assert isinstance(error, UnavailableError)
        assert error.outcome is Outcome.UNKNOWN
        assert [asked.path for asked in one.asked] == ["/warm", "/hangs"]


async def test_no_connection_is_not_done() -> None:
    async with _wire() as wire:
        error = await _refused(wire, "PUT", f"http://127.0.0.1:{free_port()}")
    assert isinstance(error, UnavailableError)
    assert error.outcome is Outcome.NOT_DONE


async def test_silence_ends_as_unknown_and_those_who_waited_are_throttled() -> None:
    async with _silent() as (url, _), _wire(timeout=0.3, max_connections=1) as wire:
        started = time.monotonic()
        errors = await asyncio.gather(*(_refused(wire, "PUT", url) for _ in range(3)))
        assert time.monotonic() - started < 8.0
        assert {type(error) for error in errors} == {UnavailableError, ThrottledError}


async def test_a_cancelled_write_that_was_sent_is_waited_for_a_little() -> None:
    async with _silent() as (url, heard), _wire() as wire:
        for method, least in (("PUT", 0.15), ("GET", 0.0)):
            heard.clear()
            call = asyncio.ensure_future(wire.ask(method, url, {}, b"x" if least else b""))
            await heard.wait()
            started = time.monotonic()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert least <= time.monotonic() - started < 8.0


async def test_after_the_close_calls_are_refused() -> None:
    async with _silent() as (url, heard), _wire() as wire:
        call = asyncio.ensure_future(_refused(wire, "GET", url))
        await heard.wait()
        await wire.aclose()
        assert isinstance(await call, ClosedError)
        assert isinstance(await _refused(wire, "GET", url), ClosedError)


async def test_tls_that_fails_is_configuration() -> None:
    async with pretending(lambda _: Said(200)) as one, _wire() as wire:
        error = await _refused(wire, "GET", one.endpoint.replace("http:", "https:"))
        assert isinstance(error, ConfigurationError)
    with pytest.raises(ConfigurationError, match="tls_ca_file"):
        Wire(Bounds(tls_ca_file=Path("/nonexistent.pem")))


async def test_tls_that_fails_where_it_held_before_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    public, private = certificate_in(tmp_path)
    shown = []
    for pair in ((public, private), certificate_in(tmp_path / "other")):
        shown.append(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        shown[-1].load_cert_chain(*pair)
    wire = Wire(Bounds(tls_ca_file=public))
    async with pretending(lambda _: Said(200, {"connection": "close"})) as one:
        first = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=shown[0])
        port = first.sockets[0].getsockname()[1]
        url = f"https://localhost:{port}/"
        assert (await wire.ask("GET", url, {})).status == 200
        first.close()
        async with await asyncio.start_server(one.serve, "127.0.0.1", port, ssl=shown[1]):
            error = await _refused(wire, "GET", url)
        assert isinstance(error, UnavailableError)
        assert error.outcome is Outcome.NOT_DONE
        assert "TLS" in error.message
    await wire.aclose()
