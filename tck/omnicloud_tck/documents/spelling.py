"""Laws of odd ids and fields, and of transactions that stay open for long."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.samples import NAMES, TYPED_ALIKE, look_alikes
from omnicloud_tck.world import World

__all__ = ["SpellingLaws"]

_FIELDS: tuple[str, ...] = (
    *("o'clock", 'in "quotes"', "`ticks`", "a--", "a;b", "a)b", "(a", "a]b", "[0]", "a{b}", "a,b"),
    *("a\\b", "a/b", "a:b", "a::text", "a b", " a", "a ", "A", "a", "%s", "a%b", "a_b", "?", "*"),
    *("@a", "#a", "a=b", "a->b", "a->>b", "~", "0", "00", "-1", "null", "true", "length"),
    *("__proto__", "key", "value", "id", "version", "data", "select"),
    *("é", "e\u0301", "\U0001f980", "\n", "\t", "a\u200b", "{{a}}", "<a>", "&amp;", "a|b", "a$b"),
)
"""Names that a query written by hand takes for its own signs and words."""
_LONG_SECONDS = 3600.0
_SHORT_SECONDS = 0.1


class SpellingLaws(Contract):
    """A name is a name, wherever it stands."""

    @law("DOC-133", "An _id is text, however much it looks like something else.")
    async def ids_are_text(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        ids = list(dict.fromkeys((*TYPED_ALIKE, *look_alikes("like-"), *NAMES)))
        for number, id_ in enumerate(ids):
            await documents.insert_one("c", {"_id": id_, "n": number})
        for number, id_ in enumerate(ids):
            found = await documents.find_one("c", {"_id": id_})
            equal({"_id": id_, "n": number}, found, f"the document {id_[:40]!r}")
        for id_ in TYPED_ALIKE:
            with refused(AlreadyExistsError, f"a second document {id_!r}"):
                await documents.insert_one("c", {"_id": id_})
        expected = sorted(ids)
        equal(expected, [row["_id"] for row in await documents.find_many("c")], "all, by _id")

    @law(
        "DOC-134",
        "A field may have any name: it is found, ordered, changed and taken away by it alone.",
        rung=Rung.TRUST,
    )
    async def fields_have_any_name(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for number, name in enumerate(_FIELDS):
            row = {"_id": f"{number:03}", name: number, "d": {name: number}, "every": 1}
            await documents.insert_one("c", row)
        for number, name in enumerate(_FIELDS):
            await self._is_found(documents, name, number)
        for number, name in enumerate(_FIELDS):
            await self._is_changed(documents, name, f"{number:03}")
        equal(len(_FIELDS), await documents.count("c", {"every": 1}), "documents, after all")

    async def _is_found(self, documents: Documents, name: str, number: int) -> None:
        id_ = f"{number:03}"
        for condition in ({name: number}, {f"d.{name}": number}):
            equal(id_, await self._only(documents, condition), f"documents for {condition!r}")
        first = await documents.find_one("c", {}, sort=[(name, -1)])
        equal(id_, first and first["_id"], f"the first by {name!r}, downwards")

    async def _is_changed(self, documents: Documents, name: str, id_: str) -> None:
        by = {"_id": id_}
        await documents.update_one("c", by, {"$set": {f"d.{name}": "new"}, "$inc": {name: 1000}})
        equal(id_, await self._only(documents, {f"d.{name}": "new"}), f"what was set at {name!r}")
        await documents.update_one("c", by, {"$unset": {name: ""}, "$push": {f"l.{name}": 1}})
        equal(None, await self._only(documents, {name: {"$exists": True}}), f"{name!r}, unset")
        equal(id_, await self._only(documents, {f"l.{name}": [1]}), f"what was pushed at {name!r}")

    async def _only(self, documents: Documents, condition: dict[str, Any]) -> str | None:
        found = await documents.find_many("c", condition)
        return ",".join(row["_id"] for row in found) or None

    @law(
        "DOC-135",
        "What a transaction tells as written is there, however long it was open.",
        needs=[DocumentsFeature.TRANSACTION],
        rung=Rung.RESILIENCE,
        patience=4 * _LONG_SECONDS,
    )
    async def long_transactions_tell_the_truth(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        told = True
        try:
            async with documents.transaction() as inside:
                await inside.insert_one("c", {"_id": "long"})
                # It may wait for the transaction, or end it.
                meanwhile = asyncio.ensure_future(other.insert_one("c", {"_id": "other"}))
                await world.sleep(_LONG_SECONDS if world.virtual else _SHORT_SECONDS)
        except ConflictError:
            told = False
        await meanwhile
        equal(told, await other.count("c", {"_id": "long"}) == 1, "a transaction that ended well")
        equal(1, await other.count("c", {"_id": "other"}), "what was written meanwhile")
