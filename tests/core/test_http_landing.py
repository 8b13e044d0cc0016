"""Large bodies of known length arrive where they stay, and nothing else is taken for them."""

from __future__ import annotations

import asyncio
import os
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ctypes import c_char
from pathlib import Path
from sys import getrefcount
from typing import cast

import pytest

from omnicloud.core.http import Bounds, Wire
from omnicloud.core.http_landing import Landing
from omnicloud.errors import UnavailableError
from omnicloud_tck.tls import certificate_in

MIB = 1 << 20


@asynccontextmanager
async def _served(
    pieces: Sequence[bytes],
    size: int,
    *,
    tls: ssl.SSLContext | None = None,
    bounds: Bounds | None = None,
) -> AsyncIterator[tuple[str, Wire, list[int]]]:
    """A service that says such a length and sends these pieces; whom it met is counted."""
    met: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(1)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                if sum(map(len, pieces)) < size:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    wire = Wire(bounds or Bounds())
    scheme = "http" if tls is None else "https"
    try:
        yield f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/", wire, met
    finally:
        server.close()
        await wire.aclose()


@pytest.mark.parametrize("size", [MIB // 4, MIB, 17 * MIB])
@pytest.mark.parametrize("cut", [100_003, 5 * MIB])
async def test_a_large_body_is_the_same_however_it_is_cut(size: int, cut: int) -> None:
    body = os.urandom(size)
    pieces = [body[at : at + cut] for at in range(0, size, cut)]
    async with _served(pieces, size) as (url, wire, met):
        for _ in range(2):
            assert (await wire.ask("GET", url, {})).body == body
        assert len(met) == 1


async def test_a_large_body_comes_over_tls_as_it_is(tmp_path: Path) -> None:
    public, private = certificate_in(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(public, private)
    body = os.urandom(2 * MIB)
    bounds = Bounds(tls_ca_file=public)
    async with _served([body], len(body), tls=tls, bounds=bounds) as (url, wire, met):
        for _ in range(2):
            assert (await wire.ask("GET", url, {})).body == body
        assert len(met) == 1


async def test_what_follows_a_large_body_is_left_out_and_costs_the_connection() -> None:
    body = os.urandom(MIB)
    async with _served([body + b"late"], MIB) as (url, wire, met):
        for number in range(1, 3):
            assert (await wire.ask("GET", url, {})).body == body
            assert len(met) == number


async def test_a_large_body_that_is_cut_is_none_and_its_length_alone_takes_no_memory() -> None:
    async with _served([b"x" * MIB], 10**17) as (url, wire, _):
        tracemalloc.start()
        try:
            with pytest.raises(UnavailableError):
                await wire.ask("GET", url, {})
            assert tracemalloc.get_traced_memory()[1] < 40 * MIB
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("size", [1000, 8 * MIB])
async def test_an_idle_connection_does_not_hold_what_it_answered(size: int) -> None:
    async with _served([bytes(size)], size) as (url, wire, _):
        answer = await wire.ask("GET", url, {})
        await asyncio.sleep(0)  # the loop lets go of what woke us
        held = getrefcount(answer), getrefcount(answer.body)
        assert held == (2, 2)  # here or in the answer, and for this question


class Transport:
    """Knows whose turn it is."""

    protocol: object = None

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol


@pytest.mark.parametrize("beyond", [b"", b"!"])
@pytest.mark.parametrize("holds", [True, False])
async def test_a_loop_that_holds_what_it_was_given_changes_nothing(
    holds: bool, beyond: bytes
) -> None:
    transport, usual, landed = Transport(), asyncio.Protocol(), list[list[bytes]]()
    landing = Landing(usual, cast("asyncio.Transport", transport), 5, b"he", landed.append)
    assert transport.protocol is landing
    view = landing.get_buffer(-1)
    held = (c_char * len(view)).from_buffer(view) if holds else None  # as one written in C does
    came = b"llo" + beyond
    view[: len(came)] = came
    landing.buffer_updated(len(came))
    assert landed == [[b"hello" + beyond]]  # what comes beyond comes with it, not after it
    assert transport.protocol is usual  # type: ignore[comparison-overlap]  # it was set again
    del held
