"""Uploads in parts that several complete at once, and completions that are cancelled half-way.

Laws of random programs meet both by chance; a provider that makes a completion of several requests
is tried for them here, on purpose.
"""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.models import Chunk, PartTag
from omnicloud.contracts.objects.uploads import (
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, that
from omnicloud_tck.world import World

__all__ = ["completions_cut", "completions_met"]

_CONTENT, _KIND = b"hello", "text/plain"


async def completions_met(world: World[Any], *, times: int, at_once: int = 4) -> None:
    """Complete one upload several times at once, by two clients: one does, no other finds it.

    Raises:
        Broken: None did, or several, or what is there is not what was uploaded.
    """
    clients = [await world.driver(), await world.driver()]
    for number in range(times):
        key = f"met-{number}"
        made = await _ready(clients[0], key)
        calls = [clients[n % 2].complete_upload(made) for n in range(at_once)]
        told = await asyncio.gather(*calls, return_exceptions=True)
        versions = [one for one in told if isinstance(one, str)]
        equal(1, len(versions), f"of {at_once} completions of one upload, those that say they did")
        others = [one for one in told if not isinstance(one, str)]
        that(all(isinstance(one, NotFoundError) for one in others), f"others say {others!r:.200}")
        chunk = await _whole(clients[1], key)
        that(chunk is not None and chunk.info.version == versions[0], "it is not the object's")
        that(not await _is_open(clients[1], made), "the upload is there still")


async def completions_cut(world: World[Any], *, times: int) -> None:
    """Cancel completions, each a little later: the object is there, or its upload.

    Raises:
        Broken: Both are, or neither; or the upload cannot be completed.
    """
    clients = [await world.driver(), await world.driver()]
    for number in range(times):
        key = f"cut-{number}"
        made = await _ready(clients[0], key)
        completing = asyncio.ensure_future(clients[0].complete_upload(made))
        await asyncio.sleep(0)
        for _ in range(number):
            await asyncio.sleep(0.0005)
        completing.cancel()
        await asyncio.wait((completing,))
        await world.sleep(world.on_its_way / 2)
        there = await _whole(clients[1], key) is not None
        equal(not there, await _is_open(clients[1], made), f"the upload of cut {number} is there")
        if not there:
            await clients[1].complete_upload(made)
            that(await _whole(clients[1], key), f"what was completed after cut {number} is not")


async def _ready(driver: Any, key: str) -> CompleteUpload:
    upload_id = await driver.begin_upload(BeginUpload(key, _KIND))
    part = UploadPart(key, upload_id, 1, 0, _CONTENT, last=True)
    return CompleteUpload(key, upload_id, (PartTag(1, await driver.upload_part(part)),))


async def _whole(driver: Any, key: str) -> Chunk | None:
    chunk: Chunk | None = await driver.get_range(GetRange(key))
    if chunk is not None:
        equal((_CONTENT, _KIND), (chunk.data, chunk.info.content_type), f"the object {key!r}")
    return chunk


async def _is_open(driver: Any, made: CompleteUpload) -> bool:
    try:
        await driver.list_parts(ListParts(made.key, made.upload_id))
    except NotFoundError:
        return False
    return True
