"""The laws of documents about several collections at once, and about values that look alike."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.samples import PARSED_ALIKE, TYPED_ALIKE
from omnicloud_tck.world import World

__all__ = ["SeveralLaws"]

_COLLECTIONS = tuple(f"c{number}" for number in range(8))
_TURNS, _REAL_TURNS = 6, 2
_CANCELLED = 8  # turns of the loop after which an insert is
_EQUAL_IN_PYTHON: tuple[tuple[Any, Any], ...] = ((1, True), (0, False))


class SeveralLaws(Contract):
    """What is one step is one step wherever it is looked at."""

    @law(
        "DOC-138",
        "What a transaction did in several collections is seen together.",
        needs=[DocumentsFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def collections_change_together(self, world: World[Any]) -> None:
        writer = Documents(await world.pipeline())
        readers = [Documents(await world.pipeline()) for _ in range(2)]
        for name in _COLLECTIONS:
            await writer.insert_one(name, {"_id": "k", "turn": 0})

        turns = _TURNS if world.virtual else _REAL_TURNS

        async def write() -> None:
            for turn in range(1, turns + 1):
                async with writer.transaction() as inside:
                    for name in _COLLECTIONS:
                        await inside.update_one(name, {"_id": "k"}, {"$set": {"turn": turn}})

        writing = asyncio.ensure_future(write())
        chance = self.random
        looks = [asyncio.ensure_future(_looks(one, chance, writing)) for one in readers]
        try:
            await asyncio.gather(writing, *looks)
        finally:
            for task in (writing, *looks):
                task.cancel()
        found = [await readers[0].find_one(name, {"_id": "k"}) for name in _COLLECTIONS]
        equal([{"_id": "k", "turn": turns}] * len(_COLLECTIONS), found, "after all transactions")

    @law("DOC-139", "Text stays the text that it is, whatever it could be parsed as.")
    async def text_is_not_parsed(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        texts = [*TYPED_ALIKE, *PARSED_ALIKE]
        row = {"_id": "k", "texts": texts, "by": {str(n): text for n, text in enumerate(texts)}}
        await documents.insert_one("c", row)
        equal(row, await documents.find_one("c", {"_id": "k"}), "texts in a document")
        await documents.update_one("c", {"_id": "k"}, {"$set": {"texts": texts[::-1]}})
        found = await documents.find_one("c", {"_id": "k"})
        equal(texts[::-1], found and found["texts"], "texts that were set")
        for number, text in enumerate(texts[::7]):
            equal(1, await documents.count("c", {f"by.{7 * number}": text}), f"found by {text!r}")

    @law("DOC-140", "A change to what is equal in Python, and no more, is a change: 1 to True.")
    async def kinds_are_changed(self, world: World[Any]) -> None:
        one, two = Documents(await world.pipeline()), Documents(await world.pipeline())
        by = {"_id": "k"}
        for old, new in (*_EQUAL_IN_PYTHON, *(pair[::-1] for pair in _EQUAL_IN_PYTHON)):
            for path, held in (("v", new), ("d", {"in": new}), ("l", [0, new])):
                row = {"v": old, "d": {"in": old}, "l": [0, old]}
                version = (await one.replace_one("c", by, row, upsert=True)).version
                done = await one.update_one("c", by, {"$set": {path: held}})
                about = f"a change of {path} from {old!r} to {new!r}"
                equal((1, 1), (done.matched, done.modified), f"matched and modified by {about}")
                that(done.version != version, f"{about} left the version")
                found = await two.find_one("c", by)
                equal(repr(held), repr(found and found[path]), f"{path} after {about}")

    @law(
        "DOC-141",
        "A cancelled insert is done or not: what it would have taken is there, or free.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_inserts_take_nothing(self, world: World[Any]) -> None:
        one, two = Documents(await world.pipeline()), Documents(await world.pipeline())
        if DocumentsFeature.INDEX in one.pipeline.driver.features:
            await one.create_index("c", "mail", unique=True)
        for turns in range(_CANCELLED):
            by, row = {"_id": f"k{turns}"}, {"_id": f"k{turns}", "mail": f"m{turns}"}
            inserting = asyncio.ensure_future(one.insert_one("c", row))
            for _ in range(turns):
                await asyncio.sleep(0)
            inserting.cancel()
            await asyncio.wait((inserting,))
            for documents in (two, one):
                with contextlib.suppress(AlreadyExistsError):
                    await documents.insert_one("c", row)
                about = f"after an insert that was cancelled in turn {turns}, and another"
                equal(row, await documents.find_one("c", by), about)


async def _looks(documents: Documents, chance: random.Random, until: asyncio.Future[None]) -> None:
    """What was seen in one collection is there in another that is looked at after it."""
    while not until.done():
        seen = 0
        for name in chance.sample(_COLLECTIONS, 2):
            await asyncio.sleep(0)  # a driver may answer without awaiting
            found = await documents.find_one(name, {"_id": "k"})
            turn = 0 if found is None else found["turn"]
            that(turn >= seen, f"transaction {seen} was seen, and then a collection without it")
            seen = max(seen, turn)
