"""A bucket of its own on the real server for one test, and services that only pretend."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from omnicloud_s3.certify import ACCESS, SECRET, kept_server, made_bucket
from omnicloud_s3.client import Client
from omnicloud_s3.config import S3Config
from omnicloud_s3.credentials import credentials_of
from omnicloud_s3.objects import S3Objects, open_objects
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.served import Lone

OPTIONS: dict[str, Any] = {
    "access_key": ACCESS,
    "secret_key": SECRET,
    "answer_timeout": 10.0,
    "connect_timeout": 10.0,
}
EMPTY_LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
BEGUN = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"


class Bench:
    """A bucket, the proxy before its server, and clients of it."""

    def __init__(self, proxy: Proxy, lone: Lone, bucket: str) -> None:
        self.proxy = proxy
        self.lone = lone
        self.bucket = bucket

    def config(self, **options: Any) -> S3Config:
        """Settings of a client that reaches the server through the proxy."""
        endpoint = f"http://127.0.0.1:{self.proxy.port}"
        return S3Config(**{"endpoint": endpoint, "bucket": self.bucket, **OPTIONS, **options})

    async def open(self, **options: Any) -> S3Objects:
        """One more driver."""
        return await open_objects(self.config(**options), self.lone)

    async def client(self, **options: Any) -> Client:
        """A client that asked nothing yet; the test closes it."""
        config = self.config(**options)
        return Client(config, await credentials_of(config), self.lone.clock)


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A new bucket."""
    server, lone = kept_server(), Lone()
    await server.start()
    try:
        async with Proxy(server.port) as proxy:
            one = Bench(proxy, lone, f"only-{uuid.uuid4().hex}")
            await made_bucket(one.config())
            yield one
            await lone.aclose()
    finally:
        await lone.aclose()


Answering = Callable[[str, str], tuple[int, dict[str, str], bytes] | None]
"""Given method and path with query, answers status, headers and body; ``None`` hangs up."""


class Pretender:
    """A service that answers as the test says, and keeps what it is asked.

    Attributes:
        asked: Method and path of each request.
        heads: Its headers, named in lower case.
        pauses: Seconds before the answers to a method.
    """

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.asked: list[tuple[str, str]] = []
        self.heads: list[dict[str, str]] = []
        self.pauses: dict[str, float] = {}
        self.endpoint = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                head = {}
                while (header := await reader.readline()) != b"\r\n":
                    name, _, value = header.decode().partition(":")
                    head[name.lower()] = value.strip()
                await reader.readexactly(int(head["content-length"]))
                self.asked.append((method, path))
                self.heads.append(head)
                await asyncio.sleep(self.pauses.get(method, 0.0))
                said = self._answer(method, path)
                if said is None:
                    break
                writer.write(_http(*said, head=method == "HEAD"))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
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


def settled(answer: Answering, headers: dict[str, str] | None = None) -> Answering:
    """The same, but openings succeed: an empty listing, and conditions honoured.

    ``headers`` are those of openings.
    """
    first = headers or {}
    honours = honouring()

    def answered(method: str, path: str) -> tuple[int, dict[str, str], bytes] | None:
        if method == "GET" and "max-keys=0" in path:
            return 200, first, EMPTY_LISTING
        if "~~probe" in path:
            status, told, body = honours(method, path)
            return status, {**told, **first}, body
        return answer(method, path)

    return answered


def honouring(*but: str) -> Callable[[str, str], tuple[int, dict[str, str], bytes]]:
    """The answers to an opening's question by a service that honours conditions.

    ``but`` those of what is named: ``"put"``, ``"copy"``, ``"delete"``, ``"complete"``.
    """
    turns: dict[str, int] = {}
    # In this order; what has no name is to succeed: the object, an upload and its one part.
    told = ("put", "", "copy", "delete", "", "", "complete")

    def answered(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        place, _, query = path.partition("?")
        turn = turns.get(place, 0)
        turns[place] = turn + 1
        refused = turn < len(told) and told[turn] and told[turn] not in but
        body = BEGUN if query.startswith("uploads") else b""
        return (412 if refused else 200), {"etag": '"0"'}, body

    return answered


def error(code: str) -> bytes:
    """A refusal as the service writes it."""
    return f"<Error><Code>{code}</Code><Message>it names a secret</Message></Error>".encode()


def _http(status: int, headers: dict[str, str], body: bytes, *, head: bool) -> bytes:
    told = {"content-length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head else body)
