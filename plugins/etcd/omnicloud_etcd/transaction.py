"""A transaction of one cluster: reads of one moment, checked again at its end with the writes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from omnicloud.contracts.kv.models import KVLimits
from omnicloud.core.transactions import Transaction
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_etcd.client import Client
from omnicloud_etcd.leases import Leases
from omnicloud_etcd.reading import Found
from omnicloud_etcd.records import Stored, packed
from omnicloud_etcd.wire import Compare, DeleteRange, Op, Put, Txn

__all__ = ["EtcdTransaction", "Written", "joined"]

_OPEN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Written:
    """What a key is to hold; ``stored`` is ``None`` where it is to be deleted."""

    stored: Stored | None = None
    token: bytes = b""


@dataclass(slots=True)
class _Seen:
    """What was read: keys by their revision, when those end that do, and whole ranges."""

    keys: dict[bytes, int] = field(default_factory=dict)
    ends: dict[bytes, int] = field(default_factory=dict)
    ranges: set[tuple[bytes, bytes]] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.keys) + len(self.ranges)


class EtcdTransaction(Transaction):
    """Nothing is held on the server: who commits first wins, the other's end is a conflict.

    Args:
        limits: Of the service that began it.
        before: Bytes that stand before its names in keys, which it does not count.

    Attributes:
        revision: Of the first read; all reads are as of it. 0 before.
        written: What is to be written, by key.
    """

    def __init__(self, client: Client, leases: Leases, limits: KVLimits, before: int) -> None:
        self.revision = 0
        self.written: dict[bytes, Written] = {}
        self._client = client
        self._leases = leases
        self._limits, self._before = limits, before
        self._seen = _Seen()
        self._until = client.time.monotonic() + _OPEN_SECONDS
        self._ended = False

    @property
    def client(self) -> Client:
        """Of which cluster it is."""
        return self._client

    @property
    def store(self) -> Client:
        """What it is a transaction of."""
        return self._client

    def check_open(self) -> None:
        """Refuse calls after its end.

        Raises:
            ConflictError: It has ended; nothing was written.
        """
        if self._ended or self._client.time.monotonic() >= self._until:
            raise ConflictError(
                "the transaction has ended",
                hint=f"it was committed, rolled back, or open for longer than {_OPEN_SECONDS:g} s",
            )

    def read(self, key: bytes, found: Found, revision: int) -> None:
        """Note what was read, to be so still at the end.

        Raises:
            InvalidArgumentError: It is more than one transaction may read.
        """
        self.revision = self.revision or revision
        self._seen.keys[key] = found.mod_revision
        if found.stored is not None and found.stored.end_ms != self._client.time.NEVER_MS:
            self._seen.ends[key] = found.stored.end_ms
        self._check_keys("reads", len(self._seen))

    def scanned(self, low: bytes, high: bytes, revision: int) -> None:
        """Note that a range was read: nothing may be written in it until the end.

        Raises:
            InvalidArgumentError: It is more than one transaction may read.
        """
        self.revision = self.revision or revision
        self._seen.ranges.add((low, high))
        self._check_keys("reads", len(self._seen))

    async def commit(self) -> None:
        """Make all writes, if all that was read is still so.

        Raises:
            ConflictError: It is not; nothing was written.
            InvalidArgumentError: More was written or read than the members take at once;
                nothing was written.
        """
        self.check_open()
        self._ended = True
        self._check_keys("reads", len(self._seen))
        self._check_keys("writes", len(self.written))
        self._check_weight()
        self._check_alive()
        puts: dict[int, list[tuple[bytes, Written]]] = {}
        for key, one in self.written.items():
            end = 0 if one.stored is None else one.stored.end_ms
            puts.setdefault(end, []).append((key, one))
        leases = {end: await self._lease(end) for end in puts if end}
        steps = [
            _step(key, one, leases.get(end, 0)) for end, some in puts.items() for key, one in some
        ]
        answer = await self._client.txn(Txn(compare=self._conditions(), success=steps))
        if not answer.succeeded:
            raise ConflictError(
                "another writer came first", hint="run the block of the transaction again"
            )

    async def rollback(self) -> None:
        """Forget all writes."""
        self._ended = True
        await asyncio.sleep(0)

    def _check_keys(self, does: str, number: int) -> None:
        most = self._limits.transaction_max_keys
        if most is not None and number > most:
            raise InvalidArgumentError(
                f"the transaction {does} {number} keys and prefixes, the limit "
                f"transaction_max_keys is {most}",
                hint="do less in one transaction, or raise the members' --max-txn-ops and "
                "max_txn_ops with it",
            )

    def _check_weight(self) -> None:
        most = self._limits.batch_max_bytes
        size = sum(
            len(key) - self._before + len(one.stored.value)
            for key, one in self.written.items()
            if one.stored is not None
        ) + sum(len(key) - self._before for key in self._seen.keys)
        if most is not None and size > most:
            raise InvalidArgumentError(
                f"the transaction has {size} bytes with its keys, the limit batch_max_bytes is "
                f"{most}",
                hint="write and read less in one transaction",
            )

    def _check_alive(self) -> None:
        """What has the revision that was read has the end that was read."""
        now = self._client.time.now_ms()
        if any(end <= now for end in self._seen.ends.values()):
            raise ConflictError(
                "a key that was read has ended", hint="run the block of the transaction again"
            )

    async def _lease(self, end_ms: int) -> int:
        async def known(lease: int) -> int:
            await asyncio.sleep(0)
            return lease

        return await self._leases.holding(end_ms, known)

    def _conditions(self) -> list[Compare]:
        found = [
            Compare(key=key, target="MOD", mod_revision=revision)
            for key, revision in self._seen.keys.items()
        ]
        found += [
            Compare(
                key=low,
                range_end=high,
                target="MOD",
                result="LESS",
                mod_revision=self.revision + 1,
            )
            for low, high in self._seen.ranges
        ]
        return found


def joined(transaction: object, client: Client) -> EtcdTransaction:
    """``transaction`` as one of this cluster.

    Raises:
        InvalidArgumentError: It is another store's.
    """
    if isinstance(transaction, EtcdTransaction) and transaction.store is client:
        return transaction
    raise InvalidArgumentError(
        "the transaction belongs to another store",
        hint="only services on one cluster, with equal settings, can share a transaction",
    )


def _step(key: bytes, one: Written, lease: int) -> Op:
    if one.stored is None:
        return Op(request_delete_range=DeleteRange(key=key))
    data, _ = packed(one.stored.value, one.stored.end_ms, one.token)
    return Op(request_put=Put(key=key, value=data, lease=lease))
