"""A bucket of its own on the emulator for one test, and what a pretender says at openings."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from omnicloud_gcs.certify import kept_server, made_bucket
from omnicloud_gcs.config import GcsConfig
from omnicloud_gcs.objects import GcsObjects, open_objects
from omnicloud_tck.pretending import Asked, Said
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.served import Lone

OPTIONS: dict[str, Any] = {"anonymous": True, "answer_timeout": 10.0, "connect_timeout": 10.0}


class Bench:
    """A bucket, the proxy before its server, and clients of it."""

    def __init__(self, proxy: Proxy, lone: Lone, bucket: str) -> None:
        self.proxy = proxy
        self.lone = lone
        self.bucket = bucket

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    async def open(self, **options: Any) -> GcsObjects:
        """One more driver."""
        settings = {"endpoint": self.endpoint, "bucket": self.bucket, **OPTIONS, **options}
        return await open_objects(GcsConfig(**settings), self.lone)


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A new bucket."""
    server, lone = kept_server(), Lone()
    await server.start()
    try:
        async with Proxy(server.port) as proxy:
            one = Bench(proxy, lone, f"only-{uuid.uuid4().hex}")
            await made_bucket(one.endpoint, one.bucket)
            yield one
            await lone.aclose()
    finally:
        await lone.aclose()


async def opened(endpoint: str, lone: Lone, **options: Any) -> GcsObjects:
    """A driver over a service that only pretends."""
    settings = {"endpoint": endpoint, "bucket": "abc", **OPTIONS, **options}
    return await open_objects(GcsConfig(**settings), lone)


def settled(
    answer: Callable[[Asked], Said | None], headers: dict[str, str] | None = None
) -> Callable[[Asked], Said | None]:
    """The same, but openings succeed; ``headers`` are those of openings."""

    def answered(asked: Asked) -> Said | None:
        if asked.method == "GET" and "maxResults=1&prefix=~~" in asked.path:
            return said({"kind": "storage#objects"}, **(headers or {}))
        return answer(asked)

    return answered


def said(body: object, status: int = 200, **headers: str) -> Said:
    """An answer in JSON."""
    return Said(status, headers, json.dumps(body).encode())


def error(status: int, reason: str, message: str = "it names a secret") -> Said:
    """A refusal as the service writes it."""
    told = {"code": status, "message": message, "errors": [{"reason": reason}]}
    return Said(status, {"retry-after": "7"}, json.dumps({"error": told}).encode())
