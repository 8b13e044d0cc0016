"""The laws of documents about ties, counts, kinds of indexes, and every verb of a tenant."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.tenants import of_tenants
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["VerbLaws"]

_TENANTS = ("acme", "acme2", "ACME")
_MANY = 1100
_AT_ONCE = 50


class VerbLaws(Contract):
    """A collection is what was put into it by its own tenant, all of it, in one order."""

    @law("DOC-120", "Where an order leaves a choice it goes by _id upwards, in pages as well.")
    async def ties_go_by_id(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        ids = ["b", "a", "C", "\u00e9", "d", "Z", "\uffee", "\U0001f600"]
        for number, name in enumerate(ids):
            await documents.insert_one("c", {"_id": name, "same": 1, "half": number % 2})
        for way in (1, -1):
            halves = [ids[::2], ids[1::2]][::way]
            for path, groups in (("same", [ids]), ("missing", [ids]), ("half", halves)):
                expected = [name for group in groups for name in sorted(group)]
                sort = [(path, way)]
                found = [row["_id"] for row in await documents.find_many("c", {}, sort=sort)]
                equal(expected, found, f"documents by {sort}")
                pages = documents.iterate("c", {}, sort=sort, page_size=3)
                paged = [entry.document["_id"] async for entry in pages]
                equal(expected, paged, f"documents by {sort}, in pages")

    @law("DOC-121", "However many documents there are, all are counted, found and changed.")
    async def many_are_counted(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for first in range(0, _MANY, _AT_ONCE):
            numbers = range(first, first + _AT_ONCE)
            rows = ({"_id": f"{number:05}", "n": number} for number in numbers)
            await asyncio.gather(*(documents.insert_one("c", row) for row in rows))
        equal(_MANY, await documents.count("c"), "documents counted")
        equal(_MANY - 50, await documents.count("c", {"n": {"$gte": 50}}), "matches counted")
        found = [row["n"] for row in await documents.find_many("c", {})]
        equal(list(range(_MANY)), found, "documents found, by their _id")
        last = {"n": _MANY - 1}
        result = await documents.update_one("c", last, {"$set": {"last": True}})
        equal((1, 1), (result.matched, result.modified), "an update of the last one")
        equal(1, await documents.count("c", {"last": True}), "documents it changed")

    @law(
        "DOC-122",
        "An index of the same fields and the other kind is refused, and the first one stays.",
        needs=[DocumentsFeature.INDEX],
    )
    async def kinds_of_indexes_do_not_change(self, world: World[Any]) -> None:
        one, two = Documents(await world.pipeline()), Documents(await world.pipeline())
        for unique in (True, False):
            name = f"c-{unique}"
            await one.create_index(name, ["a", "b.c"], unique=unique)
            await two.create_index(name, ["a", "b.c"], unique=unique)
            for documents in (one, two):
                with refused(ConflictError, "an index of the other kind"):
                    await documents.create_index(name, ["a", "b.c"], unique=not unique)
            row = {"a": 1, "b": {"c": 2}}
            await one.insert_one(name, row)
            if unique:
                with refused(ConflictError, "a second document in the unique index"):
                    await two.insert_one(name, row)
            else:
                await two.insert_one(name, row)

    @law("DOC-123", "Every verb stays within its tenant.", rung=Rung.TRUST)
    async def every_request_stays_at_home(self, world: World[Any]) -> None:
        pipes = await of_tenants(world, _TENANTS)
        rooms = {tenant: Documents(pipe) for tenant, pipe in pipes.items()}
        for room in rooms.values():
            for name in ("updated", "replaced", "deleted", "kept"):
                await room.insert_one("c", {"_id": name, "of": "all"})
        for turn, (tenant, room) in enumerate(rooms.items(), 1):
            await room.update_one("c", {"_id": "updated"}, {"$set": {"by": tenant}})
            await room.replace_one("c", {"_id": "replaced"}, {"by": tenant})
            await room.update_one("c", {"_id": "new"}, {"$set": {"by": tenant}}, upsert=True)
            await room.delete_one("c", {"_id": "deleted"})
            for number, (other, each) in enumerate(rooms.items(), 1):
                mine = {"by": other} if number <= turn else None
                changed = 3 if mine else 0
                equal(4, await each.count("c"), f"documents of {other!r}")
                told = [await each.count("c", {"by": t}) for t in (other, tenant)]
                expected = [changed, changed if other == tenant else 0]
                equal(expected, told, f"documents of {other!r} after {tenant!r} wrote")
                left = [row["_id"] for row in await each.find_many("c", {"of": "all"})]
                whole = ["deleted", "kept", "replaced", "updated"]
                equal(["kept", "updated"] if mine else whole, left, f"what {other!r} has still")
