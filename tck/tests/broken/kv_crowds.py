"""kv drivers whose transactions are good for few keys."""

from __future__ import annotations

from typing import Any

from broken.kv_base import kv
from correct.apart import Apart
from correct.kv_snapshots import Snapshots
from correct.kv_tables import Transaction
from omnicloud.contracts.kv.driver import (
    Begin,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import KVLimits, Page, Record
from omnicloud.errors import ConfigurationError, InvalidArgumentError
from omnicloud.memory.kv import MemoryKV

_MOST = 128
_COMPARED = 40


class Counting(MemoryKV):
    """Knows which keys a transaction has read and written."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.read: set[str] = set()
        self.written: set[str] = set()

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)

    def note(self, read: Any = (), written: Any = ()) -> None:
        if self._transaction is not None:
            self.read.update(read)
            self.written.update(written)
            self.check(len(self.read), len(self.written))

    def check(self, read: int, written: int) -> None:
        """Refuse what is too much."""

    async def get(self, op: Get, /) -> Record | None:
        self.note(read=[op.key])
        return await super().get(op)

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        self.note(read=op.keys)
        return await super().get_many(op)

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        self.note(read=page.keys)
        return page

    async def set(self, op: Set, /) -> str:
        self.note(written=[op.key])
        return await super().set(op)

    async def set_many(self, op: SetMany, /) -> None:
        self.note(written=[key for key, _ in op.items])
        await super().set_many(op)

    async def delete(self, op: Delete, /) -> bool:
        self.note(written=[op.key])
        return await super().delete(op)

    async def delete_many(self, op: DeleteMany, /) -> None:
        self.note(written=op.keys)
        await super().delete_many(op)


@kv("KV46", "T1", "a transaction that has read more than 128 keys is refused, which no limit says")
class UntoldReads(Counting):
    def check(self, read: int, written: int) -> None:
        if read > _MOST:
            raise InvalidArgumentError("the transaction has too many conditions")


@kv("KV47", "T1", "a transaction that writes more than 128 keys is refused, which no limit says")
class UntoldWrites(Counting):
    def check(self, read: int, written: int) -> None:
        if written > _MOST:
            raise InvalidArgumentError("the transaction has too many steps")


@kv("KV48", "T1", "a transaction of more keys than it may have is refused as a wrong setting")
class AnotherError(Counting):
    @property
    def limits(self) -> KVLimits:
        return KVLimits(transaction_max_keys=_MOST)

    def check(self, read: int, written: int) -> None:
        if max(read, written) > _MOST:
            raise ConfigurationError("the server takes fewer steps in one transaction")


@kv(
    "KV49", "T1", "the keys that a transaction may write are told, those that it may read are fewer"
)
class FewerReads(Counting):
    @property
    def limits(self) -> KVLimits:
        return KVLimits(transaction_max_keys=_MOST)

    def check(self, read: int, written: int) -> None:
        if max(2 * read, written) > _MOST:
            raise InvalidArgumentError("the transaction has too many keys")


@kv("KV50", "T1", "of the keys that a transaction writes those over its bound are left out")
class LeavesOut(Counting):
    @property
    def limits(self) -> KVLimits:
        return KVLimits(transaction_max_keys=_MOST)

    def check(self, read: int, written: int) -> None:
        if read > _MOST:
            raise InvalidArgumentError("the transaction reads too many keys")

    async def set_many(self, op: SetMany, /) -> None:
        if self._transaction is None or len(self.written) + len(op.items) <= _MOST:
            await super().set_many(op)


class _Forgetful(Transaction):
    """Compares what it read at its end, where that is little."""

    read = 0

    async def commit(self) -> None:
        if self.read > _COMPARED:
            self._written = self._tables.written
        await super().commit()


@kv("KV51", "T2", "of more than forty keys that a transaction read none is compared at its end")
class ComparesFew(Snapshots):
    async def begin(self, op: Begin, /) -> Transaction:
        await self.arrive()
        return _Forgetful(Apart(self._store), self._backend, self.limits.batch_max_bytes or 0)

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        if isinstance(self._transaction, _Forgetful):
            self._transaction.read += len(op.keys)
        return await super().get_many(op)
