"""HTTP/1.1 on one connection: a request, then its whole answer (RFC 9112).

A quarter of what a client for all purposes costs a call: no redirects, cookies, proxies or
decompression, and answers are read whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from omnicloud.core.http_landing import LARGE_BYTES, Landing

__all__ = ["Answer", "Connection", "LostError", "head_of"]

_HEAD_MAX_BYTES = 64 << 10
_LINE_MAX_BYTES = 4 << 10
_PIECE_BYTES = 256 << 10
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?")
_HEADERS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*(?:\r\n|\Z))*")
_DIGITS = re.compile(r"[0-9]{1,18}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_UNPRINTED = re.compile(r"[^!-~]")
_ENDS_HEAD = b"\r\n\r\n"


class LostError(Exception):
    """The connection ended, or what came over it is no answer. It names no content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a service; headers are named in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def head_of(
    method: str, target: str, host: str, headers: Mapping[str, str], size_bytes: int
) -> bytes:
    """The head of a request as it is sent.

    Raises:
        ValueError: The target or a header would end its line.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in headers:
        lines.append(f"host: {host}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {size_bytes}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header holds the end of a line")
    if _UNPRINTED.search(target):
        raise ValueError("the URL is not encoded")
    return f"{text}\r\n\r\n".encode()


class Connection(asyncio.Protocol):
    """One request after another. Whatever does not end with a whole answer ends it.

    Attributes:
        sent: Whether the service may have all of the request.
    """

    def __init__(self) -> None:
        self.sent = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Answer] | None = None
        self._reading = _Reading("", None)
        self._room: asyncio.Future[None] | None = None
        self._usable = True
        self._writing = False

    @property
    def usable(self) -> bool:
        """Whether another request may follow."""
        return self._usable and self._transport is not None and not self._transport.is_closing()

    def begin(
        self, method: str, head: bytes, body: Sequence[bytes], told: Callable[[int], None]
    ) -> asyncio.Future[Answer]:
        """Send what is small and answer what will be the answer; :meth:`send` the rest.

        Args:
            told: Called with the length of the answer's body where it is said before it comes.
        """
        self._answer = answer = self._loop.create_future()
        self._reading = _Reading(method, told)
        self.sent = self._writing = False
        if self._transport is None or self._transport.is_closing():
            self._fail("the connection was closed")
        elif sum(map(len, body)) <= _PIECE_BYTES:
            self._transport.write(b"".join((head, *body)))
            self.sent = True
        else:
            self._writing = True
            self._transport.write(head)
        return answer

    async def send(self, body: Sequence[bytes]) -> None:
        """Send a large body in pieces, between which the loop turns.

        A service that answers meanwhile does not want the rest.
        """
        for part in body if self._writing else ():
            view = memoryview(part)
            for start in range(0, len(part), _PIECE_BYTES):
                if self._answer is None or self._answer.done() or self._transport is None:
                    self._usable = False
                    return
                self._transport.write(view[start : start + _PIECE_BYTES])
                if self._room is not None:
                    await self._room
        self.sent, self._writing = True, False

    def abort(self) -> None:
        """End it at once, without waiting."""
        self._usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # said unasked, or more than it announced
            return
        try:
            if self._reading.feed(data):
                self._complete()
            elif self._reading.awaited >= LARGE_BYTES and self._transport is not None:
                begun = self._reading.begun()
                Landing(self, self._transport, self._reading.awaited, begun, self._landed)
        except LostError as error:
            self._fail(str(error))

    def eof_received(self) -> bool:
        if self._answer is not None and not self._answer.done() and self._reading.ends_with_close:
            self._complete()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._usable = False
        self.resume_writing()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or LostError("the connection was closed"))

    def _landed(self, pieces: Sequence[bytes]) -> None:
        self._reading.land(pieces)
        if self._answer is not None and not self._answer.done():
            self._complete()

    def _complete(self) -> None:
        if self._writing or not self._reading.keeps_open:
            self._usable = False
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.set_result(self._reading.answer())  # an idle connection holds nothing of it
        self.resume_writing()

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LostError(why))
        self.abort()


class _Reading:
    """An answer that is being read."""

    __slots__ = (
        "_body", "_chunks", "_left", "_method", "_pending", "_told", "ends_with_close", "headers",
        "keeps_open", "status",
    )  # fmt: skip

    def __init__(self, method: str, told: Callable[[int], None] | None) -> None:
        self._method = method
        self._told = told
        self._pending = b""
        self._body: list[bytes] = []
        self._left = 0
        self._chunks: _Chunks | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.keeps_open = True
        self.ends_with_close = False

    @property
    def awaited(self) -> int:
        """Bytes of the body that are still to come, where that is known; else 0."""
        return self._left

    def begun(self) -> bytes:
        """Give back what has come of the body: all of it is awaited again."""
        begun = b"".join(self._body)
        self._body.clear()
        self._left += len(begun)
        return begun

    def land(self, pieces: Sequence[bytes]) -> None:
        """Take the bytes that were awaited, and whatever came beyond them."""
        for piece in pieces:
            self._more(piece)

    def answer(self) -> Answer:
        """What was read; nothing of it is kept."""
        pieces, self._body = self._body, []
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Answer(self.status, self.headers, body)

    def feed(self, data: bytes) -> bool:
        """Take what came; whether the answer is whole.

        Raises:
            LostError: It is none.
        """
        while not self.status:
            data = self._pending + data if self._pending else data
            end = data.find(_ENDS_HEAD)
            if end > _HEAD_MAX_BYTES or (end < 0 and len(data) > _HEAD_MAX_BYTES):
                raise LostError("the answer's head is too long")
            if end < 0:
                self._pending = data
                return False
            self._pending = b""
            head, data = data[:end], data[end + len(_ENDS_HEAD) :]
            self._begun(head)
        return self._more(data)

    def _more(self, data: bytes) -> bool:
        if self._chunks is not None:
            whole = self._chunks.feed(data, self._body)
            self.keeps_open = self.keeps_open and not self._chunks.held
            return whole
        if data:
            self._body.append(data)
        if self.ends_with_close:
            return False
        self._left -= len(data)
        if self._left < 0:
            self._cut()
        return self._left <= 0

    def _cut(self) -> None:
        """Leave out what goes on beyond the length, which belongs to no request."""
        if self._body:
            self._body[-1] = self._body[-1][: self._left]
        self.keeps_open = False

    def _begun(self, head: bytes) -> None:
        first, _, lines = head.decode("utf-8", "surrogateescape").partition("\r\n")
        found = _STATUS.fullmatch(first)
        if found is None:
            raise LostError("the answer is not HTTP/1")
        status = int(found[2])
        if status == 101:
            raise LostError("the service speaks another protocol")
        if status < 200:
            return  # the answer itself follows
        self.status = status
        self.headers = headers = _headers(lines)
        said = headers.get("connection", "").lower()
        self.keeps_open = "close" not in said and (found[1] == "1" or "keep-alive" in said)
        if self._method == "HEAD" or status in (204, 304):
            return
        self._measure(headers)

    def _measure(self, headers: Mapping[str, str]) -> None:
        """Note how long the body is (RFC 9112, 6.3)."""
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise LostError("the answer's length is not clear")
            self._chunks = _Chunks()
        elif length is not None:
            if _DIGITS.fullmatch(length) is None:
                raise LostError("the answer's length is no number")
            self._left = int(length)
            if self._told is not None:
                self._told(self._left)
        else:
            self.ends_with_close, self.keeps_open = True, False


class _Chunks:
    """A body whose length comes piece by piece (RFC 9112, 7.1)."""

    __slots__ = ("_ended", "_left", "held")

    def __init__(self) -> None:
        self.held = bytearray()
        self._left = 0  # of a chunk, the end of its line included
        self._ended = False

    def feed(self, data: bytes, body: list[bytes]) -> bool:
        """Take what came; whether the last chunk and what follows it are there."""
        self.held += data
        while True:
            if self._left:
                if not self._chunk(body):
                    return False
                continue
            end = self.held.find(b"\r\n")
            if end > _LINE_MAX_BYTES or (end < 0 and len(self.held) > _LINE_MAX_BYTES):
                raise LostError("a line between chunks is too long")
            if end < 0:
                return False
            line = bytes(self.held[:end])
            del self.held[: end + 2]
            if self._ended and not line:
                return True
            if not self._ended:
                self._next(line)

    def _chunk(self, body: list[bytes]) -> bool:
        """Move what is there of a chunk to the body; whether all of it was."""
        content = min(len(self.held), self._left - 2)
        if content > 0:
            body.append(bytes(self.held[:content]))
            del self.held[:content]
            self._left -= content
        if len(self.held) < self._left:
            return False
        if self.held[:2] != b"\r\n":
            raise LostError("a chunk is not as long as it says")
        del self.held[:2]
        self._left = 0
        return True

    def _next(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise LostError("a chunk does not say how long it is")
        size = int(found[1], 16)
        self._ended = size == 0
        self._left = size + 2 if size else 0


def _headers(lines: str) -> dict[str, str]:
    if _HEADERS.fullmatch(lines) is None:
        raise LostError("a line of the answer's head is no header")
    headers: dict[str, str] = {}
    for line in lines.split("\r\n") if lines else ():
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if name == "content-length" and headers.get(name, value) != value:
            raise LostError("the answer has two lengths")
        headers[name] = value
    return headers
