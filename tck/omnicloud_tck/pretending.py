"""HTTP services that only pretend, for what no real server does when it is asked to.

A provider's own tests answer with them as a service does that is full, throttled, misconfigured
or mad, and look at what they were asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Asked", "Pretender", "Said", "pretending"]


class Asked(NamedTuple):
    """A request: the path with its query as it came; headers are named in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


Answering = Callable[[Asked], Said | None]
"""What a request is answered; ``None`` hangs up without a word."""


@dataclass(slots=True)
class Pretender:
    """A service that answers as the test says.

    Attributes:
        asked: All requests so far.
        endpoint: ``http://HOST:PORT``.
    """

    answer: Answering
    asked: list[Asked] = field(default_factory=list)
    endpoint: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        try:
            while line := await reader.readline():
                if not line.isascii():  # TLS, say
                    writer.write(_written(Said(400), head=True))
                    await writer.drain()
                    break
                request = await _read(line, reader)
                self.asked.append(request)
                said = self.answer(request)
                if said is None:
                    break
                writer.write(_written(said, head=request.method == "HEAD"))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side hung up: nothing is left to answer
        finally:
            writer.transport.abort()


@asynccontextmanager
async def pretending(answer: Answering) -> AsyncIterator[Pretender]:
    """A service that only pretends, on a port of its own."""
    one = Pretender(answer)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await asyncio.sleep(0)


async def _read(line: bytes, reader: asyncio.StreamReader) -> Asked:
    method, path, _ = line.decode().split()
    headers: dict[str, str] = {}
    while (header := await reader.readline()) != b"\r\n":
        name, _, value = header.decode().partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "") == "chunked":
        return Asked(method, path, headers, await _chunks(reader))
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int(await reader.readline(), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return found


def _written(said: Said, *, head: bool) -> bytes:
    lines = [f"HTTP/1.1 {said.status} x", f"content-length: {len(said.body)}"]
    lines += [f"{name}: {value}" for name, value in said.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head else said.body)
