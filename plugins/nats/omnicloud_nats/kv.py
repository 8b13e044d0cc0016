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
from typing import NamedTuple

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
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.names import KEY_HEADER, Subjects
from omnicloud_nats.scans import Scans
from omnicloud_nats.store import store_of
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream, open_stream
from omnicloud_nats.turns import Turns, Write

__all__ = ["FEATURES", "NatsKV", "open_kv"]

FEATURES: frozenset[Feature] = frozenset(
    {
        KVFeature.TTL,
        KVFeature.COMPARE_AND_SET,
        KVFeature.SCAN,
        KVFeature.COUNTER,
        KVFeature.WATCH,
        KVFeature.DURABLE,
    }
)

_HEADERS_BYTES = 16 << 10
"""Room in a message beside the value: a long key may stand in its headers."""
_LIFE = "Omni-Life"  # seconds from the message's stamp
_ENDS = "Omni-Ends"  # seconds since 1970: a life that an increment went on with
_GONE = "Omni-Gone"
_SERVER_LIFE = "Nats-TTL"
_SERVER_MARK = "Nats-Marker-Reason"
_NANO = 1_000_000_000
_INT64 = 1 << 63
_PAGE = 1000
_VERSION = re.compile(r"([1-9]\d{0,18})(t?)")
_INTEGER = re.compile(rb"0|-?[1-9]\d{0,18}")


class _Live(NamedTuple):
    """A live key. ``version`` says whether its life ends: then it may be stale by itself."""

    data: bytes
    seq: int
    ends: float | None

    @property
    def version(self) -> str:
        return f"{self.seq}t" if self.ends is not None else str(self.seq)


class NatsKV:
    """A kv driver over a :class:`Stream`."""

    def __init__(self, stream: Stream, features: frozenset[Feature]) -> None:
        self._stream = stream
        self._features = features
        self._subjects = Subjects(f"{stream.name}.k")
        self._turns = Turns(stream)
        self._scans: Scans[str] = Scans()
        self._kept = stream.store.config.changes_seconds

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> KVLimits:
        room = self._stream.store.message_max_bytes - _HEADERS_BYTES
        return KVLimits(value_max_bytes=min(room, 8 << 20))

    async def get(self, op: Get, /) -> Record | None:
        found = await self._stream.last(self._subjects.of(op.key)[0])
        if found is None:
            return None
        ends = _end_of(found)
        now = 0.0 if ends is None else await self._stream.time.now()
        live = _live(found, now)
        if live is None:
            return None
        return Record(live.data, live.version, None if ends is None else ends - now)

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
        return _version(seq, op.ttl)

    async def delete(self, op: Delete, /) -> bool:
        subject, headers = self._place(op.key, None)
        mark = Write(b"", headers | self._mark())

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], bool]]:
            live = _live(found, now)
            if op.if_version is not None and (live is None or live.version != op.if_version):
                raise _stale()
            return (mark if live else None), bool

        return await self._turns.change(subject, decide)

    async def scan(self, op: Scan, /) -> Page:
        scan, _, after = (op.cursor or "").partition("/")
        names = self._scans.get(scan)
        if names is None:
            names = await self._living(op.prefix)
            scan = self._scans.keep(names)
        start = bisect_right(names, after) if after else 0
        keys = tuple(names[start : start + op.limit])
        if start + op.limit >= len(names):
            self._scans.forget(scan)
            return Page(keys)
        return Page(keys, f"{scan}/{keys[-1]}")

    async def increment(self, op: Increment, /) -> int:
        subject, plain = self._place(op.key, None)

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], int]]:
            live = _live(found, now)
            total = _number(live.data) + op.delta if live else op.delta
            if not -_INT64 <= total < _INT64:
                raise _no_integer()
            headers = dict(plain)
            if live is not None and live.ends is not None:
                headers |= {_ENDS: f"{live.ends:.9f}", **_cleared(live.ends - now)}
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
        raise _undeclared("batch")

    async def set_many(self, op: SetMany, /) -> None:
        raise _undeclared("batch")

    async def delete_many(self, op: DeleteMany, /) -> None:
        raise _undeclared("batch")

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
            return _version(seq, op.ttl)

        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], str]]:
            if _live(found, now) is not None:
                raise AlreadyExistsError("the key is live")
            return Write(op.value, headers), lambda seq: _version(seq, op.ttl)

        return await self._turns.change(subject, decide)

    async def _current(self, subject: str, version: str) -> int:
        """The number of a version, which is current as far as a write need not find out."""
        known = _VERSION.fullmatch(version)
        if known is None:
            raise _stale()
        if known.group(2):
            found = await self._stream.last(subject)
            live = _live(found, await self._stream.time.now())
            if live is None or live.version != version:
                raise _stale()
        return int(known.group(1))

    async def _living(self, prefix: str) -> list[str]:
        """The live keys with a prefix, in order."""
        found = await self._stream.last_of(self._subjects.under(prefix))
        now = await self._stream.time.now()
        live = (one for one in found if _live(one, now) is not None)
        names = (self._subjects.name(one.subject, one.headers.get(KEY_HEADER)) for one in live)
        return sorted(name for name in names if name is not None and name.startswith(prefix))

    def _change(self, one: Stored, prefix: str) -> Change | None:
        key = self._subjects.name(one.subject, one.headers.get(KEY_HEADER))
        if key is None or not key.startswith(prefix):
            return None
        if _is_mark(one):
            return Change(key, ChangeKind.DELETED)
        ends = _end_of(one)
        return Change(key, ChangeKind.SET, _version(one.seq, ends))

    def _place(self, key: str, ttl: float | None) -> tuple[str, dict[str, str]]:
        subject, beside = self._subjects.of(key)
        headers = {} if beside is None else {KEY_HEADER: beside}
        if ttl is not None:
            headers |= {_LIFE: f"{ttl:.6f}", **_cleared(ttl)}
        return subject, headers

    def _mark(self) -> dict[str, str]:
        # The server adds a mark of its own for a message whose life ended, but not for a mark.
        return {_GONE: "1", _SERVER_MARK: "Remove", _SERVER_LIFE: f"{math.ceil(self._kept)}s"}


async def open_kv(config: NatsConfig, opening: Opening) -> NatsKV:
    """A kv driver on the configured server."""
    store = await store_of(config, opening)
    stream = await open_stream(
        store,
        config.stream_of(opening.service.name, "kv"),
        max_msgs_per_subject=1,
        allow_rollup_hdrs=True,
        subject_delete_marker_ttl=math.ceil(config.changes_seconds) * _NANO,
    )
    durable = config.durability == "fsync"
    return NatsKV(stream, FEATURES if durable else FEATURES - {KVFeature.DURABLE})


def _live(found: Stored | None, now: float) -> _Live | None:
    """What a key's last message means at a moment."""
    if found is None or _is_mark(found):
        return None
    ends = _end_of(found)
    return None if ends is not None and ends <= now else _Live(found.data, found.seq, ends)


def _is_mark(found: Stored) -> bool:
    return _SERVER_MARK in found.headers


def _end_of(found: Stored) -> float | None:
    if _LIFE in found.headers:
        return found.at + float(found.headers[_LIFE])
    ends = found.headers.get(_ENDS)
    return None if ends is None else float(ends)


def _cleared(seconds: float) -> dict[str, str]:
    """When the server may take it away: whole seconds, never before the end."""
    return {_SERVER_LIFE: f"{math.ceil(seconds) + 1}s"}


def _version(seq: int, ends: float | None) -> str:
    return str(seq) if ends is None else f"{seq}t"


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
