"""The kv contract on a cluster.

A key is one key, under the service's prefix; what is stored is described in ``records``. Each
write is one transaction of the server, which compares versions and ends itself.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

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
from omnicloud.errors import AlreadyExistsError, ConflictError, Outcome, UnavailableError
from omnicloud_etcd.changes import changes_since
from omnicloud_etcd.client import Client, client_of
from omnicloud_etcd.clock import ServerTime
from omnicloud_etcd.config import EtcdConfig
from omnicloud_etcd.counters import added
from omnicloud_etcd.kv_inside import KVInside
from omnicloud_etcd.leases import Leases
from omnicloud_etcd.limits import limits_of
from omnicloud_etcd.reading import Found, found_at, found_in, names_at
from omnicloud_etcd.records import Stored, alive, ended, packed, same_version
from omnicloud_etcd.transaction import EtcdTransaction, joined
from omnicloud_etcd.wire import Compare, DeleteRange, Op, Put, Range, Txn, TxnAnswer

__all__ = ["FEATURES", "EtcdKV", "open_kv"]

FEATURES: frozenset[Feature] = frozenset(KVFeature)


class EtcdKV:
    """A kv driver over a :class:`Client`."""

    def __init__(self, client: Client, prefix: bytes) -> None:
        self._client = client
        self._prefix = prefix
        self._limits = limits_of(client.config, prefix)
        self._leases = Leases(client)
        self._counting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> KVLimits:
        return self._limits

    async def get(self, op: Get, /) -> Record | None:
        return _record((await self._found(op.key)).stored, self._client.time)

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found, _ = await found_at(self._client, [self._key(key) for key in op.keys])
        return tuple(_record(one.stored, self._client.time) for one in found)

    async def set(self, op: Set, /) -> str:
        key, end = self._key(op.key), self._client.time.end_ms(op.ttl)
        data, _ = packed(op.value, end)

        async def write(lease: int) -> TxnAnswer:
            put = Op(request_put=Put(key=key, value=data, lease=lease))
            if op.if_absent:
                return await self._made(key, put)
            return await self._client.txn(self._conditional(op, key, put))

        answer = await self._leases.holding(end, write)
        if not answer.succeeded:
            raise _refused(op)
        return str(answer.header.revision)

    async def set_many(self, op: SetMany, /) -> None:
        end = self._client.time.end_ms(op.ttl)
        items = [(self._key(key), packed(value, end)[0]) for key, value in op.items]

        async def write(lease: int) -> None:
            puts = [Op(request_put=Put(key=k, value=v, lease=lease)) for k, v in items]
            await self._client.txn(Txn(success=puts))

        await self._leases.holding(end, write)

    async def delete(self, op: Delete, /) -> bool:
        key = self._key(op.key)
        conditions = [alive(key, self._client.time.now_ms())]
        if op.if_version is not None:
            conditions += _expected(key, op.if_version)
        gone = Op(request_delete_range=DeleteRange(key=key))
        answer = await self._client.txn(Txn(compare=conditions, success=[gone]))
        if op.if_version is not None and not answer.succeeded:
            raise ConflictError("the key has another version, or is not there")
        return answer.succeeded

    async def delete_many(self, op: DeleteMany, /) -> None:
        keys = dict.fromkeys(self._key(key) for key in op.keys)
        gone = [Op(request_delete_range=DeleteRange(key=key)) for key in keys]
        await self._client.txn(Txn(success=gone))

    async def scan(self, op: Scan, /) -> Page:
        names = await names_at(self._client, self._prefix, op)
        return Page(tuple(name for name, _ in names.live), names.last)

    async def increment(self, op: Increment, /) -> int:
        # Those of this process take turns: only other processes are met.
        turn = self._counting.setdefault(op.key, asyncio.Lock())
        async with turn:
            return await self._incremented(op)

    async def changes(self, op: Changes, /) -> ChangePage:
        return await changes_since(self._client, self._prefix, op)

    async def begin(self, op: Begin, /) -> Transaction:
        await asyncio.sleep(0)
        return EtcdTransaction(self._client, self._leases, self._limits, len(self._prefix))

    def within(self, transaction: object, /) -> KVDriver:
        return KVInside(self, joined(transaction, self._client), self._prefix)

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    def _key(self, name: str) -> bytes:
        return self._prefix + name.encode()

    async def _found(self, name: str) -> Found:
        answer = await self._client.range(Range(key=self._key(name)))
        return found_in(answer.kvs, self._client.time.now_ms())

    def _conditional(self, op: Set, key: bytes, put: Op) -> Txn:
        if op.if_version is not None:
            now = self._client.time.now_ms()
            return Txn(compare=[alive(key, now), *_expected(key, op.if_version)], success=[put])
        return Txn(success=[put])

    async def _made(self, key: bytes, put: Op) -> TxnAnswer:
        """Write where nothing is, else over what has ended; the value is in a request once."""
        clock, known = self._client.time, Op(request_range=Range(key=key, keys_only=True))
        until = clock.monotonic() + self._client.config.answer_timeout
        free = Compare(key=key, target="CREATE", create_revision=0)
        while clock.monotonic() < until:
            look = Txn(compare=[ended(key, clock.now_ms())], success=[known], failure=[known])
            answer = await self._client.txn(
                Txn(compare=[free], success=[put], failure=[Op(request_txn=look)])
            )
            looked = answer.responses[0].response_txn
            if answer.succeeded or looked is None:
                return answer
            told = looked.responses[0].response_range
            revision = told.kvs[0].mod_revision if told is not None and told.kvs else 0
            if revision and not looked.succeeded:
                return answer  # the key is live
            free = Compare(key=key, target="MOD", mod_revision=revision)
        raise _overtaken("key")

    async def _incremented(self, op: Increment) -> int:
        key, clock = self._key(op.key), self._client.time
        until = clock.monotonic() + self._client.config.answer_timeout
        found = await self._found(op.key)
        while clock.monotonic() < until:
            total = added(found.stored, op.delta)
            answer = await self._client.txn(_swap(key, found, b"%d" % total))
            if answer.succeeded:
                return total
            told = answer.responses[0].response_range
            found = found_in(told.kvs if told is not None else [], clock.now_ms())
        raise _overtaken("counter")


async def open_kv(config: EtcdConfig, opening: Opening) -> EtcdKV:
    """A kv driver on the configured cluster.

    Raises:
        PermissionDeniedError: The user may not read the service's keys.
    """
    client = await client_of(config, opening)
    prefix = config.prefix_of(opening.service.name, "kv")
    await client.range(Range(key=prefix, keys_only=True))
    return EtcdKV(client, prefix)


def _swap(key: bytes, found: Found, value: bytes) -> Txn:
    """Write over what was found, its end of life kept; else tell what is there now."""
    same = Compare(key=key, target="MOD", mod_revision=found.mod_revision)
    end = ServerTime.NEVER_MS if found.stored is None else found.stored.end_ms
    put = Put(key=key, value=packed(value, end)[0], ignore_lease=found.stored is not None)
    now = Op(request_range=Range(key=key))
    return Txn(compare=[same], success=[Op(request_put=put)], failure=[now])


def _record(stored: Stored | None, time: ServerTime) -> Record | None:
    if stored is None:
        return None
    return Record(stored.value, stored.version, time.seconds_to(stored.end_ms))


def _expected(key: bytes, version: str) -> tuple[Compare, ...]:
    conditions = same_version(key, version)
    if conditions is None:
        raise ConflictError("the key has another version, or is not there")
    return conditions


def _overtaken(what: str) -> UnavailableError:
    return UnavailableError(
        f"other processes were faster at this {what}, again and again", outcome=Outcome.NOT_DONE
    )


def _refused(op: Set) -> ConflictError:
    if op.if_absent:
        return AlreadyExistsError("the key is live")
    return ConflictError("the key has another version, or is not there")
