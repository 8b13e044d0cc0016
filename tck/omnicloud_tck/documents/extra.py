"""The laws of documents about text, changes and upserts beyond the usual cases."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ExtraLaws"]

_TEXTS = (
    *("", " ", "a", "a ", " a", "a\t", "a\n", "a\0", "A", "\u00c1", "\u00e1", "a\u0301", "\uff41"),
    *("\u00aa", "\u00df", "ss", "\u017f", "\ufb01", "fi", "\u0130", "i", "\u0131", "1", "01"),
    *("\u0663", "%", "_", "\\", "\uffee", "\U0001f980"),
)
"""Texts that a collation, a trim or a fold would make one, in no order."""

_SWEEP = 10  # turns of the loop at which a call is cancelled


class ExtraLaws(Contract):
    """What is promised beyond the usual cases."""

    @law("DOC-060", "Text is equal to itself only, and ordered by code point.")
    async def text_is_compared_exactly(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        if DocumentsFeature.INDEX in documents.pipeline.driver.features:
            await documents.create_index("c", "text", unique=True)
        for number, text in enumerate(_TEXTS):
            await documents.insert_one("c", {"_id": f"{number:02}", "text": text})
        for number, text in enumerate(_TEXTS):
            for given in ({"text": text}, {"text": {"$in": [text]}}):
                found = [row["_id"] for row in await documents.find_many("c", given)]
                equal([f"{number:02}"], found, f"documents for {given!r}")
            larger = sum(other > text for other in _TEXTS)
            equal(larger, await documents.count("c", {"text": {"$gt": text}}), f"above {text!r}")
            others = await documents.count("c", {"text": {"$ne": text}})
            equal(len(_TEXTS) - 1, others, f"texts other than {text!r}")
        for sort, down in (("text", False), ("-text", True)):
            found = [row["text"] for row in await documents.find_many("c", {}, sort=sort)]
            equal(sorted(_TEXTS, reverse=down), found, f"texts by {sort!r}")

    @law("DOC-061", "What a whole condition excludes is met by missing fields and other types.")
    async def opposites_match_the_missing(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        values: tuple[Any, ...] = (0, 1, 2, "1", None, [1], {"w": 1})
        for number, value in enumerate(values):
            await documents.insert_one("c", {"_id": f"{number}", "v": value})
        await documents.insert_one("c", {"_id": "missing"})
        conditions: tuple[tuple[dict[str, Any], set[str]], ...] = (
            ({"v": {"$gt": 0}}, {"1", "2"}),
            ({"v": {"$gte": 1, "$lt": 2}}, {"1"}),
            ({"v": {"$lt": "2"}}, {"3"}),
            ({"v.w": {"$lte": 1}}, {"6"}),
            ({"v": {"$in": [0, None]}}, {"0", "4"}),
            ({"v": 1, "_id": {"$gt": "0"}}, {"1"}),
            ({"w": {"$gt": 0}}, set()),
        )
        everything = {*map(str, range(len(values))), "missing"}
        for condition, chosen in conditions:
            for given, expected in (
                (condition, chosen),
                ({"$not": condition}, everything - chosen),
                ({"$nor": [condition]}, everything - chosen),
                ({"$nor": [condition, {"_id": "missing"}]}, everything - chosen - {"missing"}),
                ({"$not": {"$not": condition}}, chosen),
            ):
                found = {row["_id"] for row in await documents.find_many("c", given)}
                equal(expected, found, f"documents for {given!r}")
                equal(len(expected), await documents.count("c", given), f"count for {given!r}")

    @law("DOC-062", "A change that changes nothing keeps the version and makes nothing.")
    async def no_change_is_no_write(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        row = {"_id": "k", "n": 1, "d": {"e": {"f": [1]}}, "l": []}
        await documents.insert_one("c", row)
        version = await self._version(documents)
        by: dict[str, Any] = {"_id": "k"}
        for update in (
            {"$unset": {"x": ""}},
            {"$unset": {"x.y.z": "", "d.e.g": "", "d.x.y": ""}},
            {"$set": {"n": 1, "d.e.f": [1]}},
            {"$set": {"d": {"e": {"f": [1]}}}},
            {"$inc": {"n": 0}},
        ):
            done = await documents.update_one("c", by, update)
            equal((1, 0), (done.matched, done.modified), f"the result of {update!r}")
            equal(version, await self._version(documents), f"the version after {update!r}")
            equal(row, await documents.find_one("c", by), f"the document after {update!r}")
        same = {key: value for key, value in row.items() if key != "_id"}
        done = await documents.replace_one("c", by, same)
        equal((1, 0), (done.matched, done.modified), "the result of a replacement by the same")
        equal(version, await self._version(documents), "the version after it")
        await documents.update_one("c", by, {"$set": {"n": 2}})
        that(version != await self._version(documents), "a change kept the version")

    async def _version(self, documents: Documents) -> str:
        entry = await documents.find_entry("c", {"_id": "k"})
        return "" if entry is None else entry.version

    @law("DOC-063", "A replacement leaves nothing of what was there, at any depth.")
    async def replacements_are_whole(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        old = {"a": {"b": 1, "c": {"d": 1, "e": 2}}, "l": [1, 2, 3], "n": None}
        replacements: tuple[dict[str, Any], ...] = (
            {"a": {"b": 2}},
            {"a": {"c": {"d": 1}}, "l": [9]},
            {"a": {}, "l": [], "n": {}},
            {"a": None},
            {},
        )
        for new in replacements:
            for upsert in (False, True):
                await documents.replace_one("c", {"_id": "k"}, old, upsert=True)
                done = await documents.replace_one("c", {"_id": "k"}, new, upsert=upsert)
                equal((1, 1), (done.matched, done.modified), "the result of a replacement")
                equal({"_id": "k", **new}, await documents.find_one("c", {}), "what it left")

    @law("DOC-064", "A pushed value is one element, whatever it is.")
    async def pushes_add_one(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        await documents.insert_one("c", {"_id": "k", "l": []})
        values: tuple[Any, ...] = ([1, 2], [], {"a": 1}, {"each": [1]}, None, "text", [[1]])
        for count, value in enumerate(values, 1):
            await documents.update_one("c", {"_id": "k"}, {"$push": {"l": value, "m.n": value}})
            found = await documents.find_one("c", {"_id": "k"}) or {}
            pushed = list(values[:count])
            equal((pushed, pushed), (found["l"], found["m"]["n"]), f"after a push of {value!r}")

    @law("DOC-065", "An upsert begins with all that its filter says is equal, however deep.")
    async def upserts_take_all_equalities(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        deep: dict[str, Any] = {"$and": [{"a": 1}, {"$and": [{"b.c": 2}, {"d": {"$eq": [3]}}]}]}
        made = {"a": 1, "b": {"c": 2}, "d": [3]}
        others = {"$or": [{"e": 1}, {"f": 2}], "g": {"$in": [1]}, "h": {"$gt": 1}, "i": {"$ne": 1}}
        for filter_, expected in (
            (deep, made),
            ({**deep, **others}, made),
            ({"$and": [{"_id": "named"}, {"a": 1}]}, {"_id": "named", "a": 1}),
            ({"a": None, "b": {"$eq": {"c": 1}}}, {"a": None, "b": {"c": 1}}),
            (others, {}),
        ):
            for replaces in (False, True):
                await self._upserts(documents, filter_, expected, replaces=replaces)

    async def _upserts(
        self,
        documents: Documents,
        filter_: dict[str, Any],
        expected: dict[str, Any],
        *,
        replaces: bool,
    ) -> None:
        collection = f"c-{next(_NUMBERS)}"
        if replaces:
            done = await documents.replace_one(collection, filter_, {"new": 1}, upsert=True)
        else:
            update = {"$set": {"new": 1}}
            done = await documents.update_one(collection, filter_, update, upsert=True)
        named = expected.get("_id", done.upserted_id)
        equal(named, done.upserted_id, f"the _id of an upsert by {filter_!r}")
        kept = {} if replaces else expected
        found = await documents.find_many(collection, {})
        equal([{"_id": named, **kept, "new": 1}], found, f"what an upsert by {filter_!r} made")

    @law("DOC-066", "The first by _id is the one that is changed, whichever was written first.")
    async def the_first_is_chosen(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        ids = ["c", "a", "é", "B", "\uffee", "\U0001f980", "b", "10", "9"]
        for order in (ids, ids[::-1], sorted(ids, reverse=True)):
            for id_ in order:
                await documents.insert_one("c", {"_id": id_, "n": 1, "log": []})
            await documents.update_one("c", {"_id": order[0]}, {"$push": {"log": 1}})
            left = sorted(ids)
            first = await documents.find_one("c", {"n": 1})
            equal(left[0], first and first["_id"], "the first that is found")
            await documents.update_one("c", {"n": 1}, {"$set": {"n": 2}})
            await documents.replace_one("c", {"n": 1}, {"n": 3})
            equal([left[0]], await self._with(documents, 2), "the one that was updated")
            equal([left[1]], await self._with(documents, 3), "the one that was replaced")
            for id_ in left[2:]:
                equal(True, await documents.delete_one("c", {"n": 1}), "a deletion")
                equal(None, await documents.find_one("c", {"_id": id_}), "the first, deleted")
            for id_ in left[:2]:
                await documents.delete_one("c", {"_id": id_})
            equal(0, await documents.count("c"), "documents left")

    async def _with(self, documents: Documents, number: int) -> list[str]:
        return [row["_id"] for row in await documents.find_many("c", {"n": number})]

    @law("DOC-068", "A number that is added keeps its kind, whole or not.")
    async def sums_keep_their_kind(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for number, (start, delta) in enumerate(
            ((0.5, 0.5), (1, 1), (1, 1.0), (2.0, 1), (2**53, 1), (0, -0.5), (1.5, -1.5))
        ):
            by = {"_id": f"{number}"}
            await documents.insert_one("c", {**by, "n": start, "l": [start]})
            await documents.update_one("c", by, {"$inc": {"n": delta, "l.0": delta, "new": delta}})
            found = await documents.find_one("c", by) or {}
            equal(start + delta, found["n"], f"{start!r} and {delta!r}")
            equal(start + delta, found["l"][0], f"{start!r} and {delta!r}, in a list")
            equal(delta, found["new"], f"{delta!r} added to what was missing")

    @law(
        "DOC-067",
        "A cancelled insertion, change or deletion is done by the time of the next, or never.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_changes_are_over(self, world: World[Any]) -> None:
        one, two = Documents(await world.pipeline()), Documents(await world.pipeline())
        for turns in range(_SWEEP):
            key = {"_id": f"{turns}"}
            await _cancelled_after(turns, one.insert_one("c", {**key, "n": 0}))
            await two.delete_one("c", key)
            await two.insert_one("d", {**key, "n": 0})
            await _cancelled_after(turns, one.update_one("d", key, {"$inc": {"n": 1}}))
            await two.update_one("d", key, {"$set": {"n": 10}})
            await _cancelled_after(turns, one.delete_one("d", {**key, "n": 0}))
            await _cancelled_after(turns, one.replace_one("d", key, {"n": 5}))
            await two.replace_one("d", key, {"n": 20})
        for _ in range(4):
            equal(0, await two.count("c"), "documents deleted after a cancelled insertion")
            equal(_SWEEP, await two.count("d", {"n": 20}), "documents after cancelled changes")
            await world.sleep(0.6)


_NUMBERS = itertools.count()


async def _cancelled_after(turns: int, call: Coroutine[Any, Any, object]) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, OmniCloudError):
        await task
