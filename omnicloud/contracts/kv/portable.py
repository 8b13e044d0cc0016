"""The class users hold: small values by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Generic, TypeVar, final

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
from omnicloud.contracts.kv.models import Change, Entry, Record
from omnicloud.core.arguments import check_flag, check_mapping, check_names, check_page_size
from omnicloud.core.codec import Codec
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.names import check_name, check_prefix
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud.errors import InvalidArgumentError

__all__ = ["KV"]

T = TypeVar("T")

_INT64 = 1 << 63
_WATCH_WAIT = 20.0  # seconds of one long poll; a watch asks again


@final
class KV(Generic[T]):
    """Small values by name.

    Names are any Unicode of 1 to 1,024 bytes of UTF-8; values are of one type, encoded to at
    most ``limits.value_max_bytes`` bytes. Every method may raise
    :class:`~omnicloud.errors.UnavailableError` (unknown), ``DeadlineExceededError`` (unknown)
    and ``ClosedError``; the others are named where they belong.
    """

    def __init__(self, pipeline: Pipeline[KVDriver], codec: Codec[T]) -> None:
        self._pipeline = pipeline
        self._codec = codec

    @property
    def pipeline(self) -> Pipeline[KVDriver]:
        """The way to the driver."""
        return self._pipeline

    async def get(self, key: str) -> T | None:
        """The value of a key, or ``None`` where there is none or it has expired."""
        record = await self._pipeline.send(Get(check_name(key, "key")))
        return None if record is None else self._codec.decode(record.value)

    async def get_entry(self, key: str) -> Entry[T] | None:
        """Value, version and remaining seconds of a key, or ``None``."""
        return self._entry(await self._pipeline.send(Get(check_name(key, "key"))))

    async def set(
        self,
        key: str,
        value: T,
        *,
        ttl: Seconds | None = None,
        if_version: str | None = None,
        if_absent: bool = False,
    ) -> str:
        """Write a value and return its new version.

        Args:
            key: 1 to 1,024 bytes of UTF-8.
            value: Of the type this service was opened with.
            ttl: Time to live from the write, at least a millisecond; ``None`` is for ever,
                also for a key that had one. Needs ``ttl``.
            if_version: Write only over this version. Needs ``compare_and_set``.
            if_absent: Write only where there is no live key. Needs ``compare_and_set``.

        Raises:
            ConflictError: ``if_version`` is not the current version; nothing was written.
            AlreadyExistsError: ``if_absent``, and the key is live; nothing was written.
            InvalidArgumentError: A bound is broken; nothing was sent.
        """
        op = Set(
            check_name(key, "key"),
            self._codec.encode(value),
            None if ttl is None else positive(ttl, "ttl"),
            _version(if_version),
            check_flag(if_absent, "if_absent"),
        )
        if if_absent and if_version is not None:
            raise InvalidArgumentError(
                "if_version and if_absent exclude each other", hint="give one of them"
            )
        return await self._pipeline.send(op)

    async def delete(self, key: str, *, if_version: str | None = None) -> bool:
        """Delete a key; whether it was live. A missing key is no error.

        Raises:
            ConflictError: ``if_version`` is not the current version; nothing was deleted.
        """
        return await self._pipeline.send(Delete(check_name(key, "key"), _version(if_version)))

    async def get_many(self, keys: Iterable[str]) -> dict[str, T]:
        """The live ones of these keys with their values, as they stood at one moment.

        Needs ``batch``.
        """
        wanted = tuple(dict.fromkeys(check_names(keys, "key")))
        records = await self._pipeline.send(GetMany(wanted))
        pairs = zip(wanted, records, strict=True)
        return {key: self._codec.decode(rec.value) for key, rec in pairs if rec is not None}

    async def set_many(self, items: Mapping[str, T], *, ttl: Seconds | None = None) -> None:
        """Write all items or none. Needs ``batch``.

        Raises:
            InvalidArgumentError: A bound is broken, as ``limits.batch_max_bytes`` of all keys and
                values together; nothing was sent.
        """
        check_mapping(items, "items", 'give a dict, {"key": value}')
        encoded = tuple(
            (check_name(key, "key"), self._codec.encode(value)) for key, value in items.items()
        )
        await self._pipeline.send(SetMany(encoded, None if ttl is None else positive(ttl, "ttl")))

    async def delete_many(self, keys: Iterable[str]) -> None:
        """Delete all these keys or none; missing ones are no error. Needs ``batch``."""
        wanted = tuple(dict.fromkeys(check_names(keys, "key")))
        await self._pipeline.send(DeleteMany(wanted))

    async def scan(self, prefix: str = "", *, page_size: int = 1000) -> AsyncIterator[str]:
        """Each live key that starts with ``prefix`` once, in code-point order.

        Needs ``scan``. Keys written or deleted meanwhile may or may not be in it.
        """
        check_prefix(prefix)
        check_page_size(page_size)
        cursor: str | None = None
        while True:
            page = await self._pipeline.send(Scan(prefix, cursor, page_size))
            for key in page.keys:
                yield key
            cursor = page.cursor
            if cursor is None:
                return

    async def increment(self, key: str, delta: int = 1) -> int:
        """Add to the integer stored under a key (0 if absent) and return the sum.

        The value is stored as decimal text and keeps its time to live. Needs ``counter``.

        Raises:
            ConflictError: The value is no integer, or the sum would leave 64 bit; unchanged.
        """
        if isinstance(delta, bool) or not isinstance(delta, int):
            raise InvalidArgumentError(f"delta must be an int, not {type(delta).__name__}")
        if not -_INT64 <= delta < _INT64:
            raise InvalidArgumentError("delta must be a signed 64-bit integer")
        return await self._pipeline.send(Increment(check_name(key, "key"), delta))

    async def watch(self, prefix: str = "") -> AsyncIterator[Change]:
        """Changes of the keys under ``prefix`` from now on, until the loop is left.

        Every change is told at least in the last state of its key, in order per key; the end of
        a life as a deletion, within five seconds. "Now" is when the iteration starts. Needs
        ``watch``.
        """
        check_prefix(prefix)
        page = await self._pipeline.send(Changes(prefix))
        while True:
            for change in page.changes:
                yield change
            page = await self._pipeline.send(Changes(prefix, page.cursor, _WATCH_WAIT))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[KV[T]]:
        """A block whose writes happen together when it ends, or not at all when it raises.

        Use the yielded store inside. Needs ``transaction``.

        Raises:
            ConflictError: At the end, or at a call inside: another writer came first; nothing
                was written. Run the block again.
            InvalidArgumentError: At the end, or at a call inside: more was written or read than
                ``limits.batch_max_bytes`` or ``limits.transaction_max_keys`` allows; nothing
                was written.
        """
        transaction = await self._pipeline.send(Begin())
        async with ended(transaction):
            yield self.within(transaction)

    def within(self, transaction: object) -> KV[T]:
        """This store inside a transaction of the same provider's store.

        Raises:
            InvalidArgumentError: The transaction belongs to another store.
        """
        driver = self._pipeline.driver.within(transaction)
        return KV(self._pipeline.around(driver), self._codec)

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()

    def _entry(self, record: Record | None) -> Entry[T] | None:
        if record is None:
            return None
        return Entry(self._codec.decode(record.value), record.version, record.expires_in)


def _version(version: str | None) -> str | None:
    if version is not None and (not isinstance(version, str) or not version):
        raise InvalidArgumentError(
            "if_version must be a version that a write or get_entry returned",
            hint="to write only where nothing is, use if_absent=True",
        )
    return version
