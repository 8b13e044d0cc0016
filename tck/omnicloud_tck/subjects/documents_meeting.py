"""Changes, reads and transactions of documents that meet on the same two."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.contracts.documents.models import DocumentEntry, UpdateResult
from omnicloud_tck.programs.meetings import CANARY
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe, Version

__all__ = ["DOCUMENTS_MEETING"]

_K, _L = {"_id": "k"}, {"_id": "l"}
_NEW_ID = 32  # characters of an _id that was made up
_CAS = frozenset({DocumentsFeature.COMPARE_AND_SET})
_INDEX = frozenset({DocumentsFeature.INDEX})
_TRANSACTION = frozenset({DocumentsFeature.TRANSACTION})


async def _nothing(pipe: Pipe, name: str) -> dict[str, Any]:
    documents = Documents(pipe)
    if DocumentsFeature.INDEX in pipe.driver.features:
        await documents.create_index(name, "u", unique=True)
    await documents.insert_one(name, {"_id": "z", "n": 9})
    return {}


async def _two(pipe: Pipe, name: str) -> dict[str, Any]:
    await _nothing(pipe, name)
    documents = Documents(pipe)
    await documents.insert_one(name, {**_K, "n": 1, "u": "x", "secret": CANARY})
    await documents.insert_one(name, {**_L, "n": 1, "u": "y", "list": [1]})
    entry = await documents.find_entry(name, _K)
    return {"version": Version(entry.version if entry else "")}


def _told(answer: object) -> object:
    if isinstance(answer, UpdateResult):
        version = None if answer.version is None else Version(answer.version)
        return answer.matched, answer.modified, _id(answer.upserted_id), version
    if isinstance(answer, DocumentEntry):
        return _row(answer.document), Version(answer.version)
    return answer


def _id(given: str | None) -> object:
    return Version(given) if given is not None and len(given) == _NEW_ID else given


def _row(document: dict[str, Any]) -> dict[str, object]:
    return {**document, "_id": _id(document["_id"])}


def _if(known: dict[str, Any]) -> str:
    return known["version"].text if "version" in known else "none"


async def _look(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    documents = Documents(pipe)
    rows = [(_row(e.document), Version(e.version)) async for e in documents.iterate(name)]
    rows.sort(key=lambda row: str(row[0]["_id"]) if isinstance(row[0]["_id"], str) else "~")
    return rows, await documents.count(name, {"n": {"$gte": 0}})


async def _moved(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    async with Documents(pipe).transaction() as inside:
        await inside.update_one(name, _K, {"$inc": {"n": 10}, "$set": {"u": "t"}})
        await inside.delete_one(name, _L)
    return "moved"


async def _counted(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    async with Documents(pipe).transaction() as inside:
        number = await inside.count(name, {"n": {"$lt": 9}})
        await inside.insert_one(name, {"_id": "counted", "n": 20 + number})
    return number


async def _rolled_back(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    try:
        async with Documents(pipe).transaction() as inside:
            await inside.replace_one(name, _K, {"u": "r"}, upsert=True)
            await inside.delete_one(name, _L)
            raise ZeroDivisionError
    except ZeroDivisionError:
        return "rolled back"


def _change(
    by: dict[str, Any], update: dict[str, Any], *, upsert: bool = False, at: bool = False
) -> Call:
    async def call(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
        given = {"if_version": _if(known)} if at else {}
        return _told(await Documents(pipe).update_one(name, by, update, upsert=upsert, **given))

    return call


def _put(
    by: dict[str, Any], fields: dict[str, Any], *, upsert: bool = False, at: bool = False
) -> Call:
    async def call(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
        given = {"if_version": _if(known)} if at else {}
        return _told(await Documents(pipe).replace_one(name, by, fields, upsert=upsert, **given))

    return call


def _delete(by: dict[str, Any], *, at: bool = False) -> Call:
    async def call(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
        version = _if(known) if at else None
        return await Documents(pipe).delete_one(name, by, if_version=version)

    return call


def _insert(document: dict[str, Any]) -> Call:
    async def call(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
        return await Documents(pipe).insert_one(name, {**document, "secret": CANARY})

    return call


async def _index(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    await Documents(pipe).create_index(name, "n", unique=True)
    return "made"


async def _found(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    # One document: a search of several may be of several pages, each of a moment of its own.
    found = await Documents(pipe).find_many(name, {"n": {"$gte": 0}}, sort="-n", limit=1)
    return sorted((sorted(row.items(), key=str) for row in found if len(row["_id"]) < 9), key=str)


async def _entry(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    return _told(await Documents(pipe).find_entry(name, _K))


async def _number(pipe: Pipe, name: str, known: dict[str, Any]) -> object:
    return await Documents(pipe).count(name, {"n": 1})


DOCUMENTS_MEETING = Meeting(
    {"nothing": _nothing, "two documents": _two},
    {
        "an insert": _insert({**_K, "n": 3, "u": "i"}),
        "an insert of a taken value": _insert({"_id": "m", "n": 4, "u": "x"}),
        "an insert of a taken number": _insert({"_id": "nine", "n": 9, "u": "nine"}),
        "an update": _change(_K, {"$inc": {"n": 1}}),
        "an update by a field": _change({"n": 1}, {"$set": {"n": 5}, "$push": {"list": 2}}),
        "an update to a value": _change(_L, {"$set": {"u": "x"}}),
        "an update of a version": _change(_K, {"$set": {"n": 6}}, at=True),
        "an upsert": _change(_K, {"$set": {"n": 7, "u": "x"}}, upsert=True),
        "an upsert by a field": _change({"name": "new"}, {"$inc": {"n": 1}}, upsert=True),
        "a replacement": _put({"n": 1}, {"n": 2, "u": "x"}),
        "a replacement of a version": _put(_K, {"n": 8}, at=True),
        "a put": _put(_K, {"n": 11, "u": "i"}, upsert=True),
        "a delete": _delete(_K),
        "a delete by a field": _delete({"n": 1}),
        "a delete of a version": _delete(_K, at=True),
        "an index": _index,
        "a transaction": _moved,
        "a counting transaction": _counted,
        "a rollback": _rolled_back,
        "a search": _found,
        "a find": _entry,
        "a count": _number,
    },
    _look,
    needs={
        "an update of a version": _CAS,
        "a replacement of a version": _CAS,
        "a delete of a version": _CAS,
        "an index": _INDEX,
        "a transaction": _TRANSACTION,
        "a counting transaction": _TRANSACTION,
        "a rollback": _TRANSACTION,
    },
    reads=frozenset({"a search", "a find", "a count"}),
    retried=frozenset({"a transaction", "a counting transaction", "a rollback"}),
)
