"""What is asked of a large collection is found without reading all of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnicloud.contracts.documents.driver import Find, Update
from omnicloud.contracts.documents.filters import literal, read_filter, where
from omnicloud.contracts.documents.updates import read_update
from omnicloud.contracts.documents.values import encoded
from omnicloud.errors import InvalidArgumentError
from omnicloud_local.config import LocalConfig
from omnicloud_local.documents import open_documents
from omnicloud_local.documents_rows import SCHEMA, Collection
from omnicloud_tck.served import Lone

DOCUMENTS = 3000


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    many = Collection("space", "many")
    connection.execute("BEGIN")
    for number in range(DOCUMENTS):
        document = {"_id": f"{number:05}", "even": number % 2 == 0}
        many.insert(connection, document, encoded(document))
    connection.execute("COMMIT")
    yield connection
    connection.close()


def _steps(db: sqlite3.Connection, act: Callable[[], Any]) -> int:
    """How many steps SQLite's machine makes for it."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    db.set_progress_handler(count, 1)
    act()
    db.set_progress_handler(None, 1)
    return steps


def test_named_ids_are_looked_up_not_searched_for(db: sqlite3.Connection) -> None:
    many = Collection("space", "many")
    named = read_filter({"_id": {"$in": ["02999", "00001", "none", 7]}, "even": False})
    found: list[Any] = []
    steps = _steps(db, lambda: found.extend(many.matching(db, named)))
    assert [one.entry.document["_id"] for one in found] == ["00001", "02999"]
    assert steps < 300
    assert _steps(db, lambda: list(many.matching(db, read_filter({"even": True})))) > DOCUMENTS


def test_ids_come_in_pages_in_their_order(db: sqlite3.Connection) -> None:
    many = Collection("space", "many")
    asked = read_filter({"_id": {"$in": ["00300", "00100", "00200"]}})
    first = many.page(db, asked, None, 2)
    second = many.page(db, asked, first.cursor, 2)
    ids = [[one.document["_id"] for one in page.items] for page in (first, second)]
    assert ids == [["00100", "00200"], ["00300"]]
    assert second.cursor is None
    assert many.page(db, read_filter({"_id": {"$in": []}}), None, 2).items == ()


def test_all_documents_are_counted_without_reading_them(db: sqlite3.Connection) -> None:
    many = Collection("space", "many")
    everything = read_filter({})
    assert many.count(db, everything) == DOCUMENTS
    assert _steps(db, lambda: many.count(db, everything)) < 100
    many.delete(db, "00000")
    many.update(db, {"_id": "00001"}, b'{"_id": "00001"}')
    assert many.count(db, everything) == DOCUMENTS - 1
    assert many.count(db, read_filter({"even": True})) == DOCUMENTS // 2 - 1
    assert Collection("space", "none").count(db, everything) == 0


def test_a_count_that_was_not_kept_from_the_start_is_taken_once(db: sqlite3.Connection) -> None:
    many = Collection("space", "many")
    db.execute("DELETE FROM documents_counts")
    assert many.count(db, read_filter({})) == DOCUMENTS
    many.insert(db, {"_id": "new"}, b'{"_id": "new"}')
    many.insert(db, {"_id": "newer"}, b'{"_id": "newer"}')
    assert many.count(db, read_filter({})) == DOCUMENTS + 2


async def test_what_is_rolled_back_is_not_counted(tmp_path: Path) -> None:
    from omnicloud.contracts.documents import Documents
    from omnicloud.core.pipeline import Pipeline

    opening = Lone()
    documents = Documents(Pipeline(await open_documents(LocalConfig(path=tmp_path), opening)))
    await documents.insert_one("c", {"_id": "a"})

    async def insert_and_fail() -> None:
        async with documents.transaction() as tx:
            await tx.insert_one("c", {"_id": "b"})
            assert await tx.count("c") == 2
            raise KeyError

    with pytest.raises(KeyError):
        await insert_and_fail()
    assert await documents.count("c") == 1
    await opening.aclose()


async def test_an_upsert_stores_nothing_that_no_document_holds(tmp_path: Path) -> None:
    documents = await open_documents(LocalConfig(path=tmp_path), Lone())
    condition = where(name=literal({"$ne": "x"}))
    with pytest.raises(InvalidArgumentError, match="name"):
        await documents.update(Update("c", condition, read_update({"$set": {"b": 2}}), "new"))
    assert (await documents.find(Find("c"))).items == ()
