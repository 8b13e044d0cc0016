"""Values of the documents contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omnicloud.core.operation import Feature, Limits

__all__ = [
    "Document",
    "DocumentEntry",
    "DocumentPage",
    "DocumentsFeature",
    "DocumentsLimits",
    "SortKey",
    "UpdateResult",
]

Document = dict[str, Any]
"""A document: the data itself. Its values are ``None``, ``bool``, ``int`` (signed 64 bit),
``float`` (finite), ``str``, ``bytes``, aware ``datetime``, lists and dicts of these."""


class DocumentsFeature(Feature):
    """What a documents driver may declare."""

    INDEX = "index"
    """``create_index``; unique ones are enforced, also between concurrent writers."""
    COMPARE_AND_SET = "compare_and_set"
    """``if_version=`` is linearizable."""
    TRANSACTION = "transaction"
    """``transaction`` is atomic and isolated. Where others write meanwhile it may end in a
    ConflictError, whatever it read or wrote."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsLimits(Limits):
    """Bounds of a documents driver."""

    document_max_bytes: int = 1 << 20
    """Of the document in the JSON form of :mod:`.values`. At least 4 KiB, so that every
    application can count on it."""
    page_max_items: int = 1000
    """At least 1: no request asks for more in one page."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order: a dotted path, downwards or not."""

    path: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A document with its version.

    Attributes:
        document: The caller's own copy; changing it changes nothing else.
        version: Opaque, not empty; another one after every write that changed the document,
            also after a delete.
    """

    document: Document = field(repr=False)
    version: str


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents in the asked order; ``cursor`` is ``None`` on the last page."""

    items: tuple[DocumentEntry, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an update or a replacement did.

    Attributes:
        matched: Documents that the filter chose: 0 or 1.
        modified: Documents whose JSON form is another one now: 0 or 1. ``$set`` of 1.0 over 1
            is such a change, and the document holds 1.0 then.
        upserted_id: ``_id`` of the document that was inserted because none matched.
        version: Of the document as it is now; ``None`` where there is none.
    """

    matched: int
    modified: int
    upserted_id: str | None = None
    version: str | None = None
