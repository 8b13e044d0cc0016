"""The kv contract on a stream that keeps the last message of each subject.

A key is a subject, its value the last message there, its version that message's number. The end
of its life stands in a header and counts from the server's stamp, because the server's own lives
are whole seconds; they clear up behind it, and leave a mark for those who watch. A deletion is a
message too.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

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
from omnicloud.errors import AlreadyExistsError, ConflictError, UnsupportedError
from omnicloud_nats.batches import BATCH_ITEMS, Batches
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.names import KEY_HEADER, Subjects
from omnicloud_nats.scans import Scans
from omnicloud_nats.store import store_of
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream, open_stream
from omnicloud_nats.turns import Turns, Write
from omnicloud_nats.values import (
    end_of,
    ending_at,
    is_mark,
    lasting,
    live_of,
    mark,
    record_of,
    version_of,
)

__all__ = ["FEATURES", "NatsKV", "open_kv"]

FEATURES: frozenset[Feature] = frozenset(
    {
        KVFeature.TTL,
        KVFeature.COMPARE_AND_SET,
        KVFeature.BATCH,
        KVFeature.SCAN,
        KVFeature.COUNTER,
        KVFeature.WATCH,
        KVFeature.DURABLE,
    }
)

_HEADERS_BYTES = 16 << 10
"""Room in a message beside the value: a long key may stand in its headers."""
_NANO = 1_000_000_000
_INT64 = 1 << 63
_PAGE = 1000
_VERSION = re.compile(r"([ke])([1-9][0-9]{0,18})")
_INTEGER = re.compile(rb"0|-?[1-9]\d{0,18}")


class NatsKV:
    """A kv driver over a :class:`Stream`."""

    def __init__(self, stream: Stream, features: frozenset[Feature]) -> None:
        self._stream = stream
        self._features = features
        self._subjects = Subjects(f"{stream.name}.k")
        self._turns = Turns(stream)
        self._batches = Batches(stream)
        self._scans: Scans[str] = Scans()
        self._kept = stream.store.config.changes_seconds

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> KVLimits:
        return _limits(self._stream.store.message_max_bytes - _HEADERS_BYTES)

    async def get(self, op: Get, /) -> Record | None:
        found = await self._stream.last(self._subjects.of(op.key)[0])
        if found is None:
            return None
        await self._batches.settled(found)
        now = 0.0 if end_of(found) is None else await self._stream.time.now()
        return record_of(found, now)

    async def set(self, op: Set, /) -> str:
        if op.if_absent:
            return await self._create(op)
        subject, headers = self._place(op.key, op.ttl)
        over = None
        if op.if_version is not None:
            over = await self._current(subject, op.if_version)
        seq = await self._stream.publish(subject, op.value, headers, over=over)
        if seq is None:
            raise _stale()
        return version_of(seq, op.ttl)

    async def delete(self, op: Delete, /) -> bool:
        subject, headers = self._place(op.key, None)
        gone = Write(b"", headers | mark(self._kept))

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], bool]]:
            live = live_of(found, now)
            if op.if_version is not None and (live is None or live.version != op.if_version):
                raise _stale()
            return (gone if live else None), bool

        return await self._turns.change(subject, decide)

    async def scan(self, op: Scan, /) -> Page:
        scan, _, after = (op.cursor or "").partition("/")
        names = self._scans.get(op.prefix, scan)
        if names is None:
            names = await self._living(op.prefix)
            scan = self._scans.keep(op.prefix, names)
        start = bisect_right(names, after) if after else 0
        keys = tuple(names[start : start + op.limit])
        if start + op.limit >= len(names):
            self._scans.forget(op.prefix, scan)
            return Page(keys)
        return Page(keys, f"{scan}/{keys[-1]}")

    async def increment(self, op: Increment, /) -> int:
        subject, plain = self._place(op.key, None)

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], int]]:
            live = live_of(found, now)
            total = _number(live.data) + op.delta if live else op.delta
            if not -_INT64 <= total < _INT64:
                raise _no_integer()
            headers = plain | ending_at(live.ends if live else None, now)
            return Write(b"%d" % total, headers), lambda _: total

        return await self._turns.change(subject, decide)

    async def changes(self, op: Changes, /) -> ChangePage:
        stream = self._stream
        if op.cursor is None:
            return ChangePage((), f"{await stream.end()}@{await stream.time.now():.3f}")
        seq, _, since = op.cursor.partition("@")
        now = await stream.time.now()
        if now - float(since) > self._kept:
            raise ConflictError(
                "the cursor is older than deletions are remembered", hint="watch anew"
            )
        under = self._subjects.under(op.prefix)
        found = await stream.after(int(seq), [under], most=_PAGE, wait=op.wait, bare=True)
        told = (self._change(one, op.prefix) for one in found)
        at = found[-1].seq if found else int(seq)
        # Nothing newer than what the page ends with was passed over, whatever time it took.
        return ChangePage(tuple(one for one in told if one is not None), f"{at}@{now:.3f}")

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await self._batches.read([self._subjects.of(key)[0] for key in op.keys])

    async def set_many(self, op: SetMany, /) -> None:
        places = [(*self._place(key, op.ttl), value) for key, value in op.items]
        await self._batches.write([(subject, value, head) for subject, head, value in places])

    async def delete_many(self, op: DeleteMany, /) -> None:
        places = [self._place(key, None) for key in op.keys]
        gone = mark(self._kept)
        await self._batches.write([(subject, b"", head | gone) for subject, head in places])

    async def begin(self, op: Begin, /) -> Transaction:
        raise _undeclared("transaction")

    def within(self, transaction: object, /) -> KVDriver:
        raise _undeclared("transaction")

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _create(self, op: Set) -> str:
        subject, headers = self._place(op.key, op.ttl)
        # Where there is nothing at all, not even a mark, one request does it.
        seq = await self._stream.publish(subject, op.value, headers, over=0)
        if seq is not None:
            return version_of(seq, op.ttl)

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], str]]:
            if live_of(found, now) is not None:
                raise AlreadyExistsError("the key is live")
            return Write(op.value, headers), lambda seq: version_of(seq, op.ttl)

        return await self._turns.change(subject, decide)

    async def _current(self, subject: str, version: str) -> int:
        """The number of a version, which is current as far as a write need not find out."""
        known = _VERSION.fullmatch(version)
        if known is None:
            raise _stale()
        if known.group(1) == "e":
            found = await self._stream.last(subject)
            live = live_of(found, await self._stream.time.now())
            if live is None or live.version != version:
                raise _stale()
        return int(known.group(2))

    async def _living(self, prefix: str) -> list[str]:
        """The live keys with a prefix, in order."""
        found = await self._stream.last_of(self._subjects.under(prefix))
        now = await self._stream.time.now()
        live = (one for one in found if live_of(one, now) is not None)
        names = (self._subjects.name(one.subject, one.headers.get(KEY_HEADER)) for one in live)
        return sorted(name for name in names if name is not None and name.startswith(prefix))

    def _change(self, one: Stored, prefix: str) -> Change | None:
        key = self._subjects.name(one.subject, one.headers.get(KEY_HEADER))
        if key is None or not key.startswith(prefix):
            return None
        if is_mark(one):
            return Change(key, ChangeKind.DELETED)
        ends = end_of(one)
        return Change(key, ChangeKind.SET, version_of(one.seq, ends))

    def _place(self, key: str, ttl: float | None) -> tuple[str, dict[str, str]]:
        subject, beside = self._subjects.of(key)
        headers = {} if beside is None else {KEY_HEADER: beside}
        return subject, headers | lasting(ttl)


@lru_cache(maxsize=64)
def _limits(room: int) -> KVLimits:
    """The bounds on a server that takes so much; every call is held to them."""
    return KVLimits(value_max_bytes=min(room, 8 << 20), batch_max_items=BATCH_ITEMS)


async def open_kv(config: NatsConfig, opening: Opening) -> NatsKV:
    """A kv driver on the configured server."""
    store = await store_of(config, opening)
    stream = await open_stream(
        store,
        config.stream_of(opening.service.name, "kv"),
        max_msgs_per_subject=1,
        allow_rollup_hdrs=True,
        allow_atomic=True,
        subject_delete_marker_ttl=math.ceil(config.changes_seconds) * _NANO,
    )
    durable = config.durability == "fsync"
    return NatsKV(stream, FEATURES if durable else FEATURES - {KVFeature.DURABLE})


def _number(data: bytes) -> int:
    if _INTEGER.fullmatch(data) is None:
        raise _no_integer()
    number = int(data)
    if not -_INT64 <= number < _INT64:
        raise _no_integer()
    return number


def _no_integer() -> ConflictError:
    return ConflictError("the stored value, or the sum, is no signed 64-bit integer")


def _stale() -> ConflictError:
    return ConflictError("the key has another version, or is not there")


def _undeclared(feature: str) -> UnsupportedError:
    return UnsupportedError(f"the provider nats does not declare {feature}")
