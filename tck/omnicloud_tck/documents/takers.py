"""The laws of documents that many change by one condition, and of what was rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["TakerLaws"]

_FREE, _TAKERS = 5, 9


class TakerLaws(Contract):
    """Finding a document and changing it are one step, and a step not taken leaves no trace."""

    async def _clients(self, world: World[Any]) -> list[Documents]:
        return [Documents(await world.pipeline()) for _ in range(3)]

    @law(
        "DOC-124",
        "Of changes at once by one condition each document is changed by one, while it matches.",
        rung=Rung.CONCURRENCY,
    )
    async def each_is_taken_once(self, world: World[Any]) -> None:
        clients = await self._clients(world)
        for way, take in _TAKING.items():
            for number in range(_FREE):
                await clients[0].insert_one(way, {"_id": f"{number}", "state": "free"})
            took = await asyncio.gather(
                *(take(clients[number % 3], way, number) for number in range(_TAKERS))
            )
            equal(_FREE, sum(took), f"documents that {_TAKERS} took at once by {way}")
            equal(0, await clients[1].count(way, {"state": "free"}), f"left free by {way}")
            left = await clients[2].find_many(way, {})
            takers = sorted(row["by"] for row in left)
            winners = [number for number, won in enumerate(took) if won]
            equal([] if way == "delete" else winners, takers, f"takers by {way}")

    @law(
        "DOC-125",
        "Of upserts at once by one condition one inserts, and the others change what it inserted.",
        rung=Rung.CONCURRENCY,
    )
    async def one_upsert_inserts(self, world: World[Any]) -> None:
        clients = await self._clients(world)
        for turn in range(3):
            by = {"name": f"n-{turn}", "kind": {"of": turn}}
            done = await asyncio.gather(
                *(
                    clients[number % 3].update_one("c", by, {"$inc": {"n": 1}}, upsert=True)
                    for number in range(_TAKERS)
                )
            )
            made = [one.upserted_id for one in done if one.upserted_id is not None]
            equal(1, len(made), "upserts that inserted")
            found = await clients[0].find_many("c", by)
            equal([{"_id": made[0], **by, "n": _TAKERS}], found, "what upserts at once left")

    @law(
        "DOC-126",
        "What was rolled back never was: no document, version or taken value is left of it.",
        needs=[DocumentsFeature.TRANSACTION],
    )
    async def rollbacks_leave_nothing(self, world: World[Any]) -> None:
        one, two = (await self._clients(world))[:2]
        indexed = DocumentsFeature.INDEX in one.pipeline.driver.features
        if indexed:
            await one.create_index("c", "mail", unique=True)
        for name in ("changed", "deleted", "kept"):
            await one.insert_one("c", {"_id": name, "mail": name})
        before = await _seen(two)
        try:
            async with one.transaction() as inside:
                await inside.insert_one("c", {"_id": "new", "mail": "of new"})
                await inside.update_one("c", {"_id": "changed"}, {"$set": {"mail": "of changed"}})
                await inside.delete_one("c", {"_id": "deleted"})
                await inside.replace_one("c", {"_id": "put"}, {"mail": "of put"}, upsert=True)
                await inside.replace_one("c", {"_id": "kept"}, {"mail": "of kept"})
                equal(before, await _seen(two), "what others see before the end")
                raise ZeroDivisionError
        except ZeroDivisionError:
            equal(before, await _seen(two), "what is left of a transaction rolled back")
        for number, mail in enumerate(("of new", "of changed", "of put", "of kept")):
            client = (one, two)[number % 2]
            await client.insert_one("c", {"_id": f"later {number}", "mail": mail})
        for mail in ("changed", "deleted", "kept") if indexed else ():
            with refused(AlreadyExistsError, "a value that a rolled back change gave up"):
                await two.insert_one("c", {"mail": mail})


async def _updates(documents: Documents, name: str, number: int) -> bool:
    change = {"$set": {"state": "taken", "by": number}}
    return (await documents.update_one(name, {"state": "free"}, change)).matched == 1


async def _replaces(documents: Documents, name: str, number: int) -> bool:
    new = {"state": "taken", "by": number}
    return (await documents.replace_one(name, {"state": "free"}, new)).matched == 1


async def _deletes(documents: Documents, name: str, number: int) -> bool:
    return await documents.delete_one(name, {"state": "free"})


_TAKING: dict[str, Callable[[Documents, str, int], Awaitable[bool]]] = {
    "update": _updates,
    "replace": _replaces,
    "delete": _deletes,
}


async def _seen(documents: Documents) -> list[object]:
    pages = documents.iterate("c", {})
    return [(entry.document, entry.version) async for entry in pages]
