"""One connection to a server: requests and the answers that belong to them.

It speaks NATS's client protocol (https://docs.nats.io/reference/reference-protocols/nats-protocol)
as far as requests need it: one inbox for all answers, told apart by a number. It never connects
anew and keeps nothing to send later, so that what failed is not done afterwards.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from omnicloud_nats.errors import NO_SERVER, LostConnection, NativeError

__all__ = ["Answer", "Credentials", "Headers", "Wire", "connected", "headers_of"]

Headers = Mapping[str, str]

_VERSION = b"NATS/1.0"
_SETTLE_SECONDS = 0.1
_IDLE_SECONDS = 0.02
_SHARED = "1"  # the subscription of all requests that are answered once
_DENIED = re.compile(r'Permissions Violation for Publish to "(.*)"')


class Answer(NamedTuple):
    """A message that came to the inbox."""

    status: int
    """0, or what a server says in place of a message."""
    headers: dict[str, str]
    data: bytes
    subject: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection says of who it is, given what the server asked to be signed."""

    of: Callable[[str], Mapping[str, str]] = field(repr=False)


Ear = Callable[["Answer | Exception"], None]


class _Reply:
    """The one answer to a request; a cancelled wait for it can be taken up again."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def hear(self, answer: Answer | Exception) -> None:
        if self.future.done():
            return
        if isinstance(answer, Exception):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)

    async def settled(self) -> None:
        """Wait a moment for it, although the wait for it was cancelled."""
        if self.future.cancelled():  # a shield from the start would cost a turn of the loop
            self.future = asyncio.get_running_loop().create_future()
        await asyncio.wait((self.future,), timeout=_SETTLE_SECONDS)

    def seen(self) -> None:
        """Let nobody be told that an error was not looked at: the caller has gone."""
        if self.future.done() and not self.future.cancelled():
            self.future.exception()


class Wire(asyncio.Protocol):
    """A connection, from its making to its end; see :func:`connected`."""

    def __init__(self) -> None:
        self.info: dict[str, object] = {}
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._is_turn = False
        self._ears: dict[str, tuple[Ear, str]] = {}
        self._numbers = itertools.count(2)
        self._inbox = f"_INBOX.{uuid.uuid4().hex}"
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._said = ""
        self._lost = False
        self._heard_at = 0.0

    @property
    def lost(self) -> bool:
        """Whether it has ended, as far as the event loop has seen."""
        return self._lost or (self._transport is not None and self._transport.is_closing())

    @property
    def is_idle(self) -> bool:
        """Whether its end may have come since anything was heard of it."""
        return asyncio.get_running_loop().time() - self._heard_at > _IDLE_SECONDS

    async def ask(
        self,
        subject: str,
        payload: bytes = b"",
        headers: Headers | None = None,
        *,
        seconds: float,
        settle: bool = False,
    ) -> Answer:
        """Send a request and return the first answer.

        Args:
            seconds: How long to wait for it.
            settle: When cancelled, wait a moment for the answer: the request is on its way, and
                what the caller does next should come after it, also on another connection.

        Raises:
            NativeError: The server refused it, or the connection was lost.
            TimeoutError: There was no answer.
        """
        reply = _Reply()
        number = self.send(subject, payload, headers, reply.hear)
        # Lighter than a timeout around the wait, which is most of what a request costs here.
        late = asyncio.get_running_loop().call_later(seconds, reply.hear, TimeoutError())
        try:
            return await reply.future
        except asyncio.CancelledError:
            if settle:
                await reply.settled()
            raise
        finally:
            late.cancel()
            reply.seen()
            self._ears.pop(number, None)

    def send(
        self,
        subject: str,
        payload: bytes,
        headers: Headers | None,
        hear: Ear,
        *,
        apart: bool = False,
    ) -> str:
        """Send a request whose every answer goes to ``hear``, until :meth:`forget`.

        ``apart``: on a subscription of its own. Messages of a stream come under their own
        subjects, so nothing else tells whom they are for.
        """
        if self.lost:
            raise LostConnection(self._said, sent=False)
        number = str(next(self._numbers))
        self._ears[number] = hear, subject
        inbox = f"{self._inbox}.{number}"
        if apart:
            inbox = f"{self._inbox}-{number}"
            self._write(f"SUB {inbox} {number}\r\n".encode())
        self._write(_publication(subject, inbox, payload, headers))
        return number

    def forget(self, number: str) -> None:
        """Let the answers to a request that was sent apart go nowhere from now on."""
        if self._ears.pop(number, None) is not None:
            self._write(f"UNSUB {number}\r\n".encode())

    def tell(self, subject: str, payload: bytes = b"", headers: Headers | None = None) -> None:
        """Send what needs no answer."""
        if not self.lost:
            self._write(_publication(subject, "", payload, headers))

    def abort(self) -> None:
        """End the connection at once; who waits for an answer is told."""
        if self._transport is not None:
            self._transport.abort()
        self._lose(self._said)

    def _write(self, data: bytes) -> None:
        """Send at once; what else is sent in this turn of the loop goes in one packet after it."""
        if self._is_turn:
            self._out.append(data)
            return
        self._is_turn = True
        asyncio.get_running_loop().call_soon(self._flush)
        if self._transport is not None:
            self._transport.write(data)

    def _flush(self) -> None:
        self._is_turn = False
        out, self._out = self._out, []
        if out and self._transport is not None and not self.lost:
            self._transport.write(b"".join(out))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._heard_at = asyncio.get_running_loop().time()
        try:
            self._read()
        except ValueError:
            self._no_server()

    def _read(self) -> None:
        at = 0
        while (end := self._buffer.find(b"\r\n", at)) >= 0:
            line = bytes(self._buffer[at:end])
            taken = self._message(line, end + 2) if line[1:4] in (b"MSG", b"SG ") else None
            if taken is None:
                self._control(line)
                taken = end + 2
            elif taken == 0:
                break
            at = taken
        del self._buffer[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(self._said)

    # The protocol.

    async def greet(
        self, host: str, secure: ssl.SSLContext | None, who: Credentials, *, must_tls: bool
    ) -> None:
        """Go from a bare connection to one that takes requests."""
        await self._greeted
        if must_tls or self.info.get("tls_required"):
            if not (self.info.get("tls_required") or self.info.get("tls_available")):
                raise ssl.SSLError("the server does not offer TLS")
            await self._secure(host, secure or ssl.create_default_context())
        hello = {
            "verbose": False,
            "pedantic": False,
            "lang": "python",
            "version": "omnicloud",
            "protocol": 1,
            "headers": True,
            "no_responders": True,
            "name": "omnicloud",
            **who.of(str(self.info.get("nonce", ""))),
        }
        greeting = json.dumps(hello).encode()
        self._line.write(b"CONNECT %b\r\nPING\r\n" % greeting)
        await self._ready
        self._line.write(f"SUB {self._inbox}.* {_SHARED}\r\n".encode())

    async def _secure(self, host: str, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(self._line, self, context, server_hostname=host)

    @property
    def _line(self) -> asyncio.Transport:
        if self._transport is None or self.lost:
            raise LostConnection(self._said, sent=False)
        return self._transport

    def _message(self, line: bytes, start: int) -> int | None:
        """Take a message; where it ends, 0 where it is not all there, ``None`` if it is none."""
        kind, _, rest = line.partition(b" ")
        if kind not in (b"MSG", b"HMSG"):
            return None
        words = rest.split()
        size = int(words[-1])
        if len(self._buffer) < start + size + 2:
            return 0
        head = int(words[-2]) if kind == b"HMSG" else 0
        body = bytes(self._buffer[start : start + size])
        subject, sid = words[0].decode(errors="replace"), words[1].decode()
        reply = words[2].decode() if len(words) == (5 if head else 4) else ""
        heard = self._ears.get(subject.rpartition(".")[2] if sid == _SHARED else sid)
        if heard is not None:
            status, headers = headers_of(body[:head])
            heard[0](Answer(status, headers, body[head:], subject, reply))
        return start + size + 2

    def _control(self, line: bytes) -> None:
        word = line[:4].upper()
        if word == b"PING" and self._transport is not None:
            self._transport.write(b"PONG\r\n")
        elif word == b"PONG":
            _done(self._ready)
        elif word == b"INFO":
            self.info |= json.loads(line[5:])
            _done(self._greeted)
        elif word == b"-ERR":
            self._refused(line[5:].decode("utf-8", "replace").strip("' "))
        elif word != b"+OK":
            self._no_server()

    def _no_server(self) -> None:
        self._lose(NO_SERVER)
        self.abort()

    def _refused(self, said: str) -> None:
        denied = _DENIED.search(said)
        if denied is None:
            self._said = said  # the server closes the connection next, but for this one
            if "Permissions Violation" in said:
                self.abort()
            return
        for hear, subject in list(self._ears.values()):
            if subject == denied.group(1):
                hear(NativeError(code=0, said="Permissions Violation"))

    def _lose(self, said: str) -> None:
        self._lost, self._said = True, said
        ears, self._ears = self._ears, {}
        for hear, _ in ears.values():
            hear(LostConnection(said))
        for future in (self._greeted, self._ready):
            if not future.done():
                future.set_exception(LostConnection(said, sent=False))
                future.exception()  # no one may be waiting


async def connected(
    host: str, port: int, *, secure: ssl.SSLContext | None, who: Credentials, must_tls: bool
) -> Wire:
    """A connection that takes requests; the caller bounds the wait.

    Raises:
        NativeError: The server does not let us in.
        OSError: It is not there, or TLS failed.
    """
    _, wire = await asyncio.get_running_loop().create_connection(Wire, host, port)
    try:
        await wire.greet(host, secure, who, must_tls=must_tls)
    except BaseException:
        wire.abort()
        raise
    return wire


def _publication(subject: str, reply: str, payload: bytes, headers: Headers | None) -> bytes:
    to = f"{subject} {reply}" if reply else subject
    if not headers:
        return b"PUB %b %d\r\n%b\r\n" % (to.encode(), len(payload), payload)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = b"%b\r\n%b\r\n" % (_VERSION, lines.encode())
    sizes = (len(head), len(head) + len(payload))
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (to.encode(), *sizes, head, payload)


def headers_of(head: bytes) -> tuple[int, dict[str, str]]:
    """The status and the headers of a message, from its head."""
    if not head:
        return 0, {}
    first, _, rest = head.partition(b"\r\n")
    words = first[len(_VERSION) :].split()
    status = int(words[0]) if words and words[0].isdigit() else 0
    pairs = (line.partition(":") for line in rest.decode("utf-8", "replace").split("\r\n"))
    return status, {name: value.strip() for name, colon, value in pairs if colon}


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
