"""The laws of listings of objects."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud.contracts.objects.driver import List
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["KEYS", "ListingLaws", "folded", "listed"]

KEYS = ("Z", "a", "a/b", "a/b/c", "a/", "a_b", "a%b", "A", "b", "é", "\U0001f980", "\uffee", "z/1")
"""Keys that a careless order or prefix mixes up."""


class ListingLaws(Contract):
    """What a listing tells, and what is deleted by one."""

    @law("OBJ-010", "Listing gives each key with the prefix once, by code point, page by page.")
    async def listing_is_whole(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        for key in KEYS:
            await objects.upload(key, key.encode())
        for prefix in ("", "a", "a/", "a_", "a%", "zz", "z", "é"):
            expected = sorted(key for key in KEYS if key.startswith(prefix))
            for size in (1, 2, 1000):
                found = await listed(objects, prefix, size)
                equal(expected, found, f"keys with prefix {prefix!r}, by {size}")
        async for item in objects.list("a"):
            info = await objects.stat(item.key)
            equal(
                (info.size_bytes, info.version), (item.size_bytes, item.version), "a line's facts"
            )
        await self._deleted_between(objects)

    async def _deleted_between(self, objects: Objects) -> None:
        found: list[str] = []
        deleted = 0
        cursor: str | None = None
        while not found or cursor is not None:
            page = await objects.pipeline.send(List("a", None, cursor, 2))
            found += [item.key for item in page.items]
            cursor = page.cursor
            if found and not deleted:  # a page may be empty
                deleted = len(found)
                await objects.delete(found[-1])
        that(deleted < len(found), "pages end after a delete between them")
        expected = sorted(key for key in KEYS if key.startswith("a"))
        equal(expected, found, "pages with a delete between them")

    @law("OBJ-011", "With a delimiter a common prefix stands once for all keys below it.")
    async def delimiters_fold(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        for key in (*KEYS, "z/3/4", "z/3/5", "z-after", "z"):
            await objects.upload(key, b"x")
        keys = sorted((*KEYS, "z/3/4", "z/3/5", "z-after", "z"))
        for prefix, delimiter in (("", "/"), ("a", "/"), ("a/", "/"), ("z/", "/"), ("", "_")):
            lines = {folded(key, prefix, delimiter) for key in keys if key.startswith(prefix)}
            for size in (1, 2, 1000):
                found = [
                    (item.key, item.is_prefix)
                    async for item in objects.list(prefix, delimiter=delimiter, page_size=size)
                ]
                equal(sorted(lines), found, f"lines of {prefix!r} by {delimiter!r}, {size} a page")

    @law(
        "OBJ-014",
        "A listing tells, and delete_many deletes, all up to its limit, and no other.",
    )
    async def batches_are_whole(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        count = min(objects.pipeline.driver.limits.batch_max_items, 1500) + 10
        keys = [f"many/{number:05}" for number in range(count)]
        for start in range(0, count, 50):
            await asyncio.gather(*(objects.upload(key, b"") for key in keys[start : start + 50]))
        await objects.upload("many", b"kept")
        found = await listed(objects, "many/")
        that(found == keys, f"of {count} objects {len(found)} are listed")
        await objects.delete_many(["missing", *keys, "missing too"])
        equal(["many"], await listed(objects, "many"), f"after {count} were deleted")


async def listed(objects: Objects, prefix: str = "", size: int = 1000) -> list[str]:
    """The keys of a listing, in pages of so many."""
    return [item.key async for item in objects.list(prefix, page_size=size)]


def folded(key: str, prefix: str, delimiter: str | None) -> tuple[str, bool]:
    """The line that a key has in a listing, and whether it is a common prefix."""
    if delimiter is None or delimiter not in key[len(prefix) :]:
        return key, False
    return prefix + key[len(prefix) :].split(delimiter)[0] + delimiter, True
