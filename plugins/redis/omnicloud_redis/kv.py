"""The kv contract on a server.

A key is one string: 16 digits of its version, a mark that says whether it expires, its value;
the server ends its life. Beside the keys there are a sorted set of their names for scans, one
of the ends of lives, and a stream of changes for watches, all written in the same step.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

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
from omnicloud.contracts.kv.models import (
    Change,
    ChangeKind,
    ChangePage,
    KVFeature,
    KVLimits,
    Page,
    Record,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_redis import kv_scripts as scripts
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.kv_inside import KVInside, KVPiece
from omnicloud_redis.store import Store, keeps_everything, store_of
from omnicloud_redis.transaction import RedisTransaction, joined

__all__ = ["FEATURES", "RedisKV", "open_kv"]

FEATURES: frozenset[Feature] = frozenset(KVFeature)

_LIMITS = KVLimits(value_max_bytes=16 << 20, batch_max_items=1000)
_HEAD = 17
_EXPIRES = ord("t")


class RedisKV:
    """A kv driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes, features: frozenset[Feature]) -> None:
        self._store = store
        self._features = features
        self._prefix = prefix
        self._key = prefix + b"k:"
        self._changes = prefix + b"changes"
        self._names = prefix + b"names"
        self._around = (prefix + b"clock", self._names, prefix + b"ends", self._changes)

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> KVLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> Record | None:
        key = self._key + op.key.encode()
        stored = await self._store.call("GET", key)
        if stored is None:
            return None
        if stored[_HEAD - 1] != _EXPIRES:
            return Record(stored[_HEAD:], stored[: _HEAD - 1].decode())
        (record,) = await self._timed([key])
        return record

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        if not op.keys:
            await self._store.call("PING")
            return ()
        return await self._timed([self._key + key.encode() for key in op.keys])

    async def set(self, op: Set, /) -> str:
        name = op.key.encode()
        condition = "!" if op.if_absent else "" if op.if_version is None else f"={op.if_version}"
        version = await self._store.run(
            scripts.SET,
            (self._key + name, *self._around),
            (self._key, name, op.value, _milliseconds(op.ttl), condition),
        )
        if version == b"":
            raise _refused(op)
        return str(version.decode())

    async def set_many(self, op: SetMany, /) -> None:
        names = [key.encode() for key, _ in op.items]
        pairs = [
            part for name, (_, value) in zip(names, op.items, strict=True) for part in (name, value)
        ]
        await self._store.run(
            scripts.SET_MANY,
            (*self._around, *(self._key + name for name in names)),
            (self._key, _milliseconds(op.ttl), *pairs),
        )

    async def delete(self, op: Delete, /) -> bool:
        name = op.key.encode()
        done = await self._store.run(
            scripts.DELETE,
            (*self._around, self._key + name),
            (self._key, op.if_version or "", name),
        )
        if done < 0:
            raise ConflictError("the key has another version, or is not there")
        return bool(done)

    async def delete_many(self, op: DeleteMany, /) -> None:
        names = [key.encode() for key in op.keys]
        await self._store.run(
            scripts.DELETE,
            (*self._around, *(self._key + name for name in names)),
            (self._key, "", *names),
        )

    async def scan(self, op: Scan, /) -> Page:
        prefix = op.prefix.encode()
        after = (op.cursor or "").encode()
        # A cursor of another scan begins no earlier than this one.
        low = b"[" + prefix if op.cursor is None or after < prefix else b"(" + after
        # 0xFF is in no UTF-8, so it is above every name that goes on after the prefix.
        high = b"[" + prefix + b"\xff" if prefix else b"+"
        found, last = await self._store.run(
            scripts.SCAN, (self._names,), (self._key, low, high, op.limit)
        )
        keys = tuple(name.decode() for name in found)
        return Page(keys, last.decode() if last is not None else None)

    async def increment(self, op: Increment, /) -> int:
        name = op.key.encode()
        total = await self._store.run(
            scripts.INCREMENT,
            (self._key + name, *self._around),
            (self._key, name, op.delta),
        )
        if total == b"":
            raise ConflictError("the stored value, or the sum, is no signed 64-bit integer")
        return int(total)

    async def changes(self, op: Changes, /) -> ChangePage:
        clock = self._store.clock
        until = clock.monotonic() + op.wait
        while True:
            entries, last, soon = await self._store.run(
                scripts.CHANGES, self._around, (self._key, op.cursor or "")
            )
            if op.cursor is None:
                return ChangePage((), last.decode())
            left = until - clock.monotonic()
            if entries or left <= 0:
                return _page(entries, op.prefix, op.cursor)
            pause = left if soon < 0 else min(left, soon / 1000 + 0.001)
            await self._store.wait(
                pause, "XREAD", "BLOCK", _at_least_one(pause), "STREAMS", self._changes, op.cursor
            )

    async def begin(self, op: Begin, /) -> Transaction:
        await asyncio.sleep(0)
        return RedisTransaction(self._store)

    def within(self, transaction: object, /) -> KVDriver:
        found = joined(transaction, self._store)
        piece = found.piece(("kv", self._prefix), lambda: KVPiece(self._prefix))
        return KVInside(self, found, piece)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _timed(self, keys: list[bytes]) -> tuple[Record | None, ...]:
        """The records of some keys at one moment, with their remaining lives."""
        answer = await self._store.run(scripts.GET, keys)
        return tuple(map(_record, answer[::2], answer[1::2]))


async def open_kv(config: RedisConfig, opening: Opening) -> RedisKV:
    """A kv driver on the configured server."""
    store = await store_of(config, opening)
    await keeps_everything(store)
    durable = (await store.facts()).fsyncs
    features = FEATURES if durable else FEATURES - {KVFeature.DURABLE}
    return RedisKV(store, config.prefix_of(opening.service.name, "kv"), features)


def _record(stored: bytes | None, left: int) -> Record | None:
    if stored is None:
        return None
    return Record(stored[_HEAD:], stored[: _HEAD - 1].decode(), left / 1000 if left >= 0 else None)


def _page(entries: list[Any], prefix: str, cursor: str) -> ChangePage:
    changes = []
    for id_, (_, name, _, version) in entries:
        cursor = id_.decode()
        key = name.decode()
        if key.startswith(prefix):
            kind = ChangeKind.SET if version else ChangeKind.DELETED
            changes.append(Change(key, kind, version.decode()))
    return ChangePage(tuple(changes), cursor)


def _refused(op: Set) -> ConflictError:
    if op.if_absent:
        return AlreadyExistsError("the key is live")
    return ConflictError("the key has another version, or is not there")


def _milliseconds(ttl: float | None) -> int | str:
    return "" if ttl is None else math.ceil(ttl * 1000)


def _at_least_one(seconds: float) -> int:
    """Milliseconds to block for: none would be for ever."""
    return max(1, math.ceil(seconds * 1000))
