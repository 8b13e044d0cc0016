"""Documents as users hold them: what is refused before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from omnicloud.contracts.documents import Documents, literal, where
from omnicloud.contracts.documents.filters import matches, read_filter
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.store import MemoryStore
from omnicloud.testing import Recorder


class Colour(StrEnum):
    RED = "red"


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth - 1):
        document = {"a": document}
    return document


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def documents(store: MemoryStore) -> Documents:
    return Documents(Pipeline(MemoryDocuments(store)))


@pytest.mark.parametrize(
    "given",
    [
        {"n": {"$near": 1}},
        {"n": {"$regex": ".*"}},
        {"n": {"$gt": 1, "x": 2}},
        {"n": {"x": 2, "$gt": 1}},
        {"n": {"$gt": None}},
        {"n": {"$gt": [1]}},
        {"n": {"$in": "text"}},
        {"n": {"$exists": 1}},
        {"n": {"$not": 5}},
        {"$where": "1"},
        {"$or": []},
        {"$and": {"a": 1}},
        {"a..b": 1},
        {"": 1},
        {"a.$b": 1},
        {5: 1},
        {"n": object()},
        {"n": datetime(2024, 1, 1)},  # noqa: DTZ001 - that is what is tried
        {"n": float("nan")},
        "n = 1",
    ],
)
async def test_a_filter_that_is_none_is_refused(documents: Documents, given: Any) -> None:
    for call in (
        documents.find_many("c", given),
        documents.find_one("c", given),
        documents.count("c", given),
        documents.delete_one("c", given),
        documents.update_one("c", given, {"$set": {"a": 1}}),
    ):
        with pytest.raises(InvalidArgumentError):
            await call


@pytest.mark.parametrize(
    "update",
    [
        {"$rename": {"n": "m"}},
        {"n": 2},
        {},
        {"$set": {}},
        {"$set": {"_id": "l"}},
        {"$unset": {"_id": 1}},
        {"$set": {"_id.x": "l"}},
        {"$set": {"a": 1, "a.b": 2}},
        {"$set": {"a": 1}, "$inc": {"a": 1}},
        {"$set": {"a.$": 1}},
        {"$set": {"a": {"$x": 1}}},
        {"$inc": {"a": "1"}},
        {"$inc": {"a": True}},
        {"$set": 5},
        {"$set": {"a": float("inf")}},
        [],
    ],
)
async def test_an_update_that_is_none_is_refused(documents: Documents, update: Any) -> None:
    await documents.insert_one("c", {"_id": "k", "a": 1})
    with pytest.raises(InvalidArgumentError):
        await documents.update_one("c", {"_id": "k"}, update)
    assert await documents.find_many("c") == [{"_id": "k", "a": 1}]


@pytest.mark.parametrize(
    "document",
    [
        {"$n": 1},
        {"a.b": 1},
        {"": 1},
        {"nul\0": 1},
        {"a": {1: 2}},
        {"a": object()},
        {"a": (1, 2)},
        {"a": {1, 2}},
        {"a": Colour.RED},
        {"a": 2**63},
        {"a": float("nan")},
        {"a": "\ud800"},
        {"a": datetime(2024, 1, 1)},  # noqa: DTZ001 - that is what is tried
        {"_id": 5},
        {"_id": ""},
        {"_id": "x" * 1025},
        nested(101),
        ["a"],
    ],
)
async def test_a_document_that_is_none_is_refused(documents: Documents, document: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        await documents.insert_one("c", document)
    assert await documents.count("c") == 0


async def test_a_document_of_a_hundred_levels_is_kept(documents: Documents) -> None:
    identity = await documents.insert_one("c", nested(100))
    assert await documents.find_one("c", {"_id": identity}) == {**nested(100), "_id": identity}


@pytest.mark.parametrize(
    ("update", "deeper"),
    [
        ({"$set": {"a": nested(99)}}, {"$set": {"a": nested(100)}}),
        ({"$set": {"a.b.c": nested(97)}}, {"$set": {"a.b.c": nested(98)}}),
        ({"$set": {".".join("a" * 100): 1}}, {"$set": {".".join("a" * 100): []}}),
        ({"$push": {"a": nested(98)}}, {"$push": {"a": nested(99)}}),
        ({"$push": {".".join("a" * 99): 1}}, {"$push": {".".join("a" * 100): 1}}),
    ],
)
async def test_an_update_nests_no_deeper_than_an_insert(
    documents: Documents, update: Any, deeper: Any
) -> None:
    identity = await documents.insert_one("c", {})
    with pytest.raises(InvalidArgumentError, match="100 levels"):
        await documents.update_one("c", {"_id": identity}, deeper)
    await documents.update_one("c", {"_id": identity}, update)
    (kept,) = await documents.find_many("c")
    assert await documents.replace_one("c", {"_id": identity}, kept)


async def test_a_refused_call_sends_nothing(store: MemoryStore) -> None:
    recorder = Recorder()
    documents = Documents(Pipeline(MemoryDocuments(store), [recorder]))
    with pytest.raises(InvalidArgumentError):
        await documents.find_many("c", {"n": {"$near": 1}})
    with pytest.raises(InvalidArgumentError):
        await documents.update_one("c", {}, {"$rename": {"a": "b"}})
    with pytest.raises(InvalidArgumentError):
        await documents.find_many("c", {}, sort=[("a", 2)])
    assert not recorder.calls


def test_a_value_is_an_operator_only_where_the_program_wrote_one() -> None:
    given = {"$ne": "x"}
    assert matches(read_filter({"name": given}), {"name": "ada"})
    assert not matches(where(name=given), {"name": "ada"})
    assert not matches(read_filter({"name": literal(given)}), {"name": "ada"})
    assert not matches(where(name=literal(given)), {"name": "ada"})


@pytest.mark.parametrize(
    "given", [{"$ne": "x"}, {"a": [{"$b": 1}]}, {"a.b": 1}, {1: 2}, nested(100)]
)
async def test_an_upsert_stores_nothing_that_no_document_holds(
    documents: Documents, given: Any
) -> None:
    for condition in (where(name=literal(given)), where({"at.most": literal(given), "n": 1})):
        with pytest.raises(InvalidArgumentError, match=r"name|at\.most"):
            await documents.update_one("c", condition, {"$set": {"b": 2}}, upsert=True)
    assert await documents.find_many("c") == []
    await documents.insert_one("c", {"_id": "k"})
    found = await documents.update_one("c", ~where(name=literal(given)), {"$set": {"b": 2}})
    assert found.modified == 1


def test_filters_are_combined() -> None:
    either = where(a=1) | ~where(b=2)
    assert matches(either, {"a": 1, "b": 2})
    assert matches(either, {})
    assert not matches(either, {"b": 2})
    assert not matches(where(a=1) & where(b=2), {"a": 1})


async def test_what_is_inserted_is_not_changed(documents: Documents) -> None:
    given: dict[str, Any] = {"at": datetime(2024, 1, 1, tzinfo=UTC), "l": [1]}
    await documents.insert_one("c", given)
    assert set(given) == {"at", "l"}


async def test_a_replacement_cannot_change_the_id(documents: Documents) -> None:
    await documents.insert_one("c", {"_id": "k"})
    with pytest.raises(InvalidArgumentError, match="_id"):
        await documents.replace_one("c", {"_id": "k"}, {"_id": "other"})
    await documents.replace_one("c", {"_id": "k"}, {"_id": "k", "a": 1})
    assert await documents.find_many("c") == [{"_id": "k", "a": 1}]
