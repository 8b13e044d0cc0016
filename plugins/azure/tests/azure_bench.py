"""A container of its own on the emulator for one test, and what a pretender says at openings."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from omnicloud_azure.azurite import ACCOUNT, KEY
from omnicloud_azure.certify import kept_server, made_container, settings_of
from omnicloud_azure.config import AzureConfig
from omnicloud_azure.credentials import account_key_of
from omnicloud_azure.objects import AzureObjects, open_objects
from omnicloud_azure.signing import API_VERSION, query_of
from omnicloud_tck.pretending import Asked, Said
from omnicloud_tck.served import Lone

OPTIONS: dict[str, Any] = {"answer_timeout": 10.0, "connect_timeout": 10.0}
EMPTY = b"<?xml version='1.0'?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"


class Bench:
    """A container, and clients of it."""

    def __init__(self, settings: dict[str, Any], lone: Lone) -> None:
        self.settings = settings
        self.lone = lone

    async def open(self, **options: Any) -> AzureObjects:
        """One more driver."""
        settings = {**self.settings, **OPTIONS, "answer_timeout": 20.0, **options}
        return await open_objects(AzureConfig(**settings), self.lone)

    def sas(self, allowed: str = "racwdl", seconds: float = 60.0) -> str:
        """A signature for the whole container, as an administrator makes one."""
        key = account_key_of(AzureConfig(**self.settings))
        assert key is not None
        until = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        resource = f"/blob/{key.account}/{self.settings['container']}"
        lines = [allowed, "", until, resource, "", "", "", API_VERSION, "c", *[""] * 7]
        told = {"sv": API_VERSION, "sr": "c", "sp": allowed, "se": until}
        return "?" + query_of({**told, "sig": key._signature(lines)})


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A new container."""
    server, lone = kept_server(), Lone()
    await server.start()
    settings = settings_of(server.port, f"only-{uuid.uuid4().hex}")
    await made_container(settings)
    try:
        yield Bench(settings, lone)
    finally:
        await lone.aclose()


async def opened(endpoint: str, lone: Lone, **options: Any) -> AzureObjects:
    """A driver over a service that only pretends."""
    settings = {"endpoint": endpoint, "account": ACCOUNT, "container": "abc", **OPTIONS}
    config = AzureConfig(**{"account_key": KEY, **settings, **options})
    return await open_objects(config, lone)


def settled(
    answer: Callable[[Asked], Said | None], headers: dict[str, str] | None = None
) -> Callable[[Asked], Said | None]:
    """The same, but openings succeed; ``headers`` are those of openings."""

    def answered(asked: Asked) -> Said | None:
        if "maxresults=1&prefix=~~" in asked.path:
            return Said(200, headers or {}, EMPTY)
        return answer(asked)

    return answered


def error(status: int, code: str) -> Said:
    """A refusal as the service writes it."""
    body = f"<Error><Code>{code}</Code><Message>it names a secret</Message></Error>".encode()
    return Said(status, {"x-ms-error-code": code, "retry-after": "7"} if code else {}, body)


def blob(status: int = 200, body: bytes = b"", **headers: str) -> Said:
    """An answer about an object."""
    told = {"etag": '"0x7"', "last-modified": "Sat, 21 Nov 2026 08:00:00 GMT"}
    return Said(
        status, told | {name.replace("_", "-"): text for name, text in headers.items()}, body
    )
