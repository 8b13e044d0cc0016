"""The law of documents about filters of many values and parts."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["WideLaws"]

_MANY = 1010
"""Values of a filter: services look at 10, 30, 100 or 999 at once."""
_PARTS = 101
_HELD = (0, 10, 30, 99, _PARTS - 1, _PARTS, 999, _MANY - 1, _MANY + 5)
"""Places, in the filter, of what is there; the last one is in none."""


def _id(place: int) -> str:
    return f"{place:05}"


def _filters() -> list[tuple[str, dict[str, Any], list[int]]]:
    """Filters of many values or parts, with the places that they find."""
    ids, numbers = list(map(_id, range(_MANY))), list(range(_MANY))
    few = [place for place in _HELD if place < _PARTS]
    found, last = [place for place in _HELD if place < _MANY], _HELD[-1:]
    return [
        ("ids of $in", {"_id": {"$in": ids}}, found),
        ("values of $in", {"n": {"$in": numbers[::-1]}}, found),
        ("values of $nin", {"n": {"$nin": numbers}}, list(last)),
        ("ids of $nin", {"_id": {"$nin": ids}}, list(last)),
        ("parts of $or", {"$or": [{"n": n} for n in range(_PARTS)]}, few),
        ("parts of $or, by _id", {"$or": [{"_id": _id(n)} for n in range(_PARTS)]}, few),
        (
            "parts of $nor",
            {"$nor": [{"n": n} for n in range(_PARTS)]},
            [place for place in _HELD if place >= _PARTS],
        ),
        (
            "parts of $and",
            {"$and": [{"n": {"$ne": n}} for n in range(_PARTS)]},
            [place for place in _HELD if place >= _PARTS],
        ),
    ]


class WideLaws(Contract):
    """A filter is looked at to its end."""

    @law("DOC-149", "However many values or parts a filter has, all of them count.")
    async def filters_are_read_to_the_end(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for place in _HELD:
            await documents.insert_one("c", {"_id": _id(place), "n": place, "to": "change"})
        for what, condition, places in _filters():
            found = [row["n"] for row in await documents.find_many("c", condition)]
            equal(places, found, f"documents found by {what}")
            paged = [e.document["n"] async for e in documents.iterate("c", condition, page_size=5)]
            equal(places, paged, f"documents found by {what}, in pages")
            equal(len(places), await documents.count("c", condition), f"counted by {what}")
            last = {"$and": [condition, {"n": places[-1]}]}
            done = await documents.update_one("c", last, {"$set": {"by": what}})
            equal((1, 1), (done.matched, done.modified), f"a change of the last by {what}")
        gone = {"_id": {"$in": list(map(_id, range(_MANY)))}, "n": _MANY - 1}
        equal(True, await documents.delete_one("c", gone), "a deletion of the last of many ids")
