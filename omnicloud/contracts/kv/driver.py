"""The requests of the kv contract and the driver that answers them.

This is all that a provider's author must read. A driver never retries, logs, traces or adds
context; it maps its native errors in one table.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

from omnicloud.contracts.kv.models import ChangePage, KVFeature, KVLimits, Page, Record
from omnicloud.core.names import Scope
from omnicloud.core.operation import NO_FEATURES, Effect, Feature, Named, Operation, Seal
from omnicloud.core.transactions import Transaction
from omnicloud.errors import InvalidArgumentError, UnsupportedError

__all__ = [
    "Begin",
    "Changes",
    "Delete",
    "DeleteMany",
    "Get",
    "GetMany",
    "Increment",
    "KVDriver",
    "Scan",
    "Set",
    "SetMany",
]

_CAS = frozenset({KVFeature.COMPARE_AND_SET})
_BATCH = frozenset({KVFeature.BATCH})


class KVDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> KVLimits: ...
    async def get(self, op: Get, /) -> Record | None: ...
    async def set(self, op: Set, /) -> str: ...
    async def delete(self, op: Delete, /) -> bool: ...
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]: ...
    async def set_many(self, op: SetMany, /) -> None: ...
    async def delete_many(self, op: DeleteMany, /) -> None: ...
    async def scan(self, op: Scan, /) -> Page: ...
    async def increment(self, op: Increment, /) -> int: ...
    async def changes(self, op: Changes, /) -> ChangePage: ...
    async def begin(self, op: Begin, /) -> Transaction: ...
    def within(self, transaction: object, /) -> KVDriver:
        """This driver inside a transaction of the same store.

        ``transaction`` is a :class:`Transaction` of the store, or a native connection or
        session of the application where the provider says so.

        Raises:
            InvalidArgumentError: It belongs to another store.
        """

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Get(Named[KVDriver, Record | None]):
    """The record of a key; ``None`` where there is none or it has expired."""

    name: ClassVar[str] = "kv.get"
    key: str

    def unsealed(self, result: Record | None, seal: Seal) -> Record | None:
        return _opened(result, self.key, seal)

    def run(self, driver: KVDriver) -> Awaitable[Record | None]:
        return driver.get(self)


@dataclass(frozen=True, slots=True)
class Set(Named[KVDriver, str]):
    """Write a value and answer its new version.

    Without ``ttl`` (seconds) the key lives for ever, whatever it had before.

    Errors of a driver:
        ConflictError: ``if_version`` is not the current version, or there is none.
        AlreadyExistsError: ``if_absent``, and the key is live.
    """

    name: ClassVar[str] = "kv.set"
    key: str
    value: bytes
    ttl: float | None = None
    if_version: str | None = None
    if_absent: bool = False

    @property
    def effect(self) -> Effect:
        # After a lost answer a conditional write would meet its own result and report a
        # conflict that there was not.
        conditional = self.if_version is not None or self.if_absent
        return Effect.ONCE if conditional else Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        needed = _TTL if self.ttl is not None else NO_FEATURES
        return needed | _CAS if self.if_version is not None or self.if_absent else needed

    def check(self, driver: KVDriver) -> None:
        Named.check(self, driver)
        _check_value(self.value, driver.limits)

    def sealed(self, seal: Seal) -> Set:
        return replace(self, value=seal.close(self.value, self.key))

    def run(self, driver: KVDriver) -> Awaitable[str]:
        return driver.set(self)


_TTL: frozenset[Feature] = frozenset({KVFeature.TTL})


@dataclass(frozen=True, slots=True)
class Delete(Named[KVDriver, bool]):
    """Delete a key and answer whether it was live. A missing key is no error.

    Errors of a driver:
        ConflictError: ``if_version`` is not the current version, or there is none.
    """

    name: ClassVar[str] = "kv.delete"
    key: str
    if_version: str | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT if self.if_version is None else Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return NO_FEATURES if self.if_version is None else _CAS

    def run(self, driver: KVDriver) -> Awaitable[bool]:
        return driver.delete(self)


@dataclass(frozen=True, slots=True)
class GetMany(Operation[KVDriver, tuple[Record | None, ...]]):
    """The records of some keys, in their order, as they stood at one moment."""

    name: ClassVar[str] = "kv.get_many"
    keys: tuple[str, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        return self.keys

    def needs(self) -> frozenset[Feature]:
        return _BATCH

    def check(self, driver: KVDriver) -> None:
        _check_keys(self.keys, driver.limits)

    def scoped(self, scope: Scope) -> GetMany:
        return GetMany(tuple(map(scope.enter, self.keys)))

    def unsealed(self, result: tuple[Record | None, ...], seal: Seal) -> tuple[Record | None, ...]:
        pairs = zip(self.keys, result, strict=True)
        return tuple(_opened(record, key, seal) for key, record in pairs)

    def run(self, driver: KVDriver) -> Awaitable[tuple[Record | None, ...]]:
        return driver.get_many(self)


@dataclass(frozen=True, slots=True)
class SetMany(Operation[KVDriver, None]):
    """Write all items or none; a key is in it at most once. ``ttl`` is for each of them."""

    name: ClassVar[str] = "kv.set_many"
    items: tuple[tuple[str, bytes], ...]
    ttl: float | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(key for key, _ in self.items)

    def needs(self) -> frozenset[Feature]:
        return _BATCH if self.ttl is None else _BATCH | _TTL

    def check(self, driver: KVDriver) -> None:
        _check_keys(tuple(key for key, _ in self.items), driver.limits)
        for _, value in self.items:
            _check_value(value, driver.limits)
        _check_weight(self.items, driver.limits)

    def scoped(self, scope: Scope) -> SetMany:
        return replace(self, items=tuple((scope.enter(k), v) for k, v in self.items))

    def sealed(self, seal: Seal) -> SetMany:
        return replace(self, items=tuple((k, seal.close(v, k)) for k, v in self.items))

    def run(self, driver: KVDriver) -> Awaitable[None]:
        return driver.set_many(self)


@dataclass(frozen=True, slots=True)
class DeleteMany(Operation[KVDriver, None]):
    """Delete all those keys or none; missing ones are no error."""

    name: ClassVar[str] = "kv.delete_many"
    keys: tuple[str, ...]

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resources(self) -> tuple[str, ...]:
        return self.keys

    def needs(self) -> frozenset[Feature]:
        return _BATCH

    def check(self, driver: KVDriver) -> None:
        _check_keys(self.keys, driver.limits)

    def scoped(self, scope: Scope) -> DeleteMany:
        return DeleteMany(tuple(map(scope.enter, self.keys)))

    def run(self, driver: KVDriver) -> Awaitable[None]:
        return driver.delete_many(self)


@dataclass(frozen=True, slots=True)
class Scan(Operation[KVDriver, Page]):
    """A page of the live keys that start with ``prefix``, in code-point order.

    ``cursor`` is what the page before answered; a driver may answer fewer than ``limit`` keys,
    also none, before the last page. A key that lives during the whole scan is in it once.
    """

    name: ClassVar[str] = "kv.scan"
    prefix: str = ""
    cursor: str | None = None
    limit: int = 1000

    @property
    def resource(self) -> str:
        return self.prefix

    def needs(self) -> frozenset[Feature]:
        return frozenset({KVFeature.SCAN})

    def scoped(self, scope: Scope) -> Scan:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: Page, scope: Scope) -> Page:
        names = (scope.leave(key) for key in result.keys)
        return Page(tuple(name for name in names if name is not None), result.cursor)

    def run(self, driver: KVDriver) -> Awaitable[Page]:
        return driver.scan(self)


@dataclass(frozen=True, slots=True)
class Increment(Named[KVDriver, int]):
    """Add to the decimal integer stored under a key (0 if absent) and answer the sum.

    The key keeps its time to live. Sums are signed 64 bit. A decimal integer is written one way
    only: no leading zeros, no sign but the minus of a negative one, nothing around it.

    Errors of a driver:
        ConflictError: The stored value is no such integer, or the sum would not be.
    """

    name: ClassVar[str] = "kv.increment"
    key: str
    delta: int = 1

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return frozenset({KVFeature.COUNTER})

    def sealed(self, seal: Seal) -> Self:
        raise UnsupportedError(
            "kv.increment needs the service to see the number, which encryption hides",
            hint="use compare_and_set, or a service without encryption for counters",
        )

    def run(self, driver: KVDriver) -> Awaitable[int]:
        return driver.increment(self)


@dataclass(frozen=True, slots=True)
class Changes(Operation[KVDriver, ChangePage]):
    """Changes of the keys under ``prefix`` since ``cursor``; ``None`` means from now on.

    Waits ``wait`` seconds at most for the first change. It answers none when they have passed,
    sooner only where something outside the prefix was changed meanwhile. Without a cursor
    it answers at once with none, and the cursor of that moment. Several changes of one key
    may be told as its last. The end of a life is told as a deletion, five seconds later at
    most. Inside a transaction its own writes may be told or not.
    """

    name: ClassVar[str] = "kv.changes"
    prefix: str = ""
    cursor: str | None = None
    wait: float = 0.0

    @property
    def resource(self) -> str:
        return self.prefix

    @property
    def waits(self) -> float:
        return self.wait

    def needs(self) -> frozenset[Feature]:
        return frozenset({KVFeature.WATCH})

    def scoped(self, scope: Scope) -> Changes:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: ChangePage, scope: Scope) -> ChangePage:
        named = ((scope.leave(change.key), change) for change in result.changes)
        kept = tuple(replace(change, key=key) for key, change in named if key is not None)
        return ChangePage(kept, result.cursor)

    def run(self, driver: KVDriver) -> Awaitable[ChangePage]:
        return driver.changes(self)


@dataclass(frozen=True, slots=True)
class Begin(Operation[KVDriver, Transaction]):
    """Begin a transaction of the driver's store."""

    name: ClassVar[str] = "kv.begin"

    @property
    def effect(self) -> Effect:
        return Effect.ONCE

    def needs(self) -> frozenset[Feature]:
        return frozenset({KVFeature.TRANSACTION})

    def run(self, driver: KVDriver) -> Awaitable[Transaction]:
        return driver.begin(self)


def _opened(record: Record | None, key: str, seal: Seal) -> Record | None:
    return record and replace(record, value=seal.open(record.value, key))


def _check_value(value: bytes, limits: KVLimits) -> None:
    if len(value) > limits.value_max_bytes:
        raise InvalidArgumentError(
            f"the value has {len(value)} bytes, the limit value_max_bytes is "
            f"{limits.value_max_bytes}",
            hint="store it as an object and keep its key here",
        )


def _check_keys(keys: tuple[str, ...], limits: KVLimits) -> None:
    if len(keys) > limits.batch_max_items:
        raise InvalidArgumentError(
            f"{len(keys)} items in one batch, the limit batch_max_items is "
            f"{limits.batch_max_items}",
            hint="send several batches; each is all or nothing for itself",
        )
    for key in keys:
        limits.check_stored_name(key, "key")


def _check_weight(items: tuple[tuple[str, bytes], ...], limits: KVLimits) -> None:
    most = limits.batch_max_bytes
    if most is None:
        return
    size = sum(len(key.encode()) + len(value) for key, value in items)
    if size > most:
        raise InvalidArgumentError(
            f"the batch has {size} bytes with its keys, the limit batch_max_bytes is {most}",
            hint="send several batches; each is all or nothing for itself",
        )
