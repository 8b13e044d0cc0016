"""Laws of calls that are refused inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import ConflictError, OmniCloudError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["TogetherLaws"]

Refused = Callable[[Documents], Coroutine[Any, Any, object]]

_BY = {"_id": "held"}
_SET = {"$set": {"n": 2}}
_IN_PART: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("a field", "an addition to text", {"$set": {"a": 5}, "$inc": {"text": 1}}),
    ("an addition", "one to text", {"$inc": {"n": 1, "text": 1}}),
    ("a removal", "a push to text", {"$unset": {"n": ""}, "$push": {"text": 1}}),
    ("a list", "a way through text", {"$push": {"l": 1}, "$set": {"text.deep": 1}}),
)
_REFUSED: dict[str, Refused] = {
    "an insert of a taken _id": lambda docs: docs.insert_one("c", _BY),
    "an addition to text": lambda docs: docs.update_one("c", _BY, {"$inc": {"text": 1}}),
    "a way through text": lambda docs: docs.update_one("c", _BY, {"$set": {"text.deep": 1}}),
    **{
        f"{good} and {bad}": partial(Documents.update_one, collection="c", filter=_BY, update=both)
        for good, bad, both in _IN_PART
    },
}
_UNIQUE: dict[str, Refused] = {
    "an insert of a taken value": lambda docs: docs.insert_one("c", {"mail": "x"}),
    "an upsert of a taken value": lambda docs: docs.update_one(
        "c", {"_id": "new"}, {"$set": {"mail": "x"}}, upsert=True
    ),
    "a field and a taken value": lambda docs: docs.update_one(
        "c", _BY, {"$set": {"a": 5, "mail": "x"}, "$inc": {"n": 1}}
    ),
    "a change to a taken value": lambda docs: docs.update_one("c", _BY, {"$set": {"mail": "x"}}),
    "a replacement with a taken value": lambda docs: docs.replace_one("c", _BY, {"mail": "x"}),
}
_CONDITIONAL: dict[str, Refused] = {
    "an update of an old version": lambda docs: docs.update_one("c", _BY, _SET, if_version="0"),
    "a replacement of an old version": lambda docs: docs.replace_one("c", _BY, {}, if_version="0"),
    "a deletion of an old version": lambda docs: docs.delete_one("c", _BY, if_version="0"),
}
_SECOND: dict[str, Refused] = {
    "an insert": lambda docs: docs.insert_one("c", {"mail": "y"}),
    "an upsert": lambda docs: docs.update_one("c", {"_id": "new", "mail": "y"}, _SET, upsert=True),
    "a change": lambda docs: docs.update_one("c", _BY, {"$set": {"mail": "y"}}),
    "a replacement": lambda docs: docs.replace_one("c", _BY, {"mail": "y"}),
}


class _Undone(Exception):  # noqa: N818 - thrown to take a transaction back
    """Nothing of it shall stay."""


class TogetherLaws(Contract):
    """A transaction that ends well has done all that it was not refused."""

    @law(
        "DOC-142",
        "After a refused call the rest of a transaction is done, or its end is an error.",
        needs=[DocumentsFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def refusals_undo_nothing_in_silence(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        features = documents.pipeline.driver.features
        calls = dict(_REFUSED)
        if DocumentsFeature.INDEX in features:
            await documents.create_index("c", "mail", unique=True)
            calls |= _UNIQUE
        if DocumentsFeature.COMPARE_AND_SET in features:
            calls |= _CONDITIONAL
        held = {**_BY, "text": "t", "n": 1}
        await documents.insert_one("c", held)
        await documents.insert_one("c", {"_id": "taken", "mail": "x"})
        for about, call in calls.items():
            told = await self._told(documents, about, call)
            expected = ["after", "before"] if told else []
            for place in ("c", "d"):
                rows = await other.find_many(place, {"by": about})
                equal(expected, [row["_id"][:6].strip() for row in rows], f"in {place}, {about}")
            equal(held, await other.find_one("c", _BY), f"the document after {about}")

    async def _told(self, documents: Documents, about: str, call: Refused) -> bool:
        """Whether a transaction with a refused call in its middle says that it was done."""
        try:
            async with documents.transaction() as inside:
                for place in ("c", "d"):
                    await inside.insert_one(place, {"_id": f"before {about}", "by": about})
                with refused(ConflictError, about):
                    await call(inside)
                for place in ("d", "c"):
                    await inside.insert_one(place, {"_id": f"after  {about}", "by": about})
        except ConflictError:
            return False
        return True

    @law(
        "DOC-143",
        "In a transaction a unique index binds what it wrote itself, and not what it took away.",
        needs=[DocumentsFeature.TRANSACTION, DocumentsFeature.INDEX],
        rung=Rung.CONCURRENCY,
    )
    async def indexes_bind_inside(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        await documents.create_index("c", "mail", unique=True)
        await other.insert_one("c", {**_BY, "mail": "x"})
        for about, second in _SECOND.items():
            with refused(ConflictError, f"{about} of a value that the transaction wrote"):
                async with documents.transaction() as inside:
                    await inside.insert_one("c", {"_id": "first", "mail": "y"})
                    await second(inside)
            equal([{**_BY, "mail": "x"}], await other.find_many("c"), f"documents after {about}")
        async with documents.transaction() as inside:
            await inside.delete_one("c", _BY)
            await inside.insert_one("c", {"_id": "next", "mail": "x"})
        equal([{"_id": "next", "mail": "x"}], await other.find_many("c"), "documents at the end")

    @law(
        "DOC-144",
        "An index that was made in a transaction is gone when that is undone.",
        needs=[DocumentsFeature.TRANSACTION, DocumentsFeature.INDEX],
        rung=Rung.CONCURRENCY,
    )
    async def undone_indexes_are_gone(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        await documents.insert_one("c", {"_id": "first", "mail": "x"})
        try:
            async with documents.transaction() as inside:
                await inside.create_index("c", "mail", unique=True)
                raise _Undone
        except _Undone:
            pass
        except OmniCloudError:
            return  # it makes none there
        for each in (documents, other):
            await each.insert_one("c", {"mail": "x"})
            await each.create_index("c", "mail")
        equal(3, await other.count("c", {"mail": "x"}), "documents that an index would bind")
