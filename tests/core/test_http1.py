"""Answers are read as RFC 9112 says, and what is none ends its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from omnicloud.core.http import Answer, Bounds, Wire
from omnicloud.errors import InvalidArgumentError, Outcome, UnavailableError

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass
class Server:
    """Sends these pieces for each request, and hangs up where it is told to.

    Attributes:
        connections: How many were made.
    """

    pieces: Sequence[bytes]
    hangs_up: bool = False
    reads: bool = True
    waits: bool = False
    connections: int = 0
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    met: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.met.set()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                if self.reads:
                    self.bodies.append(await reader.readexactly(length))
                for number, piece in enumerate(self.pieces):
                    if number and self.waits:
                        await self.goes_on.wait()
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                self.goes_on.clear()
                self.served.set()
                if self.hangs_up:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _served(*pieces: bytes, **how: bool) -> AsyncIterator[tuple[Server, Wire]]:
    one = Server(pieces, **how)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    wire = Wire(Bounds(timeout=20.0))
    try:
        yield one, wire
    finally:
        await wire.aclose()
        server.close()
        await asyncio.sleep(0)


async def _answer(*pieces: bytes, method: str = "GET", **how: bool) -> Answer:
    async with _served(*pieces, **how) as (one, wire):
        return await wire.ask(method, one.url, {})


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
async def test_an_answer_is_the_same_however_it_is_cut(size: int) -> None:
    whole = (
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nt: 1\r\n\r\n"
    )
    got = await _answer(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert got.body == b"hello world"
    whole = OK + b"X-Odd:  a: b \r\ncontent-length: 11\r\n\r\nhello world"
    got = await _answer(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert (got.body, got.headers["x-odd"]) == (b"hello world", "a: b")


async def test_what_comes_before_the_answer_is_passed_over() -> None:
    got = await _answer(
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        OK + b"content-length: 2\r\n\r\nok",
    )
    assert (got.status, got.body, "link" in got.headers) == (200, b"ok", False)


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    got = await _answer(OK + b"\r\nhel", b"lo", hangs_up=True)
    assert got.body == b"hello"


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"304 Not Modified"), ("PUT", b"204 x")]
)
async def test_an_answer_that_has_no_body_may_say_how_long_it_would_be(
    method: str, status: bytes
) -> None:
    head = b"HTTP/1.1 " + status + b"\r\ncontent-length: 5\r\n\r\n"
    async with _served(head) as (one, wire):
        for _ in range(3):
            got = await wire.ask(method, one.url, {})
            assert (got.body, got.headers["content-length"]) == (b"", "5")
        assert one.connections == 1


NONE = [
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    OK + b"no colon\r\n\r\n",
    OK + b"content-length : 1\r\n\r\nx",
    OK + b" folded: x\r\n\r\n",
    OK + b"content-length: -1\r\n\r\n",
    OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxy",
    OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    OK + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhello\r\n",
    OK + b"transfer-encoding: chunked\r\n\r\n" + b"1" * 5000,
    OK + b"x: " + b"y" * 70_000,
]


@pytest.mark.parametrize("said", NONE, ids=range(len(NONE)))
async def test_what_is_no_answer_is_unknown_and_costs_its_connection(said: bytes) -> None:
    async with _served(said) as (one, wire):
        for _ in range(2):
            with pytest.raises(UnavailableError) as caught:
                await wire.ask("PUT", one.url, {}, b"x")
            assert caught.value.outcome is Outcome.UNKNOWN
        assert one.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b"",
        OK,
        OK + b"content-length: 3\r\n\r\nhe",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhe",
    ],
)
async def test_an_answer_that_is_cut_is_none(said: bytes) -> None:
    async with _served(said, hangs_up=True) as (one, wire):
        with pytest.raises(UnavailableError):
            await wire.ask("GET", one.url, {})


async def test_a_connection_serves_until_the_service_says_close() -> None:
    async with _served(OK + b"content-length: 0\r\n\r\n") as (one, wire):
        for _ in range(5):
            await wire.ask("GET", one.url, {})
        assert one.connections == 1
    for said in (b"HTTP/1.0 200 OK\r\n", OK + b"Connection: Close\r\n"):
        async with _served(said + b"content-length: 0\r\n\r\n") as (one, wire):
            await wire.ask("GET", one.url, {})
            await wire.ask("GET", one.url, {})
            assert one.connections == 2


@pytest.mark.parametrize(
    "right",
    [
        OK + b"content-length: 5\r\n\r\nright",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_what_is_said_unasked_is_no_answer_to_the_next_request(
    right: bytes, at_once: bool
) -> None:
    late = OK + b"content-length: 4\r\n\r\nlate"
    pieces = (right + late,) if at_once else (right, late)
    async with _served(*pieces, waits=True) as (one, wire):
        for _ in range(3):
            one.served.clear()
            assert (await wire.ask("GET", one.url, {})).body == b"right"
            one.goes_on.set()
            await one.served.wait()
            for _ in range(5):  # what was sent is read in the loop's next turn
                await asyncio.sleep(0)
        assert one.connections == 3


async def test_a_service_that_answers_early_is_not_sent_the_rest() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"
    async with _served(refusal, reads=False) as (one, wire):
        got = await wire.ask("PUT", one.url, {}, b"x" * (16 << 20))
        assert (got.status, got.body) == (413, b"no")
        assert not wire._idle


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nx: y", {}),
        ("/", {"x": "1\r\ny: 2"}),
        ("/", {"x": "1\ny: 2"}),
        ("/", {"x": "\0"}),
        ("/", {"x\r\ny": "1"}),
    ],
)
async def test_nothing_is_sent_that_would_be_two_headers(url: str, headers: dict[str, str]) -> None:
    async with _served(OK + b"content-length: 0\r\n\r\n") as (one, wire):
        with pytest.raises(InvalidArgumentError, match="cannot be sent"):
            await wire.ask("GET", one.url + url, headers)
        assert one.connections == 0


@pytest.mark.parametrize(
    "url", ["ftp://host/", "http://", "http://a:b@host/", "host/path", "http://h:x/"]
)
async def test_a_url_that_leads_nowhere_is_refused(url: str) -> None:
    wire = Wire(Bounds())
    with pytest.raises(InvalidArgumentError):
        await wire.ask("GET", url, {})
    await wire.aclose()


async def test_a_cancelled_read_costs_its_connection_and_leaves_the_others() -> None:
    async with _served(OK + b"content-length: 5\r\n\r\nhel") as (one, wire):
        call = asyncio.ensure_future(wire.ask("GET", one.url, {}))
        await one.met.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not wire._idle
        assert not wire._busy
