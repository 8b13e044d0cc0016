"""The kv contract inside a transaction: reads see its own writes, writes wait for its end."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass, field

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
from omnicloud.contracts.kv.models import ChangePage, KVLimits, Page, Record
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_redis.commands import Argument
from omnicloud_redis.transaction import Check, RedisTransaction

__all__ = ["KVInside", "KVPiece"]

_INT64 = 1 << 63
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Written:
    """What a key will be: its record, or ``None``; and how long it will live, in milliseconds."""

    record: Record | None
    ttl: int | str = ""


@dataclass(slots=True)
class KVPiece:
    """What a transaction has read and written of one namespace.

    Attributes:
        seen: Versions that were read, empty for absence.
        mark: The last change of the namespace when it was first scanned.
    """

    prefix: bytes
    written: dict[str, Written] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    mark: str | None = None

    def checks(self) -> list[Check]:
        """What must still be so at the end."""
        found: list[Check] = [
            ("version", self.prefix + b"k:" + key.encode(), "", version)
            for key, version in self.seen.items()
        ]
        if self.mark is not None:
            found.append(("changes", self.prefix + b"changes", "", self.mark))
        return found

    def writes(self) -> list[Argument]:
        """The writes, one after another."""
        found: list[Argument] = []
        for key, one in self.written.items():
            if one.record is None:
                found += ("delete", self.prefix, key)
            else:
                value, version = one.record.value, one.record.version
                found += ("set", self.prefix, key, value, one.ttl, version)
        return found

    def read(self, key: str, record: Record | None) -> None:
        """Note what was read.

        Raises:
            ConflictError: It was something else before.
        """
        version = "" if record is None else record.version
        if self.seen.setdefault(key, version) != version:
            raise ConflictError("another writer came between two reads of a key")


class KVInside:
    """A kv driver inside a transaction, around the one outside."""

    def __init__(self, outside: KVDriver, transaction: RedisTransaction, piece: KVPiece) -> None:
        self._outside = outside
        self._transaction = transaction
        self._piece = piece

    @property
    def features(self) -> frozenset[Feature]:
        return self._outside.features

    @property
    def limits(self) -> KVLimits:
        return self._outside.limits

    async def get(self, op: Get, /) -> Record | None:
        (record,) = await self.get_many(GetMany((op.key,)))
        return record

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        self._transaction.check_open()
        written = self._piece.written
        unknown = tuple(key for key in op.keys if key not in written)
        found = await self._outside.get_many(GetMany(unknown))
        records = dict(zip(unknown, found, strict=True))
        for key, record in records.items():
            self._piece.read(key, record)
        return tuple(written[k].record if k in written else records[k] for k in op.keys)

    async def set(self, op: Set, /) -> str:
        if op.if_absent or op.if_version is not None:
            current = await self.get(Get(op.key))
            if op.if_absent and current is not None:
                raise AlreadyExistsError("the key is live")
            _expect(op.if_version, current)
        version = await self._version()
        self._put(op.key, op.value, version, op.ttl)
        return version

    async def set_many(self, op: SetMany, /) -> None:
        version = await self._version()
        for key, value in op.items:
            self._put(key, value, version, op.ttl)

    async def delete(self, op: Delete, /) -> bool:
        current = await self.get(Get(op.key))
        _expect(op.if_version, current)
        if current is not None:
            self._piece.written[op.key] = Written(None)
        return current is not None

    async def delete_many(self, op: DeleteMany, /) -> None:
        found = await self.get_many(GetMany(op.keys))
        for key, record in zip(op.keys, found, strict=True):
            if record is not None:
                self._piece.written[key] = Written(None)

    async def scan(self, op: Scan, /) -> Page:
        self._transaction.check_open()
        if self._piece.mark is None:
            self._piece.mark = (await self._outside.changes(Changes(op.prefix))).cursor
        page = await self._outside.scan(op)
        keys = {key for key in page.keys if not self._is_deleted(key)}
        for key, one in self._piece.written.items():
            after = op.cursor is None or key.encode() > op.cursor.encode()
            before = page.cursor is None or key.encode() <= page.cursor.encode()
            if one.record is not None and key.startswith(op.prefix) and after and before:
                keys.add(key)
        ordered = sorted(keys)
        if len(ordered) <= op.limit:
            return Page(tuple(ordered), page.cursor)
        return Page(tuple(ordered[: op.limit]), ordered[op.limit - 1])

    async def increment(self, op: Increment, /) -> int:
        current = await self.get(Get(op.key))
        total = _number(current) + op.delta
        if not -_INT64 <= total < _INT64:
            raise ConflictError("the sum would not be a signed 64-bit integer")
        version = await self._version()
        expires = None if current is None else current.expires_in
        before = self._piece.written.get(op.key)
        ttl: int | str = "" if expires is None else _KEEP
        if before is not None and before.record is not None:
            ttl = before.ttl
        record = Record(b"%d" % total, version, expires)
        self._piece.written[op.key] = Written(record, ttl)
        return total

    async def changes(self, op: Changes, /) -> ChangePage:
        return await self._outside.changes(op)

    async def begin(self, op: Begin, /) -> Transaction:
        return await self._outside.begin(op)

    def within(self, transaction: object, /) -> KVDriver:
        return self._outside.within(transaction)

    async def aclose(self) -> None:
        """Nothing is held."""
        await asyncio.sleep(0)

    def _put(self, key: str, value: bytes, version: str, ttl: float | None) -> None:
        milliseconds: int | str = "" if ttl is None else max(1, math.ceil(ttl * 1000))
        self._piece.written[key] = Written(Record(value, version, ttl), milliseconds)

    async def _version(self) -> str:
        self._transaction.check_open()
        return await self._transaction.number(self._piece.prefix + b"clock")

    def _is_deleted(self, key: str) -> bool:
        one = self._piece.written.get(key)
        return one is not None and one.record is None


def _expect(version: str | None, current: Record | None) -> None:
    if version is not None and (current is None or current.version != version):
        raise ConflictError("the key has another version, or is not there")


def _number(record: Record | None) -> int:
    if record is None:
        return 0
    if _INTEGER.fullmatch(record.value) is None or not -_INT64 <= int(record.value) < _INT64:
        raise ConflictError("the stored value is not a signed 64-bit integer")
    return int(record.value)
