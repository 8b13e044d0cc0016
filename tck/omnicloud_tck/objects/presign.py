"""The laws of presigned URLs, for stores that other programs reach over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from omnicloud.contracts.objects import Method, Objects, ObjectsFeature
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["PresignLaws"]

_PRESIGN = [ObjectsFeature.PRESIGN]
_KEYS = ("plain", "a b/c+d", "%2e%2e/x", "é🦀?q=1#f", "a//b", "100%", "semi;colon&amp=")
_ANSWER_SECONDS = 10.0


class PresignLaws(Contract):
    """What is promised of a URL that was given away."""

    @law("OBJ-050", "A presigned URL reads or writes the object of its key.", needs=_PRESIGN)
    async def urls_reach_their_object(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        for number, key in enumerate(_KEYS):
            content = b"content %d" % number
            await objects.upload(key, content)
            url = await objects.presign("GET", key, expires_in=60)
            equal((True, content), await _ask(url, Method.GET), f"GET of {key!r}")
            url = await objects.presign("PUT", key, expires_in=60)
            equal(True, (await _ask(url, Method.PUT, b"put"))[0], f"PUT of {key!r}")
            equal(b"put", await objects.download(key), f"{key!r} after its PUT")
        keys = [item.key async for item in objects.list()]
        equal(sorted(_KEYS), keys, "keys after all PUTs")

    @law(
        "OBJ-051",
        "A presigned URL allows its own method and key, no other.",
        needs=_PRESIGN,
        rung=Rung.TRUST,
    )
    async def urls_allow_nothing_else(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        await objects.upload("mine", b"mine")
        await objects.upload("other", b"other")
        read = await objects.presign("GET", "mine", expires_in=60)
        write = await objects.presign("PUT", "mine", expires_in=60)
        for url, method in ((read, Method.PUT), (read, Method.DELETE), (write, Method.DELETE)):
            equal(False, (await _ask(url, method, b"hit"))[0], f"{method} by a URL for another")
        moved = read.replace("mine", "other")
        if moved != read:
            allowed, body = await _ask(moved, Method.GET)
            that(not allowed or body != b"other", "a URL for one key reads another")
        equal(b"mine", await objects.download("mine"), "after the refused requests")

    @law(
        "OBJ-052",
        "A presigned URL ends when it says; its time is bounded.",
        needs=_PRESIGN,
        rung=Rung.TRUST,
    )
    async def urls_end(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        await objects.upload("k", b"x")
        url = await objects.presign("GET", "k", expires_in=2)
        equal(True, (await _ask(url, Method.GET))[0], "a URL before its end")
        await world.sleep(3.5)
        equal(False, (await _ask(url, Method.GET))[0], "a URL after its end")
        limit = objects.pipeline.driver.limits.presign_max_seconds
        with refused(InvalidArgumentError, "a URL for longer than the limit"):
            await objects.presign("GET", "k", expires_in=limit + 1)


async def _ask(url: str, method: Method, body: bytes | None = None) -> tuple[bool, bytes]:
    """Whether the request was allowed, and what was answered."""
    that(url.startswith(("http://", "https://")) and url.isascii(), "a URL is no ASCII http URL")
    return await asyncio.to_thread(_asked, url, method, body)


def _asked(url: str, method: Method, body: bytes | None) -> tuple[bool, bytes]:
    data = body if method is Method.PUT else None
    request = Request(url, data=data, method=method)  # noqa: S310 - the scheme was looked at
    if data is not None:
        request.add_header("Content-Type", "application/octet-stream")
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - as above
            return True, answer.read()
    except HTTPError as error:
        with error:
            return False, b""
    except (URLError, OSError, ValueError):
        return False, b""
