"""The locks contract on a cluster.

A name is one key: who holds it until when and who waits, in one value. Each request reads it,
decides, and writes over just what it read, again and again until that was still there.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_etcd.client import Client, client_of
from omnicloud_etcd.config import EtcdConfig
from omnicloud_etcd.leases import Leases
from omnicloud_etcd.line import FREE, Line
from omnicloud_etcd.wire import Compare, DeleteRange, Op, Put, Range, RangeAnswer, Txn, TxnAnswer

__all__ = ["FEATURES", "EtcdLocks", "open_locks"]

FEATURES: frozenset[Feature] = frozenset(LocksFeature)

_REMEMBERED = 1024

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class _Known:
    """A name as it was last seen; ``fresh`` where the server said so just now."""

    line: Line
    revision: int
    fresh: bool = True


Decision = tuple[Line | None, A]
"""What is to be written, ``None`` for nothing, and what to answer."""

_UNSEEN = _Known(FREE, 0, fresh=False)


class EtcdLocks:
    """A locks driver over a :class:`Client`."""

    def __init__(self, client: Client, prefix: bytes) -> None:
        self._client = client
        self._prefix = prefix
        self._leases = Leases(client)
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._seen: OrderedDict[bytes, _Known] = OrderedDict()

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> LocksLimits:
        return LocksLimits()

    async def acquire(self, op: Acquire, /) -> Grant | None:
        def decide(line: Line, now: int) -> Decision[bool]:
            granted = line.acquired(op.owner, now + _ms(op.ttl), op.permits)
            if granted is not None:
                return granted, True
            if op.queue_seconds is None:
                return None, False
            return line.queued(op.owner, now, _ms(op.queue_seconds)), False

        granted, known = await self._changed(op.lock, decide)
        holder = known.line.holder(op.owner)
        return Grant(holder.token) if granted and holder is not None else None

    async def renew(self, op: Renew, /) -> bool:
        def decide(line: Line, now: int) -> Decision[bool]:
            if line.holder(op.owner) is None:
                return None, False
            return line.acquired(op.owner, now + _ms(op.ttl), 0), True

        renewed, _ = await self._changed(op.lock, decide)
        return renewed

    async def release(self, op: Release, /) -> None:
        def decide(line: Line, now: int) -> Decision[None]:
            left = line.without(op.owner)
            return (None if left == line else left), None

        await self._changed(op.lock, decide)

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    async def _changed(
        self, lock: str, decide: Callable[[Line, int], Decision[A]]
    ) -> tuple[A, _Known]:
        """Decide on what is there, and write what was decided over just that.

        Requests of this process about one name are done in the order in which they came.

        Raises:
            UnavailableError: Others were faster, again and again; not done.
        """
        key = self._prefix + lock.encode()
        async with self._turns.setdefault(key, asyncio.Lock()):
            return await self._settled(key, decide)

    async def _settled(
        self, key: bytes, decide: Callable[[Line, int], Decision[A]]
    ) -> tuple[A, _Known]:
        time = self._client.time
        known = self._seen.pop(key, _UNSEEN)
        until = time.monotonic() + self._client.config.answer_timeout
        while time.monotonic() < until:
            now = time.now_ms()
            line, answer = decide(known.line.at(now), now)
            if line is not None:
                written, known = await self._swapped(key, known, line)
                if written:
                    return answer, known
            elif known.fresh:
                return answer, known
            else:
                known = _known(await self._client.range(Range(key=key)))
        raise UnavailableError(
            "others were faster at this lock, again and again", outcome=Outcome.NOT_DONE
        )

    async def _swapped(self, key: bytes, known: _Known, line: Line) -> tuple[bool, _Known]:
        """Write over what is known; whether that was still there, and what is there now."""

        async def write(lease: int) -> TxnAnswer:
            gone = Op(request_delete_range=DeleteRange(key=key))
            put = Op(request_put=Put(key=key, value=line.written(), lease=lease))
            return await self._client.txn(
                Txn(
                    compare=[Compare(key=key, target="MOD", mod_revision=known.revision)],
                    success=[gone if line.empty else put],
                    failure=[Op(request_range=Range(key=key))],
                )
            )

        end = self._client.time.NEVER_MS if line.empty else line.end_ms
        answer = await self._leases.holding(end, write)
        if not answer.succeeded:
            return False, _known(answer.responses[0].response_range)
        now = _Known(line.numbered(answer.header.revision), answer.header.revision)
        if not line.empty:
            self._remember(key, now)
        return True, now

    def _remember(self, key: bytes, known: _Known) -> None:
        """Spare the next request about a name its reading, where nobody else came between."""
        self._seen[key] = _Known(known.line, known.revision, fresh=False)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


async def open_locks(config: EtcdConfig, opening: Opening) -> EtcdLocks:
    """A locks driver on the configured cluster.

    Raises:
        PermissionDeniedError: The user may not read the service's keys.
    """
    client = await client_of(config, opening)
    prefix = config.prefix_of(opening.service.name, "locks")
    await client.range(Range(key=prefix, keys_only=True))
    return EtcdLocks(client, prefix)


def _known(answer: RangeAnswer | None) -> _Known:
    if answer is None or not answer.kvs:
        return _Known(FREE, 0)
    kv = answer.kvs[0]
    return _Known(Line.read(kv.value, kv.mod_revision), kv.mod_revision)


def _ms(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
