"""The laws of the documents contract; those about several writers are in ``documents_more``."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

from omnicloud.contracts.documents import Documents, literal, where
from omnicloud.contracts.documents.driver import Find, Insert
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.documents.alike import AlikeLaws
from omnicloud_tck.documents.apart import ApartLaws
from omnicloud_tck.documents.compound import CompoundLaws
from omnicloud_tck.documents.extra import ExtraLaws
from omnicloud_tck.documents.growing import GrowingLaws
from omnicloud_tck.documents.histories import DocumentsHistories
from omnicloud_tck.documents.inside import InsideLaws
from omnicloud_tck.documents.lookers import LookerLaws
from omnicloud_tck.documents.more import MoreLaws
from omnicloud_tck.documents.naming import NamingLaws
from omnicloud_tck.documents.orders import OrderLaws
from omnicloud_tck.documents.programs import DocumentsPrograms
from omnicloud_tck.documents.racing import RacingLaws
from omnicloud_tck.documents.refusing import RefusingLaws
from omnicloud_tck.documents.samples import FILTERS, ROWS, SORTS, VALUES
from omnicloud_tck.documents.several import SeveralLaws
from omnicloud_tck.documents.spelling import SpellingLaws
from omnicloud_tck.documents.takers import TakerLaws
from omnicloud_tck.documents.together import TogetherLaws
from omnicloud_tck.documents.told import ToldLaws
from omnicloud_tck.documents.verbs import VerbLaws
from omnicloud_tck.documents.wide import WideLaws
from omnicloud_tck.general.commits import Commits
from omnicloud_tck.general.cursors import Cursors
from omnicloud_tck.general.held import Unheld
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.pages import Paged
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.general.steady import Steady
from omnicloud_tck.general.unended import Unended
from omnicloud_tck.general.views import Views
from omnicloud_tck.general.waits import Waits
from omnicloud_tck.law import Rung, law
from omnicloud_tck.samples import NAMES, PAYLOADS, look_alikes
from omnicloud_tck.world import World

__all__ = ["DocumentsContract"]

_KIT = "kit"


class DocumentsContract(
    MoreLaws,
    ExtraLaws,
    ApartLaws,
    VerbLaws,
    TakerLaws,
    OrderLaws,
    LookerLaws,
    SpellingLaws,
    RefusingLaws,
    RacingLaws,
    SeveralLaws,
    TogetherLaws,
    InsideLaws,
    NamingLaws,
    GrowingLaws,
    WideLaws,
    AlikeLaws,
    CompoundLaws,
    DocumentsHistories,
    DocumentsPrograms,
    Paged,
    Unheld,
    Silences,
    Steady,
    ToldLaws,
    Cursors,
    Commits,
    Unended,
    Views,
    Waits,
):
    """Every promise of ``Documents``."""

    contract = "documents"

    async def portable(self, world: World[Any]) -> Documents:
        return Documents(await world.pipeline())

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        document = {"payload": payload}
        await Documents(pipeline).replace_one(_KIT, {"_id": name}, document, upsert=True)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        found = await Documents(pipeline).find_one(_KIT, {"_id": name})
        return None if found is None else found["payload"]

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await Documents(pipeline).delete_one(_KIT, {"_id": name})

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.document_max_bytes
        # A third longer in JSON, and there is a name beside it.
        return tuple(payload for payload in PAYLOADS if len(payload) * 3 // 2 + 100 <= limit)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        return {entry.document["_id"] async for entry in Documents(pipeline).iterate(_KIT)}

    @law("DOC-001", "A document comes back as it was, each value of its own type.", rung=Rung.SHAPE)
    async def values_are_kept(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        for number, value in enumerate(VALUES):
            given = {"_id": f"v{number}", "value": value, "nested": {"list": [value, [value]]}}
            await documents.insert_one("c", given)
            found = await documents.find_one("c", {"_id": f"v{number}"})
            equal(_exact(given), _exact(found), f"value {number}")

    @law(
        "DOC-002",
        "A document without _id is given one of its own; a second _id is refused.",
        rung=Rung.SHAPE,
    )
    async def identities_are_unique(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        ids = {await documents.insert_one("c", {"n": n}) for n in range(20)}
        equal(20, len(ids), "different _ids of so many documents")
        equal("mine", await documents.insert_one("c", {"_id": "mine", "n": 1}), "a given _id")
        for other in ({"_id": "mine", "n": 2}, {"_id": "mine"}):
            with refused(AlreadyExistsError, "a second _id"):
                await documents.insert_one("c", other)
        equal({"_id": "mine", "n": 1}, await documents.find_one("c", {"_id": "mine"}), "the first")
        equal(21, await documents.count("c"), "documents after the refused insertions")
        equal(True, await documents.delete_one("c", {"_id": "mine"}), "a deletion")
        equal(False, await documents.delete_one("c", {"_id": "mine"}), "a second deletion")
        equal(None, await documents.find_one("c", {"_id": "mine"}), "a deleted document")
        await documents.insert_one("c", {"_id": "mine", "n": 3})
        for left in (20, 19, 18):
            equal(left, await documents.count("c", {"n": {"$lt": 20}}) - 1, "documents left")
            await documents.delete_one("c", {"n": {"$lt": 20}})

    @law("DOC-003", "Of concurrent insertions of one _id, one succeeds.", rung=Rung.CONCURRENCY)
    async def one_insertion_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        for turn in range(3):
            tries = (
                clients[n % 3].insert_one("c", {"_id": f"t{turn}", "by": n}) for n in range(12)
            )
            answers = await asyncio.gather(*tries, return_exceptions=True)
            won = [n for n, answer in enumerate(answers) if isinstance(answer, str)]
            lost = [a for a in answers if isinstance(a, AlreadyExistsError)]
            equal((1, 11), (len(won), len(lost)), "insertions that succeeded and were refused")
            found = await clients[0].find_one("c", {"_id": f"t{turn}"})
            equal({"_id": f"t{turn}", "by": won[0]}, found, "the winner's document")

    @law("DOC-004", "Collections share nothing, however alike their names.")
    async def collections_share_nothing(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        names = dict.fromkeys((*NAMES, *look_alikes("like-"), "a::b", "a", "a:", "a.b", "a b"))
        for number, name in enumerate(names):
            equal(None, await documents.find_one(name, {}), f"collection {name[:40]!r}, untouched")
            await documents.insert_one(name, {"_id": "b::c", "n": number})
            await documents.insert_one(name, {"_id": "c", "n": -number})
        for number, name in enumerate(names):
            found = await documents.find_many(name, {})
            expected = [{"_id": "b::c", "n": number}, {"_id": "c", "n": -number}]
            equal(expected, found, f"collection {name[:40]!r}")
        await documents.delete_one("a", {"_id": "c"})
        equal(2, await documents.count("a::b"), "the neighbour of a changed collection")

    @law("DOC-005", "What is given and what is answered is copied, at every depth.")
    async def nothing_is_shared(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        given: dict[str, Any] = {"_id": "k", "list": [1, {"deep": [1]}], "dict": {"a": 1}}
        await documents.pipeline.send(Insert("c", given))
        given["list"][1]["deep"].append(2)
        given["dict"]["a"] = 2
        expected = {"_id": "k", "list": [1, {"deep": [1]}], "dict": {"a": 1}}
        equal(expected, await documents.find_one("c", {}), "after the caller changed what it gave")
        for find in (Find("c"), Find("c", where(_id="k"))):
            answered = await _first(documents, find)
            answered["list"][1]["deep"].append(2)
            answered["dict"]["a"] = 2
            answered["new"] = 1
            equal(expected, await documents.find_one("c", {}), "after a reader changed its answer")
        pushed: list[Any] = [1]
        await documents.update_one("c", {}, {"$set": {"dict": {"a": pushed}}})
        pushed.append(2)
        found = await documents.find_one("c", {}) or {}
        equal({"a": [1]}, found["dict"], "after the caller changed what it set")

    @law("DOC-010", "A filter finds exactly what it says: types, nulls, missing fields, lists.")
    async def filters_mean_what_they_say(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        for row in ROWS:
            await documents.insert_one("c", row)
        for given, expected in FILTERS:
            found = [row["_id"] for row in await documents.find_many("c", given)]
            equal(sorted(expected), found, f"documents for {given!r}")
            equal(len(expected), await documents.count("c", given), f"count for {given!r}")
            one = await documents.find_one("c", given)
            equal(min(expected, default=None), one and one["_id"], f"find_one for {given!r}")

    @law(
        "DOC-011",
        "A value that looks like an operator is a value where it is said to be one.",
        rung=Rung.TRUST,
    )
    async def values_are_no_operators(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        for name in ("ada", "bob"):
            await documents.insert_one("users", {"_id": name, "name": name, "n": {"a": 1}})
        hostile: tuple[Any, ...] = (
            {"$ne": "x"},
            {"$gt": ""},
            {"$exists": True},
            {"$in": ["ada", "bob"]},
            {"$regex": ".*"},
            {"$not": {"$eq": 1}},
            [{"$ne": "x"}],
            {"a": {"$ne": 1}},
        )
        for value in hostile:
            filters: tuple[Any, ...] = (
                where(name=value),
                {"name": literal(value)},
                where({"n": value}),
                {"name": {"$in": [literal(value), "nobody"]}},
                {"$or": [{"name": literal(value)}, {"n": {"$eq": literal(value)}}]},
            )
            for given in filters:
                equal([], await documents.find_many("users", given), f"documents for {value!r}")
                equal(0, await documents.count("users", given), f"count for {value!r}")
                equal(False, await documents.delete_one("users", given), f"delete by {value!r}")
                changed = await documents.update_one("users", given, {"$set": {"hit": True}})
                equal(0, changed.matched, f"update by {value!r}")
            opposites: tuple[Any, ...] = (
                {"name": {"$ne": literal(value)}},
                {"n": {"$nin": [literal(value)]}},
                {"$nor": [{"name": literal(value)}]},
            )
            for given in opposites:
                equal(2, len(await documents.find_many("users", given)), f"not {value!r}")
                equal(2, await documents.count("users", given), f"count for not {value!r}")
        equal({"a": 1}, (await documents.find_one("users", where(n={"a": 1})) or {})["n"], "a dict")

    @law("DOC-013", "An order is kept across types, downwards, by _id in ties, page by page.")
    async def orders_are_kept(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        for row in ROWS:
            await documents.insert_one("c", row)
        for sort, expected in SORTS:
            found = [row["_id"] for row in await documents.find_many("c", {}, sort=sort)]
            equal(list(expected), found, f"documents by {sort!r}")
            for size in (1, 3):
                paged = [
                    entry.document["_id"]
                    async for entry in documents.iterate("c", {}, sort=sort, page_size=size)
                ]
                equal(found, paged, f"documents by {sort!r}, {size} a page")
            few = [row["_id"] for row in await documents.find_many("c", {}, sort=sort, limit=3)]
            equal(found[:3], few, f"the first three by {sort!r}")

    @law(
        "DOC-014",
        "Pages go on after a document between them was deleted or written.",
        rung=Rung.CONCURRENCY,
    )
    async def pages_survive_changes(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        for number in range(9):
            await documents.insert_one("c", {"_id": f"{number}", "n": number})
        for sort in ((), "n"):
            page = documents.iterate("c", {}, sort=sort, page_size=2)
            seen = [(await anext(page)).document["n"] for _ in range(2)]
            await documents.delete_one("c", {"_id": "0"})
            seen += [entry.document["n"] async for entry in page]
            equal(list(range(9)), seen, f"documents by {sort!r}, changed between the pages")
            await documents.insert_one("c", {"_id": "0", "n": 0})
            page = documents.iterate("c", {}, sort=sort, page_size=2)
            seen = [(await anext(page)).document["n"] for _ in range(2)]
            await documents.insert_one("c", {"_id": "0a", "n": 0.5})
            seen += [entry.document["n"] async for entry in page]
            equal(list(range(9)), seen, f"documents by {sort!r}, one written before the page")
            await documents.delete_one("c", {"_id": "0a"})

    @law("DOC-015", "An update changes the fields it names, in the first document that matches.")
    async def updates_change_what_they_name(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        for name in "abc":
            await documents.insert_one("c", {"_id": name, "n": 1, "s": {"t": 1, "u": 2}, "l": [1]})
        done = await documents.update_one("c", {"n": 1}, {"$set": {"n": 2, "s.t": "x", "new": {}}})
        equal((1, 1, None), (done.matched, done.modified, done.upserted_id), "the result")
        changed = {"_id": "a", "n": 2, "s": {"t": "x", "u": 2}, "l": [1], "new": {}}
        rest = [{"_id": n, "n": 1, "s": {"t": 1, "u": 2}, "l": [1]} for n in "bc"]
        equal([changed, *rest], await documents.find_many("c", {}), "after one update")
        update = {
            "$unset": {"s.u": "", "missing": ""},
            "$inc": {"n": -3, "count": 2},
            "$push": {"l": {"deep": True}, "log": 1},
            "$set": {"l2.a.b": [1]},
        }
        await documents.update_one("c", {"_id": "b"}, update)
        expected = {
            "_id": "b",
            "n": -2,
            "s": {"t": 1},
            "l": [1, {"deep": True}],
            "count": 2,
            "log": [1],
            "l2": {"a": {"b": [1]}},
        }
        equal(expected, await documents.find_one("c", {"_id": "b"}), "after every operator")
        await documents.update_one("c", {"_id": "b"}, {"$set": {"l.1.deep": None}})
        found = await documents.find_one("c", {"_id": "b"}) or {}
        equal([1, {"deep": None}], found["l"], "after an update inside a list")
        none = await documents.update_one("c", {"_id": "z"}, {"$set": {"n": 1}})
        equal((0, 0, None), (none.matched, none.modified, none.upserted_id), "no match")
        equal(3, await documents.count("c"), "documents after an update without a match")

    @law("DOC-016", "An update that cannot be made changes nothing at all.")
    async def failed_updates_change_nothing(self, world: World[Any]) -> None:
        documents = await self.portable(world)
        row = {"_id": "k", "s": "text", "n": 2**63 - 1, "l": [1], "b": True, "null": None}
        await documents.insert_one("c", row)
        for wrong in (
            {"$inc": {"s": 1}},
            {"$inc": {"n": 1}},
            {"$inc": {"b": 1}},
            {"$inc": {"null": 1}},
            {"$push": {"s": 1}},
            {"$push": {"null": 1}},
            {"$set": {"s.t": 1}},
            {"$set": {"l.5": 1}},
        ):
            with refused(ConflictError, f"the update {wrong!r}"):
                await documents.update_one("c", {"_id": "k"}, {"$unset": {"b2": 1}, **wrong})
            both = {**wrong, "$set": {**wrong.get("$set", {}), "a": 1, "other": 1}}
            with refused(ConflictError, f"the update {both!r}"):
                await documents.update_one("c", {"_id": "k"}, both)
            equal(row, await documents.find_one("c", {}), f"after the refused {wrong!r}")


async def _first(documents: Documents, find: Find) -> Any:
    """The first document, on whichever page it is."""
    page = await documents.pipeline.send(find)
    while not page.items and page.cursor is not None:
        find = replace(find, cursor=page.cursor)
        page = await documents.pipeline.send(find)
    return page.items[0].document


def _exact(value: Any) -> Any:
    """The value with its types, so that 1, 1.0 and True differ, and a moment has its offset."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, datetime):
        return "datetime", value.replace(tzinfo=None), value.utcoffset()
    return type(value).__name__, value
