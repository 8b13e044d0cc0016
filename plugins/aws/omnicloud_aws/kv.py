"""The kv contract on a DynamoDB table."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import anyio.lowlevel

from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    KVDriver,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import ChangePage, KVFeature, KVLimits, Page, Record
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    ThrottledError,
    UnsupportedError,
)
from omnicloud_aws.client import Client, client_of
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.errors import RefusedError, refusal
from omnicloud_aws.kv_scan import scanned
from omnicloud_aws.kv_snapshot import CANCELLED, snapshot, why
from omnicloud_aws.kv_table import Item, Layout, Lives, ready, record

__all__ = ["AWSKV", "FEATURES", "open_kv"]

FEATURES: frozenset[Feature] = frozenset(KVFeature) - {KVFeature.WATCH, KVFeature.TRANSACTION}

_VALUE_BYTES = 384 << 10
_BATCH_BYTES = 4_000_000  # the service takes 4 MB with the keys and names of attributes
_AROUND_BYTES = 3_000  # of them, at most, in one item


def _limits(items: int) -> KVLimits:
    return KVLimits(
        value_max_bytes=_VALUE_BYTES,
        batch_max_items=items,
        batch_max_bytes=_BATCH_BYTES - items * _AROUND_BYTES,
    )


_LIMITS = _limits(100)
_OLDER = _limits(25)
"""Of services that speak the protocol as it was before September 2022."""
_FAILED = "ConditionalCheckFailedException"
_ABSENT = "(attribute_not_exists(p) OR x <= :now)"
_LIVE = "(attribute_not_exists(x) OR x > :now)"
_SAME = f"n = :old AND {_LIVE}"
_COUNTS = f"c BETWEEN :low AND :high AND {_LIVE}"
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_TURNS = 64  # of writers that meet at one counter's creation


class AWSKV:
    """A kv driver over a :class:`Client` of DynamoDB."""

    def __init__(self, client: Client, layout: Layout, *, at_amazon: bool) -> None:
        self._client = client
        self._layout = layout
        self._at_amazon = at_amazon
        self._features = FEATURES if self._at_amazon else FEATURES - {KVFeature.DURABLE}

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> KVLimits:
        return _LIMITS if self._at_amazon else _OLDER

    async def get(self, op: Get, /) -> Record | None:
        return record(await self._item(op.key), self._lives())

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        wanted = tuple(dict.fromkeys(op.keys))
        if not wanted:
            await anyio.lowlevel.checkpoint()
            return ()
        items = await snapshot(self._client, [self._at(key) for key in wanted])
        lives = self._lives()
        found = {key: record(item, lives) for key, item in zip(wanted, items, strict=True)}
        return tuple(found[key] for key in op.keys)

    async def set(self, op: Set, /) -> str:
        version, lives = _version(), self._lives()
        item = self._layout.item(op.key, version, v={"B": op.value}, **lives.ending(op.ttl))
        condition: dict[str, Any] = {}
        if op.if_absent:
            condition = _when(_ABSENT, lives)
        elif op.if_version is not None:
            condition = _when(_SAME, lives, old={"S": op.if_version})
        if not await self._put(item, condition):
            _refuse(absent=op.if_absent)
        return version

    async def set_many(self, op: SetMany, /) -> None:
        lives = self._lives()
        ending = lives.ending(op.ttl)
        await self._written(
            [
                {
                    "Put": {
                        "TableName": self._layout.table,
                        "Item": self._layout.item(key, _version(), v={"B": value}, **ending),
                    }
                }
                for key, value in op.items
            ]
        )

    async def delete(self, op: Delete, /) -> bool:
        lives = self._lives()
        condition: dict[str, Any] = {}
        if op.if_version is not None:
            condition = _when(_SAME, lives, old={"S": op.if_version})
        try:
            answer = await self._client.ask(
                "delete_item", (_FAILED,), ReturnValues="ALL_OLD", **self._at(op.key), **condition
            )
        except RefusedError:
            _refuse()
        return lives.has(answer.get("Attributes") or None)

    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._written([{"Delete": self._at(key)} for key in dict.fromkeys(op.keys)])

    async def scan(self, op: Scan, /) -> Page:
        return await scanned(self._client, self._layout, op)

    async def increment(self, op: Increment, /) -> int:
        for _ in range(_TURNS):
            total = await self._counted(op)
            if total is None:
                total = await self._made_counter(op, await self._item(op.key))
            if total is not None:
                return total
        raise ThrottledError("other writers of the counter were always first")

    async def changes(self, op: Changes, /) -> ChangePage:
        await anyio.lowlevel.checkpoint()
        raise UnsupportedError("the provider does not watch keys")

    async def begin(self, op: Begin, /) -> Transaction:
        await anyio.lowlevel.checkpoint()
        raise UnsupportedError("the provider has no transactions")

    def within(self, transaction: object, /) -> KVDriver:
        raise InvalidArgumentError("the transaction belongs to another store")

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    def _lives(self) -> Lives:
        return Lives(self._client.time.now())

    def _at(self, key: str) -> dict[str, Any]:
        return {"TableName": self._layout.table, "Key": self._layout.key(key)}

    async def _item(self, key: str) -> Item | None:
        answer = await self._client.ask("get_item", ConsistentRead=True, **self._at(key))
        return answer.get("Item") or None

    async def _put(self, item: Item, condition: Mapping[str, Any]) -> bool:
        """Write an item; whether the condition held."""
        table = self._layout.table
        try:
            await self._client.ask("put_item", (_FAILED,), TableName=table, Item=item, **condition)
        except RefusedError:
            return False
        return True

    async def _counted(self, op: Increment) -> int | None:
        """Add to what is a number already; ``None`` where none is, or the sum would be none."""
        low, high = _LOWEST - min(op.delta, 0), _HIGHEST - max(op.delta, 0)
        condition = _when(
            _COUNTS,
            self._lives(),
            low={"N": str(low)},
            high={"N": str(high)},
            delta={"N": str(op.delta)},
            new={"S": _version()},
        )
        try:
            answer = await self._client.ask(
                "update_item",
                (_FAILED,),
                UpdateExpression="SET n = :new ADD c :delta",
                ReturnValues="ALL_NEW",
                **self._at(op.key),
                **condition,
            )
        except RefusedError:
            return None
        return int(answer["Attributes"]["c"]["N"])

    async def _made_counter(self, op: Increment, item: Item | None) -> int | None:
        """Make what is there a number, the sum; ``None`` where it changed meanwhile."""
        lives = self._lives()
        if item is None or not lives.has(item):
            total, kept, condition = op.delta, {}, _when(_ABSENT, lives)
        else:
            total = _number(item) + op.delta
            kept = {name: item[name] for name in ("x", "e") if name in item}
            condition = _when(_SAME, lives, old=item["n"])
        if not _LOWEST <= total <= _HIGHEST:
            raise ConflictError("the sum is no signed 64-bit integer")
        made = self._layout.item(op.key, _version(), c={"N": str(total)}, **kept)
        return total if await self._put(made, condition) else None

    async def _written(self, items: Sequence[Mapping[str, Any]]) -> None:
        if not items:
            await anyio.lowlevel.checkpoint()
            return
        try:
            await self._client.ask("transact_write_items", (CANCELLED,), TransactItems=items)
        except RefusedError as refused:
            raise refusal(why(refused)) from None


async def open_kv(config: AWSConfig, opening: Opening) -> AWSKV:
    """A kv driver on the configured table.

    Raises:
        ConfigurationError: There is no such table, or it has another key.
    """
    client = await client_of("dynamodb", config, opening)
    await ready(client, config)
    layout = Layout(config.table, opening.service.name, config.partitions)
    return AWSKV(client, layout, at_amazon=client.at_amazon)


def _version() -> str:
    return uuid.uuid4().hex


def _when(condition: str, lives: Lives, **values: Any) -> dict[str, Any]:
    given = {f":{name}": value for name, value in values.items()}
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":now": lives.stamp, **given},
    }


def _refuse(*, absent: bool = False) -> NoReturn:
    if absent:
        raise AlreadyExistsError("the key is live") from None
    raise ConflictError("the key has another version, or is not there") from None


def _number(item: Item) -> int:
    value = item["c"]["N"].encode() if "c" in item else bytes(item["v"]["B"])
    if _INTEGER.fullmatch(value) is None or not _LOWEST <= int(value) <= _HIGHEST:
        raise ConflictError("the stored value is not a signed 64-bit integer")
    return int(value)
