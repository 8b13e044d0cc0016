"""The law of objects about a client that only reads, beside one that changes in every way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud.errors import ObjectNotFoundError
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LookerLaws"]

Change = Callable[[Objects, str, bytes], Awaitable[object]]


class LookerLaws(Contract):
    """What was read once is read anew."""

    @law(
        "OBJ-118",
        "A client that only reads sees what another changes, by whatever verb, each time.",
        rung=Rung.CONCURRENCY,
    )
    async def lookers_see_every_change(self, world: World[Any]) -> None:
        writer, looker = Objects(await world.pipeline()), Objects(await world.pipeline())
        part = writer.pipeline.driver.limits.part_min_bytes
        new = b"n" * (part + 1 if part <= 1 << 20 else 100)
        await writer.upload("source", new)
        for turn, (way, change) in enumerate(_WAYS.items()):
            for before in (None, b"old"):
                key = f"{turn}{'-' if before is None else '+'}"
                if before is not None:
                    await writer.upload(key, before)
                await _sees(looker, key, before, f"before {way}")
                await change(writer, key, new)
                await _sees(looker, key, None if "delete" in way else new, f"after {way}")


async def _sees(objects: Objects, key: str, content: bytes | None, about: str) -> None:
    equal(content, await _content(objects, key), f"the object {about}")
    equal(content is not None, await objects.exists(key), f"whether it is there {about}")
    listed = [item.size_bytes async for item in objects.list(key)]
    equal([] if content is None else [len(content)], listed, f"the listing {about}")


async def _content(objects: Objects, key: str) -> bytes | None:
    try:
        content = await objects.download(key)
        equal(len(content), (await objects.stat(key)).size_bytes, "the size by stat")
    except ObjectNotFoundError:
        return None
    return content


_WAYS: dict[str, Change] = {
    "an upload": lambda objects, key, new: objects.upload(key, new, part_bytes=None),
    "an upload in parts": lambda objects, key, new: objects.upload(
        key, new, part_bytes=objects.pipeline.driver.limits.part_min_bytes
    ),
    "a copy": lambda objects, key, _: objects.copy("source", key),
    "a delete": lambda objects, key, _: objects.delete(key),
    "delete_many": lambda objects, key, _: objects.delete_many([key, "never"]),
}
"""Ways of changing an object."""
