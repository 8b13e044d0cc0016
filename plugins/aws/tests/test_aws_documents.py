"""Documents on DynamoDB: what the laws do not ask of searches, guards, indexes and facets."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from omnicloud.contracts.documents import Documents, literal, where
from omnicloud.contracts.documents.filters import read_filter
from omnicloud.contracts.documents.values import equal, rank
from omnicloud.contracts.kv import KV
from omnicloud.core.codec import BYTES
from omnicloud.core.moments import ServiceTime
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    ResourceExhaustedError,
    ThrottledError,
)
from omnicloud_aws.certify import kept_server, settings
from omnicloud_aws.client import Client, opened
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.documents import AWSDocuments, open_documents
from omnicloud_aws.documents_facets import facets, narrowing
from omnicloud_aws.documents_guards import MovedError, codes
from omnicloud_aws.errors import RefusedError
from omnicloud_aws.kv import open_kv
from omnicloud_tck.served import Lone

_MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=11))]),
)
_NUMBERS = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**53, 2.0**53, 2**53 + 1, 2.0**63, -(2.0**63), 2**63 - 1, 1e300, 5e-324]),
)
_TEXTS = st.one_of(st.text(max_size=5), st.text(min_size=95, max_size=120))


class Account:
    """A table of its own in the emulator."""

    def __init__(self, port: int, lone: Lone) -> None:
        self.lone = lone
        self._port = port
        self._name = f"documents-{uuid.uuid4().hex}"

    def config(self) -> AWSConfig:
        return settings(self._port, self._name)

    async def documents(self) -> Documents:
        return Documents(Pipeline(await open_documents(self.config(), self.lone)))

    async def kv(self) -> KV[bytes]:
        return KV(Pipeline(await open_kv(self.config(), self.lone)), BYTES)

    async def native(self) -> Client:
        """What another program has."""

        async def open_() -> Client:
            return await opened("dynamodb", self.config(), ServiceTime(self.lone.clock))

        client: Client = await self.lone.share("native", open_)
        return client

    async def interrupted(self, verb: str, other: Callable[[], Awaitable[object]]) -> Documents:
        """Documents of a client before whose first request of a kind another one acts."""
        client = Interrupted(await self.native(), verb, other)
        service = self.lone.service.name
        driver = AWSDocuments(client, self._name, service, at_amazon=False)  # type: ignore[arg-type]  # passes all on
        return Documents(Pipeline(driver))


class Interrupted:
    """A client to whom something happens once, before it sends a request of a kind."""

    def __init__(self, client: Client, verb: str, other: Callable[[], Awaitable[object]]) -> None:
        self.time = client.time
        self._client = client
        self._verb = verb
        self._other = [other]

    async def ask(self, verb: str, *expecting: Any, **asked: Any) -> Mapping[str, Any]:
        if verb == self._verb and self._other:
            await self._other.pop()()
        return await self._client.ask(verb, *expecting, **asked)


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    server, lone = kept_server(), Lone()
    await server.start()
    try:
        yield Account(server.port, lone)
    finally:
        await lone.aclose()
        server.remove()


async def test_a_search_that_another_writer_made_untrue_is_made_again(account: Account) -> None:
    other = await account.documents()
    await other.insert_one("c", {"_id": "b", "free": True})
    one = await account.interrupted(
        "transact_write_items", lambda: other.insert_one("c", {"_id": "a", "free": True})
    )
    await one.update_one("c", {"free": True}, {"$set": {"free": False}})
    left = await other.find_many("c", {"free": True})
    assert [row["_id"] for row in left] == ["b"], "the first of all was not the one that changed"


async def test_nothing_found_is_answered_only_if_nothing_came_meanwhile(account: Account) -> None:
    other = await account.documents()
    one = await account.interrupted("query", lambda: other.insert_one("c", {"_id": "a", "n": 1}))
    assert await one.delete_one("c", {"n": 1}), "it came before the answer"
    one = await account.interrupted("get_item", lambda: other.insert_one("c", {"_id": "a"}))
    with pytest.raises(AlreadyExistsError):
        await one.update_one("c", {"_id": "a", "n": 2}, {"$set": {"m": 1}}, upsert=True)


async def test_a_unique_index_is_made_again_where_somebody_wrote_meanwhile(
    account: Account,
) -> None:
    other = await account.documents()
    for number in range(26):
        await other.insert_one("c", {"_id": f"{number:02}", "mail": f"m{number}"})
    late = {"_id": "late", "mail": "m26"}
    one = await account.interrupted("transact_write_items", lambda: other.insert_one("c", late))
    await one.create_index("c", "mail", unique=True)
    for number in (0, 25, 26):
        with pytest.raises(AlreadyExistsError):
            await other.insert_one("c", {"mail": f"m{number}"})
    one = await account.interrupted("query", lambda: other.insert_one("d", {"n": 1}))
    await other.insert_one("d", {"n": 1})
    with pytest.raises(ConflictError):
        await one.create_index("d", "n", unique=True)


async def test_unique_indexes_are_at_most_eight_and_all_hold(account: Account) -> None:
    documents = await account.documents()
    names = [f"f{number}" for number in range(8)]
    for name in names:
        await documents.create_index("c", name, unique=True)
    with pytest.raises(ResourceExhaustedError):
        await documents.create_index("c", "f8", unique=True)
    await documents.insert_one("c", {"_id": "k", **dict.fromkeys(names, 1)})
    await documents.replace_one("c", {"_id": "k"}, dict.fromkeys(names, 2))
    await documents.insert_one("c", {"_id": "l", **dict.fromkeys(names, 1)})
    for name in names:
        with pytest.raises(AlreadyExistsError):
            await documents.update_one("c", {"_id": "l"}, {"$set": {name: 2}})


async def test_long_ids_that_begin_alike_keep_their_order_in_pages(account: Account) -> None:
    documents = await account.documents()
    stem = "s" * 1000
    ids = ["a", stem[:960], *(f"{stem}{letter}" for letter in "hgfedcb"), "t"]
    for identity in ids:
        await documents.insert_one("c", {"_id": identity})
    for size in (1, 3, 1000):
        paged = [one.document["_id"] async for one in documents.iterate("c", page_size=size)]
        assert paged == sorted(ids), f"{size} a page"
    first = await documents.find_one("c", {"_id": {"$gt": stem}})
    assert first == {"_id": f"{stem}b"}
    long_name = "c" * 1024
    await documents.insert_one(long_name, {"_id": "only"})
    assert await documents.count(long_name) == 1


async def test_keys_and_documents_of_a_table_do_not_meet(account: Account) -> None:
    documents, kv = await account.documents(), await account.kv()
    await documents.insert_one("c", {"_id": "k"})
    await kv.set("k", b"x")
    assert [key async for key in kv.scan()] == ["k"]
    assert await documents.find_many("c") == [{"_id": "k"}]


async def test_an_upsert_stores_nothing_that_no_document_holds(account: Account) -> None:
    documents = await account.documents()
    condition = where(name=literal({"$ne": "x"}))
    with pytest.raises(InvalidArgumentError, match="name"):
        await documents.update_one("c", condition, {"$set": {"b": 2}}, upsert=True)
    assert await documents.find_many("c") == []


async def test_the_service_itself_leaves_out_what_a_filter_excludes(account: Account) -> None:
    documents, native = await account.documents(), await account.native()
    for number in range(10):
        row = {"_id": f"{number}", "n": number, "a": {"b": f"t{number % 2}"}}
        await documents.insert_one("c", row)
    await documents.insert_one("c", {"_id": "wide", **{f"f{n}": n for n in range(1000)}, "n": 99})
    for asked, expected in (
        ({"n": {"$gt": 7}}, 4),  # 7 too: facets are compared loosely; and the wide one
        ({"a.b": "t1"}, 6),
        ({"a.b": {"$in": ["t0", "t1"]}, "n": 3}, 2),
        ({"x": {"$exists": False}, "n": {"$lt": 0}}, 2),
        ({"$or": [{"n": 1}, {"n": 2}]}, 3),
    ):
        narrow = narrowing(read_filter(asked))
        answer = await native.ask("scan", TableName=account.config().table, **narrow)
        assert answer["Count"] == expected, asked
    assert [row["_id"] for row in await documents.find_many("c", {"n": {"$gt": 8}})] == [
        "9",
        "wide",
    ]


@trying(deadline=None)
@given(
    st.one_of(
        st.tuples(_NUMBERS, _NUMBERS), st.tuples(_TEXTS, _TEXTS), st.tuples(_MOMENTS, _MOMENTS)
    )
)
def test_facets_tell_no_two_values_in_another_order(pair: tuple[Any, Any]) -> None:
    low, high = sorted(pair)
    first, second = (_facet(one) for one in (low, high))
    assert first <= second
    if equal(low, high):
        assert first == second
    assert rank(low) == rank(high)


def _facet(value: Any) -> Any:
    ((kind, told),) = facets({"_id": "k", "v": value})["s"]["M"]["v"].items()
    return Decimal(told) if kind == "N" else told


def test_what_a_filter_does_not_make_sure_is_not_asked() -> None:
    for asked in (
        {},
        {"_id": {"$gt": "a"}},
        {"l.0": 1},
        {"n": {"$ne": 1}},
        {"$or": [{"n": 1}, {"l.0.a": 2}]},
        {"n": {"$in": list(range(1000))}},
        {"$and": [{f"f{n}": 1} for n in range(60)]},
    ):
        assert narrowing(read_filter(asked)) == {}, asked
    both = narrowing(read_filter({"n": 1, "l.0": 2, "$or": [{"m": 1}, {"l.1": 1}]}))
    assert list(both["ExpressionAttributeNames"].values()) == ["n"]


def test_an_expression_has_no_parentheses_that_the_service_calls_redundant() -> None:
    for asked in (
        {"n": {"$gt": 1}},
        {"$and": [{"$or": [{"$and": [{"n": {"$gt": 1}}]}]}], "m": {"$in": ["x"]}},
        {"$or": [{"n": {"$in": [1, 2]}}, {"n": {"$lt": 1, "$gt": 2}}]},
        {"$or": [{"$and": [{"n": {"$lt": 1}}, {"_id": {"$gt": "a"}}]}]},
    ):
        told = narrowing(read_filter(asked))["FilterExpression"]
        assert not _twice(told), told
    assert _twice("a OR ((b AND c))")


def _twice(expression: str) -> bool:
    """Whether two pairs of parentheses stand around one thing."""
    opened: list[int] = []
    pairs = set()
    for place, letter in enumerate(expression):
        if letter == "(":
            opened.append(place)
        elif letter == ")":
            pairs.add((opened.pop(), place))
    return any((first + 1, last - 1) in pairs for first, last in pairs)


def test_meeting_another_transaction_is_told_from_a_condition_and_from_throttling() -> None:
    assert codes(_cancelled("None", "ConditionalCheckFailed")) == [False, True]
    with pytest.raises(MovedError):
        codes(_cancelled("TransactionConflict", "ConditionalCheckFailed"))
    with pytest.raises(ThrottledError):
        codes(_cancelled("None", "ProvisionedThroughputExceeded"))


def _cancelled(*reasons: str) -> RefusedError:
    return RefusedError(
        {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": code} for code in reasons],
        }
    )
