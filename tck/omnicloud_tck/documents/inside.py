"""The law of documents about a transaction that reads and changes what it wrote itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.contracts.documents.models import UpdateResult
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["InsideLaws"]

Filter = dict[str, Any]
First = Callable[[Documents, str, str], Awaitable[object]]
Second = Callable[[Documents, str, Filter], Awaitable[object]]

_ADD = {"$inc": {"n": 1}}
_FIRST: dict[str, First] = {
    "an insert": lambda docs, place, key: docs.insert_one(place, {"_id": key, "k": key, "n": 1}),
    "an upsert": lambda docs, place, key: docs.update_one(
        place, {"_id": key}, {"$set": {"k": key, "n": 1}}, upsert=True
    ),
    "an upsert by a field": lambda docs, place, key: docs.update_one(
        place, {"k": key}, _ADD, upsert=True
    ),
    "a put": lambda docs, place, key: docs.replace_one(
        place, {"_id": key}, {"k": key, "n": 1}, upsert=True
    ),
}
_SECOND: dict[str, tuple[Second, Any, list[int]]] = {
    "an update": (lambda docs, place, by: _told(docs.update_one(place, by, _ADD)), (1, False), [2]),
    "an upsert": (
        lambda docs, place, by: _told(docs.update_one(place, by, _ADD, upsert=True)),
        (1, False),
        [2],
    ),
    "a replacement": (
        lambda docs, place, by: _told(docs.replace_one(place, by, {"n": 7})),
        (1, False),
        [7],
    ),
    "a put": (
        lambda docs, place, by: _told(docs.replace_one(place, by, {"n": 7}, upsert=True)),
        (1, False),
        [7],
    ),
    "a deletion": (lambda docs, place, by: docs.delete_one(place, by), True, []),
    "a count": (lambda docs, place, by: docs.count(place, by), 1, [1]),
    "a search": (lambda docs, place, by: _numbers(docs, place, by), [1], [1]),
}
"""Each with its answer, and the numbers of the documents that it leaves."""


class InsideLaws(Contract):
    """A transaction goes on from where it is itself, not from where it began."""

    @law(
        "DOC-145",
        "Inside a transaction every verb finds what any other made before it, by _id and by field.",
        needs=[DocumentsFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def own_writes_are_found(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        for first, make in _FIRST.items():
            left: dict[str, list[int]] = {}
            async with documents.transaction() as inside:
                for second, (call, expected, numbers) in _SECOND.items():
                    for path in ("_id", "k"):
                        if path == "_id" and first == "an upsert by a field":
                            continue  # its _id is its own
                        place = f"{first} {second} {path}"
                        await make(inside, place, "one")
                        answer = await call(inside, place, {path: "one"})
                        equal(expected, answer, f"{second} by {path} after {first}, inside")
                        left[place] = numbers
            for place, numbers in left.items():
                equal(numbers, await _numbers(other, place, {}), f"numbers after {place}")

    @law(
        "DOC-146",
        "What a transaction deleted is not found in it any more, and its _id is free.",
        needs=[DocumentsFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def own_deletions_are_seen(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        by, row = {"_id": "one"}, {"_id": "one", "k": "old", "n": 5}
        for first in _FIRST:
            await other.insert_one(first, row)
        async with documents.transaction() as inside:
            for first, make in _FIRST.items():
                equal(True, await inside.delete_one(first, {"k": "old"}), "a deletion, inside")
                for gone in (by, {"k": "old"}, {}):
                    equal(0, await inside.count(first, gone), "what is deleted, counted inside")
                    equal([], await _numbers(inside, first, gone), "what is deleted, inside")
                equal(False, await inside.delete_one(first, by), "a second deletion, inside")
                equal((0, False), await _told(inside.update_one(first, by, _ADD)), "its update")
                await make(inside, first, "one")
                equal([1], await _numbers(inside, first, {"k": "one"}), f"{first} after a deletion")
        for first in _FIRST:
            equal([1], await _numbers(other, first, {}), f"{first} after a deletion, committed")


async def _told(change: Awaitable[UpdateResult]) -> tuple[int, bool]:
    """How many matched, and whether one was inserted."""
    result = await change
    return result.matched, result.upserted_id is not None


async def _numbers(documents: Documents, place: str, by: Filter) -> list[int]:
    return [row["n"] for row in await documents.find_many(place, by)]
