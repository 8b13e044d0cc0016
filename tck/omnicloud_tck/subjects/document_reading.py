"""Documents and a model of them, asked and changed in every way and compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.documents.driver import Insert
from omnicloud.contracts.documents.models import UpdateResult
from omnicloud.contracts.documents.values import checked_document
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.model import Failed
from omnicloud_tck.programs.twins import outcome
from omnicloud_tck.subjects.collection import CONFLICT, EXISTS, Collection, Made
from omnicloud_tck.subjects.plain import Plain, apart, exact

__all__ = ["DocumentReading"]


class DocumentReading:
    """Clients of a store, or the inside of a transaction, beside collections."""

    def __init__(self, space: str, rooms: dict[str, Collection]) -> None:
        self._space = space
        self.rooms = rooms

    def _room(self, place: str) -> Collection:
        return self.rooms.setdefault(place, Collection())

    async def find(
        self, documents: Documents, place: str, condition: Any, sort: Any, limit: int | None
    ) -> None:
        expected = self._room(place).sorted(condition or {}, sort)[:limit]
        found = await documents.find_many(self._space + place, condition, sort=sort, limit=limit)
        equal(exact(expected), exact(found), f"documents for {condition!r} by {sort!r}")
        _spoil(found)

    async def one(self, documents: Documents, place: str, condition: Plain, sort: Any) -> None:
        expected = next(iter(self._room(place).sorted(condition, sort)), None)
        found = await documents.find_one(self._space + place, condition, sort=sort)
        equal(exact(expected), exact(found), f"the first for {condition!r} by {sort!r}")
        _spoil(found)

    async def entry(self, documents: Documents, place: str, condition: Plain, sort: Any) -> None:
        room = self._room(place)
        expected = next(iter(room.sorted(condition, sort)), None)
        entry = await documents.find_entry(self._space + place, condition, sort=sort)
        equal(exact(expected), exact(entry and entry.document), f"the first for {condition!r}")
        if entry is not None:
            room.saw(entry.document["_id"], entry.version)
            _spoil(entry.document)

    async def pages(
        self, documents: Documents, place: str, condition: Plain, sort: Any, size: int
    ) -> None:
        room, seen = self._room(place), []
        pages = documents.iterate(self._space + place, condition, sort=sort, page_size=size)
        async for entry in pages:
            room.saw(entry.document["_id"], entry.version)
            seen.append(entry.document)
        expected = room.sorted(condition, sort)
        equal(exact(expected), exact(seen), f"documents for {condition!r} by {sort!r}, by pages")

    async def torn(
        self,
        documents: Documents,
        place: str,
        condition: Plain,
        sort: Any,
        size: int,
        victim: str,
    ) -> None:
        """Pages between which a document is deleted, or written where there is none."""
        room = self._room(place)
        before, seen = room.sorted(condition, sort), []
        pages = documents.iterate(self._space + place, condition, sort=sort, page_size=size)
        async for entry in pages:
            seen.append(entry.document)
            if len(seen) == 1 and victim in room.rows:
                await self.delete(documents, place, {"_id": victim}, "")
            elif len(seen) == 1:
                await self.insert(documents, place, victim, {})
        rest = [row for row in seen if row["_id"] != victim]
        expected = [row for row in before if row["_id"] != victim]
        equal(exact(expected), exact(rest), f"documents by {sort!r} while {victim!r} changed")
        that(len(seen) - len(rest) < 2, f"{victim!r} came twice")

    async def count(self, documents: Documents, place: str, condition: Any) -> None:
        number = await documents.count(self._space + place, condition)
        expected = len(self._room(place).matching(condition or {}))
        equal(expected, number, f"count for {condition!r}")

    async def whole(self, documents: Documents, places: Iterable[str]) -> None:
        """All that is there, in these collections."""
        for place in places:
            await self.pages(documents, place, {}, [], 1000)

    # Changes

    async def insert(self, documents: Documents, place: str, id_: str, fields: Plain) -> Made:
        row, room = {"_id": id_, **fields}, self._room(place)
        given = apart(row)
        got = await outcome(documents.insert_one(self._space + place, given))
        _spoil(given)
        refused = id_ in room.rows or room.taken(row)
        equal(EXISTS if refused else id_, got, f"insert {id_!r}")
        if refused:
            return EXISTS
        room.wrote(row, None)
        return row

    async def told(self, documents: Documents, place: str, id_: str, fields: Plain) -> Made:
        """Insert a document and hear its version, of which users hear when they look."""
        row, room = {"_id": id_, **fields}, self._room(place)
        refused = id_ in room.rows or room.taken(row)
        op = Insert(self._space + place, checked_document(apart(row)))
        got = await outcome(documents.pipeline.send(op))
        if refused:
            equal(EXISTS, got, f"insert {id_!r}")
            return EXISTS
        that(isinstance(got, str) and got, f"an insert of {id_!r} told no version but {got!r}")
        room.wrote(row, str(got))
        return row

    async def insert_new(self, documents: Documents, place: str, fields: Plain) -> None:
        """Insert a document without an ``_id``."""
        room = self._room(place)
        refused = room.taken({"_id": None, **fields})
        got = await outcome(documents.insert_one(self._space + place, fields))
        if refused:
            equal(EXISTS, got, "insert a document whose unique field is taken")
        else:
            that(isinstance(got, str) and got and got not in room.rows, f"a new _id: {got!r}")
            room.wrote({"_id": got, **fields}, None)

    async def update(
        self,
        documents: Documents,
        place: str,
        condition: Plain,
        update: Any,
        upsert: bool,
        which: str,
    ) -> Made:
        room = self._room(place)
        made = room.updated(condition, update, upsert=upsert)
        given = await self._condition(documents, place, condition, which)
        call = documents.update_one(self._space + place, condition, update, upsert=upsert, **given)
        return self._result(room, condition, given, made, await outcome(call))

    upsert = update_at = update

    async def replace(
        self,
        documents: Documents,
        place: str,
        condition: Plain,
        fields: Plain,
        upsert: bool,
        which: str,
    ) -> Made:
        room = self._room(place)
        made = room.replaced(condition, fields, upsert=upsert)
        given = await self._condition(documents, place, condition, which)
        call = documents.replace_one(self._space + place, condition, fields, upsert=upsert, **given)
        return self._result(room, condition, given, made, await outcome(call))

    put = replace_at = replace

    async def delete(self, documents: Documents, place: str, condition: Plain, which: str) -> Made:
        room = self._room(place)
        first = room.first(condition)
        given = await self._condition(documents, place, condition, which)
        got = await outcome(documents.delete_one(self._space + place, condition, **given))
        if self._conflicts(room, first, given):
            equal(CONFLICT, got, f"a deletion of another version of {first!r}")
            return CONFLICT
        equal(first is not None, got, f"delete by {condition!r}")
        if first is not None:
            room.forget(first)
        return None

    delete_at = delete

    async def _condition(
        self, documents: Documents, place: str, condition: Plain, which: str
    ) -> dict[str, Any]:
        """The version to ask for, looked up where it is not known."""
        if not which:
            return {}
        room = self._room(place)
        first = room.first(condition)
        if first is not None:
            await self.entry(documents, place, {"_id": first}, [])
        return {"if_version": room.version(first, which)}

    @staticmethod
    def _conflicts(room: Collection, first: str | None, given: dict[str, Any]) -> bool:
        return bool(given) and room.versions.get(first or "") != given["if_version"]

    def _result(
        self,
        room: Collection,
        condition: Plain,
        given: dict[str, Any],
        made: Made,
        got: UpdateResult | Failed,
    ) -> Made:
        """Compare the result of a change of the first match, or of an insertion."""
        first = room.first(condition)
        if self._conflicts(room, first, given):
            made = CONFLICT
        if isinstance(made, Failed):
            equal(made, got, f"a change of {first!r} that cannot be")
        elif made is None:
            equal((0, 0, None, None), _told(got), "the result of a change that matched nothing")
        else:
            self._changed(room, first, made, got)
        return made

    @staticmethod
    def _changed(
        room: Collection, first: str | None, made: Plain, got: UpdateResult | Failed
    ) -> None:
        id_ = made["_id"]
        same = first is not None and exact(made) == exact(room.rows[first])
        expected = (0, 0, id_) if first is None else (1, 0 if same else 1, None)
        equal(expected, _told(got)[:3], f"the result of a change of {id_!r}")
        version = got.version if isinstance(got, UpdateResult) else None
        if same:
            room.saw(id_, version)
        else:
            that(version, f"a change of {id_!r} told no version")
            room.wrote(made, version)


def _spoil(answer: Any) -> None:
    """Change an answer, or what was given, at every depth: it is the caller's own."""
    below = answer.values() if isinstance(answer, dict) else answer
    if isinstance(answer, dict | list):
        for item in list(below):
            _spoil(item)
    if isinstance(answer, list):
        answer.append("spoilt")
    elif isinstance(answer, dict):
        answer["spoilt"] = True


def _told(got: UpdateResult | Failed) -> Any:
    if isinstance(got, Failed):
        return got.error, None, None, None
    return got.matched, got.modified, got.upserted_id, got.version
