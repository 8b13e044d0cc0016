"""Reading a collection: one document, some by ``_id``, or all that can match, in order.

Every read is consistent. A search is one query after another, each of at most 1 MB as the
service counts; it sees each document once, not all of them at one moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio.lowlevel

from omnicloud.contracts.documents.driver import Find
from omnicloud.contracts.documents.filters import All, Filter, In, equalities, matches
from omnicloud.contracts.documents.models import DocumentEntry, DocumentPage
from omnicloud.contracts.documents.values import decoded, encoded
from omnicloud_aws.client import Client
from omnicloud_aws.documents_facets import narrowing
from omnicloud_aws.documents_items import FIRST, LAST, Place, Stored, bodies, read
from omnicloud_aws.following import queried
from omnicloud_aws.kv_table import Item, sort_key, stand

__all__ = ["Reader", "asked_ids"]

_MOST_IDS = 100  # that are asked for one by one
_MOST_ITEMS = 1_000

Part = tuple[list[Stored], bytes | None]
"""Documents that follow each other, and where the next ones begin, if more may follow."""


class Reader:
    """Reads of one collection."""

    def __init__(self, client: Client, place: Place) -> None:
        self._client = client
        self._place = place

    async def one(self, identity: str) -> Stored | None:
        """The document of an ``_id``."""
        if not identity:
            await anyio.lowlevel.checkpoint()
            return None
        asked = self._place.document(identity)
        answer = await self._client.ask("get_item", ConsistentRead=True, **asked)
        item = answer.get("Item")
        return read(item) if item else None

    async def first(self, condition: Filter) -> Stored | None:
        """The first document that matches, by ``_id``."""
        if asked_ids(condition) is not None:
            return next(iter(await self.all(condition)), None)
        most = 1 if condition == All() else None
        async with aclosing(self._parts(condition, FIRST, most)) as parts:
            async for part, _ in parts:
                for stored in part:
                    if matches(condition, stored.entry.document):
                        return stored
        return None

    async def all(self, condition: Filter) -> list[Stored]:
        """Every document that matches, by ``_id``."""
        ids = asked_ids(condition)
        if ids is not None:
            found = await self._named(ids)
            return [one for one in found if matches(condition, one.entry.document)]
        found = []
        async with aclosing(self._parts(condition, FIRST, None)) as parts:
            async for part, _ in parts:
                found += [one for one in part if matches(condition, one.entry.document)]
        return found

    async def page(self, op: Find) -> DocumentPage:
        """A page in the order of ``_id``: what one query finds, at most ``limit``."""
        low, after = _position(op.cursor)
        most = op.limit + 1 if op.filter == All() else None
        async with aclosing(self._parts(op.filter, low, most)) as parts:
            part, following = await anext(parts)
        found: list[DocumentEntry] = []
        for stored in part:
            if (after is None or stored.id > after) and matches(op.filter, stored.entry.document):
                if len(found) == op.limit:
                    last = str(found[-1].document["_id"])
                    return DocumentPage(tuple(found), _cursor(stand(sort_key(last.encode())), last))
                found.append(stored.entry)
        cursor = None if following is None else _cursor(following, None)
        return DocumentPage(tuple(found), cursor)

    async def count(self, condition: Filter) -> int:
        """How many documents match."""
        if condition == All():
            return await self._counted()
        if asked_ids(condition) is not None:
            return len(await self.all(condition))
        total = 0
        async with aclosing(self._parts(condition, FIRST, None)) as parts:
            async for part, _ in parts:
                total += sum(matches(condition, one.entry.document) for one in part)
        return total

    async def _counted(self) -> int:
        total, more = 0, dict[str, Any]()
        while True:
            answer = await queried(self._client, Select="COUNT", **self._query(FIRST), **more)
            total += int(answer["Count"])
            if not answer.get("LastEvaluatedKey"):
                return total
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    async def _named(self, ids: list[str]) -> list[Stored]:
        try:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(self.one(identity)) for identity in ids]
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        return [found for found in (task.result() for task in asking) if found is not None]

    async def _parts(
        self, condition: Filter, low: bytes, most: int | None
    ) -> AsyncGenerator[Part, None]:
        """What can match from a sort key on: documents of one cluster are in one part."""
        asked = self._query(low, **narrowing(condition))
        if most is not None:
            asked["Limit"] = min(most, _MOST_ITEMS)
        held: list[Item] = []
        while True:
            answer = await queried(self._client, **asked)
            held += answer.get("Items") or ()
            if not answer.get("LastEvaluatedKey"):
                yield bodies(held), None
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            last = asked["ExclusiveStartKey"]["k"]["B"]
            if stand(last) == last:
                yield bodies(held), last + FIRST
                held = []
                continue
            whole = [item for item in held if stand(item["k"]["B"]) != stand(last)]
            if whole:
                yield bodies(whole), stand(last)
                held = held[len(whole) :]

    def _query(self, low: bytes, **more: Any) -> dict[str, Any]:
        bounds = {
            ":p": {"S": self._place.partition("documents")},
            ":low": {"B": low},
            ":high": {"B": LAST},
        }
        return {
            "TableName": self._place.table,
            "KeyConditionExpression": "p = :p AND k BETWEEN :low AND :high",
            "ConsistentRead": True,
            **more,
            "ExpressionAttributeValues": {**bounds, **more.get("ExpressionAttributeValues", {})},
        }


def asked_ids(condition: Filter) -> list[str] | None:
    """The only ``_id``s that can match, in order, if the filter names a few."""
    named = equalities(condition).get(("_id",))
    if isinstance(named, str):
        return [named]
    if isinstance(condition, In) and condition.path == ("_id",):
        ids = sorted({one for one in condition.values if isinstance(one, str) and one})
        return ids if len(ids) <= _MOST_IDS else None
    if isinstance(condition, All):
        return next((ids for ids in map(asked_ids, condition.parts) if ids is not None), None)
    return None


def _cursor(low: bytes, after: str | None) -> str:
    return encoded([low, after]).decode()


def _position(cursor: str | None) -> tuple[bytes, str | None]:
    if cursor is None:
        return FIRST, None
    low, after = decoded(cursor)
    return low, after
