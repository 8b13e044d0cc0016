"""Values of the kv contract."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from omnicloud.core.operation import Feature, Limits

__all__ = ["Change", "ChangeKind", "ChangePage", "Entry", "KVFeature", "KVLimits", "Page", "Record"]

T = TypeVar("T")


class KVFeature(Feature):
    """What a kv driver may declare."""

    TTL = "ttl"
    """``ttl=`` is honoured to the tenth of a second: a value ends so much early or late at most."""
    COMPARE_AND_SET = "compare_and_set"
    """``if_version=`` and ``if_absent=`` are linearizable."""
    BATCH = "batch"
    """``get_many`` is one snapshot, ``set_many`` and ``delete_many`` are all or nothing."""
    SCAN = "scan"
    """``scan`` gives each live key once, in code-point order."""
    COUNTER = "counter"
    """``increment`` is atomic."""
    WATCH = "watch"
    """``watch`` tells every change of a key at least in its last state, in order per key."""
    TRANSACTION = "transaction"
    """``transaction`` is atomic and isolated. Where others write meanwhile it may end in a
    ConflictError, whatever it read or wrote."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KVLimits(Limits):
    """Bounds of a kv driver. Each is at least what is said, for applications to count on.

    Attributes:
        value_max_bytes: At least 4 KiB.
        batch_max_items: At least 4 where ``batch`` is declared.
        batch_max_bytes: Of the stored keys and values that one ``set_many`` writes, or one
            transaction at its end, in which the keys that it read count as well; what is
            deleted does not. ``None`` where nothing but the other limits bounds them. At least
            8 KiB.
        transaction_max_keys: Of the keys that one transaction reads, each prefix that it scans
            being one and each key that a scan told another, and of those that it writes or
            deletes. ``None`` where nothing bounds them. At least 64.
    """

    value_max_bytes: int = 1 << 20
    batch_max_items: int = 1000
    batch_max_bytes: int | None = None
    transaction_max_keys: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A live key as a driver knows it.

    Attributes:
        value: The stored bytes.
        version: Opaque, not empty; another one after every write, also after a delete.
        expires_in: Seconds to live, ``None`` for ever. As exact as lives are: just after the
            write it may be a little more than the ``ttl``.
    """

    value: bytes
    version: str
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A live key as a user knows it: its value, version and remaining seconds to live."""

    value: T
    version: str
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys of a scan, in code-point order; ``cursor`` is ``None`` on the last page."""

    keys: tuple[str, ...]
    cursor: str | None = None


class ChangeKind(Enum):
    """What happened to a key."""

    SET = "set"
    DELETED = "deleted"
    """Deleted or expired."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one key. ``version`` is empty for a deletion."""

    key: str
    kind: ChangeKind
    version: str = ""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes since a cursor, and the cursor to ask with next."""

    changes: tuple[Change, ...]
    cursor: str
