"""The DynamoDB table of the kv contract: its key, its attributes, and how it is made.

Partition key ``p``: the service and one of its partitions, which a digest of the key chooses.
Sort key ``k``: the key in UTF-8, whose bytes sort by code point as a scan must. The service
takes 1,024 bytes there; what is longer than a stem is cut after it and goes on with a byte
that UTF-8 never has and a digest, the whole key then being in ``f``. All keys of one such stem
stand together, behind the shorter ones that begin with it: a cluster.

Beside them ``v`` the value, or ``c`` where an increment made it a number, ``n`` the version,
``x`` the end of its life in milliseconds, and ``e`` the same in seconds for the service, which
deletes hours late: whoever reads looks at ``x``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

from omnicloud.contracts.kv.models import Record
from omnicloud.errors import (
    ConfigurationError,
    Outcome,
    PermissionDeniedError,
    UnavailableError,
)
from omnicloud_aws.client import Client
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.errors import RefusedError

__all__ = ["Item", "Layout", "Lives", "ready", "record", "sort_key", "stand"]

Item = Mapping[str, Any]

_STEM = 960
_PAST = b"\xff"
_MISSING = "ResourceNotFoundException"
_EXISTS = "ResourceInUseException"
_REFUSED = "ValidationException"
_POLL_SECONDS = 0.5
_MOST_SECONDS = 60.0


def sort_key(key: bytes) -> bytes:
    """The sort key of a key in UTF-8."""
    return key if len(key) <= _STEM else key[:_STEM] + _PAST + sha256(key).digest()


def stand(sort: bytes) -> bytes:
    """Where a sort key stands among others: all of one cluster at one place."""
    return sort[: _STEM + 1] if len(sort) > _STEM else sort


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a service's keys are."""

    table: str
    service: str
    partitions: int

    def key(self, key: str) -> dict[str, Any]:
        """The primary key of an item."""
        sort = sort_key(key.encode())
        return {"p": {"S": self.partition(crc32(sort) % self.partitions)}, "k": {"B": sort}}

    def partition(self, number: int) -> str:
        """The partition of that number."""
        return f"kv/{self.service}/{number}/{self.partitions}"

    def item(self, key: str, version: str, **more: Any) -> dict[str, Any]:
        """A whole item; ``more`` are attributes as the service takes them."""
        made = {**self.key(key), "n": {"S": version}, **more}
        name = key.encode()
        return {**made, "f": {"B": name}} if len(name) > _STEM else made


@dataclass(frozen=True, slots=True)
class Lives:
    """Ends of lives, as seen at one moment in seconds since 1970-01-01 UTC."""

    now: float

    @property
    def stamp(self) -> dict[str, str]:
        """The moment as conditions compare it with ``x``."""
        return {"N": str(math.floor(self.now * 1000))}

    def ending(self, ttl: float | None) -> dict[str, dict[str, str]]:
        """The attributes of a life of so many seconds."""
        if ttl is None:
            return {}
        end = math.ceil((self.now + ttl) * 1000)
        return {"x": {"N": str(end)}, "e": {"N": str(math.ceil(end / 1000))}}

    def left(self, item: Item) -> float | None:
        """Seconds that an item has to live, ``None`` for ever; not above 0: it is over."""
        end = item.get("x")
        return None if end is None else int(end["N"]) / 1000 - self.now

    def has(self, item: Item | None) -> bool:
        """Whether there is a live item."""
        if item is None:
            return False
        left = self.left(item)
        return left is None or left > 0


def record(item: Item | None, lives: Lives) -> Record | None:
    """The live key that an item is."""
    if item is None or not lives.has(item):
        return None
    value = item["c"]["N"].encode() if "c" in item else bytes(item["v"]["B"])
    return Record(value, item["n"]["S"], lives.left(item))


async def ready(client: Client, config: AWSConfig) -> None:
    """See that the table is there and has the key it must have; make it where that is wished.

    Raises:
        ConfigurationError: It is not there, or has another key.
    """
    name = config.table
    try:
        found = await _described(client, name)
    except PermissionDeniedError:  # whoever reads and writes need not be allowed to look
        return
    if found is None and config.create_table:
        await _make(client, name)
        found = await _active(client, name)
    elif found is not None and found.get("TableStatus") == "CREATING":
        found = await _active(client, name)
    if found is None:
        raise ConfigurationError(
            f"there is no table {name}",
            hint="make it (partition key p, a string; sort key k, binary), or set "
            "create_table = true",
        )
    _check_key(name, found)
    if config.create_table:
        await _let_lives_end(client, name)


def _check_key(name: str, found: Mapping[str, Any]) -> None:
    parts = {one["AttributeName"]: one["KeyType"] for one in found.get("KeySchema", ())}
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    if parts != {"p": "HASH", "k": "RANGE"} or (types.get("p"), types.get("k")) != ("S", "B"):
        raise ConfigurationError(
            f"the table {name} has another key",
            hint="it must have the partition key p, a string, and the sort key k, binary",
        )


async def _described(client: Client, name: str) -> Mapping[str, Any] | None:
    try:
        answer = await client.ask("describe_table", (_MISSING,), TableName=name)
    except RefusedError:
        return None
    found: Mapping[str, Any] | None = answer.get("Table")
    if found is None:
        raise ConfigurationError(
            "what answers at the endpoint is not DynamoDB", hint="check endpoint"
        )
    return found


async def _make(client: Client, name: str) -> None:
    try:
        await client.ask(
            "create_table",
            (_EXISTS,),
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "p", "KeyType": "HASH"},
                {"AttributeName": "k", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "p", "AttributeType": "S"},
                {"AttributeName": "k", "AttributeType": "B"},
            ],
        )
    except RefusedError:  # another process makes it at this moment
        return


async def _let_lives_end(client: Client, name: str) -> None:
    """Let the service delete what is over, where the table says nothing of that."""
    try:
        answer = await client.ask("describe_time_to_live", TableName=name)
    except PermissionDeniedError:
        return
    told = answer.get("TimeToLiveDescription") or {}
    if told.get("TimeToLiveStatus", "DISABLED") != "DISABLED":
        return
    ends = {"Enabled": True, "AttributeName": "e"}
    with suppress(RefusedError):  # another process does it at this moment
        await client.ask(
            "update_time_to_live", (_REFUSED,), TableName=name, TimeToLiveSpecification=ends
        )


async def _active(client: Client, name: str) -> Mapping[str, Any]:
    clock = client.time.clock
    until = clock.monotonic() + _MOST_SECONDS
    while True:
        found = await _described(client, name)
        if found is not None and found.get("TableStatus") == "ACTIVE":
            return found
        if clock.monotonic() > until:
            raise UnavailableError("the table was not ready in time", outcome=Outcome.NOT_DONE)
        await clock.sleep(_POLL_SECONDS)
