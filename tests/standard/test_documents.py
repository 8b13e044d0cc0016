"""What the Open Omni-Cloud standard asks of documents, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.documents import Documents

USERS = "tck_users"


@pytest.fixture
def documents(cloud: OmniCloud) -> Documents:
    return cloud.documents("people")


async def test_an_inserted_document_is_found_by_its_id(documents: Documents) -> None:
    given = {"name": "Ada", "age": 36}
    identity = await documents.insert_one(USERS, given)
    found = await documents.find_one(USERS, {"_id": identity})
    assert found == {**given, "_id": identity}
    assert "_id" not in given


async def test_a_document_may_bring_its_own_id(documents: Documents) -> None:
    given = {"_id": "ada", "name": "Ada", "age": 36}
    assert await documents.insert_one(USERS, given) == "ada"
    assert await documents.find_one(USERS, {"_id": "ada"}) == given


async def test_a_missing_document_is_none(documents: Documents) -> None:
    assert await documents.find_one(USERS, {"_id": "missing"}) is None


async def test_set_changes_the_fields_it_names(documents: Documents) -> None:
    identity = await documents.insert_one(USERS, {"name": "Ada", "age": 36, "city": "London"})
    await documents.update_one(USERS, {"_id": identity}, {"$set": {"age": 37, "city": "Paris"}})
    found = await documents.find_one(USERS, {"_id": identity})
    assert found == {"_id": identity, "name": "Ada", "age": 37, "city": "Paris"}


async def test_a_deleted_document_is_gone(documents: Documents) -> None:
    identity = await documents.insert_one(USERS, {"name": "Ada"})
    await documents.delete_one(USERS, {"_id": identity})
    assert await documents.find_one(USERS, {"_id": identity}) is None


async def test_find_many_gives_exactly_those_that_match(documents: Documents) -> None:
    for name, team in (("Ada", "red"), ("Bob", "blue"), ("Cy", "red")):
        await documents.insert_one(USERS, {"name": name, "team": team})
    found = await documents.find_many(USERS, {"team": "red"})
    assert isinstance(found, list)
    assert {doc["name"] for doc in found} == {"Ada", "Cy"}
    assert len(found) == 2
