"""Scans: the partitions are asked side by side, and what they tell is put in one order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud.contracts.kv.driver import Scan
from omnicloud.contracts.kv.models import Page
from omnicloud_aws.client import Client
from omnicloud_aws.following import queried
from omnicloud_aws.kv_table import Item, Layout, Lives, sort_key, stand

__all__ = ["scanned"]

_LONGEST = 1024
_MOST_ITEMS = 1000
_FIRST, _LAST = b"\0", b"\xff"


@dataclass(frozen=True, slots=True)
class _Part:
    """Some items of one partition, in order; ``until`` is where they end, if more follow."""

    items: list[Item]
    until: bytes | None


async def scanned(client: Client, layout: Layout, op: Scan) -> Page:
    """A page of the live keys under a prefix."""
    low, high = _bounds(op.prefix.encode(), (op.cursor or "").encode())
    if op.cursor is not None and sort_key(op.cursor.encode()) > high:
        low = high  # a cursor past the prefix: there is nothing
    parts = await _parts(client, layout, (low, high), op)
    ends = [part.until for part in parts if part.until is not None]
    sure = min(ends, default=None)
    seen = [
        item
        for part in parts
        for item in part.items
        if sure is None or stand(item["k"]["B"]) <= sure
    ]
    return _page(seen, op, Lives(client.time.now()), more=sure is not None)


async def _parts(
    client: Client, layout: Layout, bounds: tuple[bytes, bytes], op: Scan
) -> list[_Part]:
    try:
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(_part(client, layout, number, bounds, op))
                for number in range(layout.partitions)
            ]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in asking]


def _page(seen: list[Item], op: Scan, lives: Lives, *, more: bool) -> Page:
    names = sorted((_name(item), lives.has(item)) for item in seen)
    names = [(name, live) for name, live in names if op.cursor is None or name > op.cursor]
    live = [name for name, lives_on in names if lives_on and name.startswith(op.prefix)]
    page = tuple(live[: op.limit])
    if len(live) > op.limit:
        return Page(page, page[-1])
    return Page(page, names[-1][0] if more else None)


async def _part(
    client: Client, layout: Layout, number: int, bounds: tuple[bytes, bytes], op: Scan
) -> _Part:
    """Items of a partition: at least one past the cursor, and clusters whole, or all there are."""
    items: list[Item] = []
    more: dict[str, Any] = {}
    while True:
        answer = await queried(
            client,
            TableName=layout.table,
            KeyConditionExpression="p = :p AND k BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":p": {"S": layout.partition(number)},
                ":low": {"B": bounds[0]},
                ":high": {"B": bounds[1]},
            },
            ProjectionExpression="k, f, x",
            ConsistentRead=True,
            Limit=min(op.limit, _MOST_ITEMS) + 1,
            **more,
        )
        items += answer.get("Items") or ()
        last: Mapping[str, Any] | None = answer.get("LastEvaluatedKey")
        if not last:
            return _Part(items, None)
        whole = _whole(items)
        if any(op.cursor is None or _name(item) > op.cursor for item in whole):
            return _Part(whole, stand(whole[-1]["k"]["B"]))
        more = {"ExclusiveStartKey": last}


def _whole(items: list[Item]) -> list[Item]:
    """The items without the last cluster, of which more may follow."""
    if not items:
        return items
    last = items[-1]["k"]["B"]
    if stand(last) == last:
        return items
    return [item for item in items if stand(item["k"]["B"]) != stand(last)]


def _bounds(prefix: bytes, cursor: bytes) -> tuple[bytes, bytes]:
    """The first and the last sort key that a key with the prefix, past the cursor, may have."""
    beginning = stand(sort_key(prefix))
    low = max(beginning, stand(sort_key(cursor))) or _FIRST
    return low, beginning + _LAST * (_LONGEST - len(beginning))


def _name(item: Item) -> str:
    return bytes(item.get("f", item["k"])["B"]).decode()
