"""The law of documents about a client that only reads, beside one that changes in every way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LookerLaws"]

Change = Callable[[Documents, str], Awaitable[object]]


class LookerLaws(Contract):
    """What was found once is looked for anew."""

    @law(
        "DOC-128",
        "A client that only reads finds what another changes, by whatever verb, each time.",
        rung=Rung.CONCURRENCY,
    )
    async def lookers_see_every_change(self, world: World[Any]) -> None:
        writer, looker = Documents(await world.pipeline()), Documents(await world.pipeline())
        transacts = DocumentsFeature.TRANSACTION in writer.pipeline.driver.features
        for turn, (way, (before, change, after)) in enumerate(_WAYS.items()):
            if "transaction" in way and not transacts:
                continue
            name = f"c{turn}"
            if before is not None:
                await writer.insert_one(name, {"_id": "k", "n": before})
            await _sees(looker, name, before, f"before {way}")
            await change(writer, name)
            await _sees(looker, name, after, f"after {way}")


async def _sees(documents: Documents, name: str, n: int | None, about: str) -> None:
    """The one document that a collection has, or none, found in every way."""
    expected = [] if n is None else [{"_id": "k", "n": n}]
    one = await documents.find_one(name, {"_id": "k"})
    equal(expected, [] if one is None else [one], f"the document by its _id {about}")
    equal(expected, await documents.find_many(name, {"n": {"$gte": 0}}), f"by a field {about}")
    equal(expected, await documents.find_many(name, sort="-n"), f"sorted {about}")
    for number in (1, 2):
        matching = await documents.count(name, {"n": number})
        equal(int(number == n), matching, f"the count of {number} {about}")


async def _inside(documents: Documents, name: str) -> None:
    async with documents.transaction() as inside:
        await inside.update_one(name, {"n": 1}, {"$inc": {"n": 1}})


async def _deleted_inside(documents: Documents, name: str) -> None:
    async with documents.transaction() as inside:
        await inside.delete_one(name, {"n": 1})


_K = {"_id": "k"}
_WAYS: dict[str, tuple[int | None, Change, int | None]] = {
    "an insert": (None, lambda documents, name: documents.insert_one(name, {**_K, "n": 2}), 2),
    "an update": (1, lambda documents, name: documents.update_one(name, {}, {"$set": {"n": 2}}), 2),
    "an upsert": (
        None,
        lambda documents, name: documents.update_one(name, _K, {"$set": {"n": 2}}, upsert=True),
        2,
    ),
    "a replacement": (1, lambda documents, name: documents.replace_one(name, _K, {"n": 2}), 2),
    "a delete": (1, lambda documents, name: documents.delete_one(name, {"n": 1}), None),
    "a transaction": (1, _inside, 2),
    "a transaction that deletes": (1, _deleted_inside, None),
}
"""Ways of changing a collection: its number before, the change, its number after."""
