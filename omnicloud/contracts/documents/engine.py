"""Orders, pages, upserts and unique keys, for drivers that look into documents themselves."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from omnicloud.contracts.documents.filters import Filter, equalities
from omnicloud.contracts.documents.models import Document, DocumentEntry, DocumentPage, SortKey
from omnicloud.contracts.documents.paths import MISSING, Path, at, put, written
from omnicloud.contracts.documents.updates import Change, applied
from omnicloud.contracts.documents.values import checked_value, copied, decoded, encoded, rank
from omnicloud.errors import InvalidArgumentError

__all__ = ["asked_id", "index_key", "page_of", "unique_key", "upserted"]

Place = tuple[Any, ...]


def asked_id(condition: Filter) -> str | None:
    """The only ``_id`` that can match, if the filter names one."""
    named = equalities(condition).get(("_id",))
    return named if isinstance(named, str) else None


def page_of(
    entries: Iterable[DocumentEntry],
    sort: tuple[SortKey, ...],
    cursor: str | None,
    limit: int,
) -> DocumentPage:
    """The page after ``cursor`` of all that match, in whatever order they come."""
    after = None if cursor is None else _ordered(_position(cursor), sort)
    placed = ((_ordered(_values(entry.document, sort), sort), entry) for entry in entries)
    rest = (pair for pair in placed if after is None or after < pair[0])
    first = heapq.nsmallest(limit + 1, rest, key=lambda pair: pair[0])
    items = tuple(entry for _, entry in first[:limit])
    more = len(first) > limit
    return DocumentPage(items, _cursor(items[-1].document, sort) if more else None)


def _values(document: Document, sort: tuple[SortKey, ...]) -> list[Any]:
    """Type and value of each sort key, then the ``_id``."""
    return [*(_ranked(at(document, key.path)) for key in sort), document["_id"]]


def _ranked(value: Any) -> list[Any]:
    if value is MISSING:
        return [0, None]
    place = rank(value)
    return [place, value if 2 <= place <= 6 else None]


def _ordered(values: list[Any], sort: tuple[SortKey, ...]) -> Place:
    """A key that compares as the order says; types come first, so values are comparable."""
    keys = [
        _Down(*pair) if key.descending else _Up(*pair)
        for key, pair in zip(sort, values[:-1], strict=True)
    ]
    return (*keys, values[-1])


class _Up:
    __slots__ = ("place", "value")

    def __init__(self, place: int, value: Any) -> None:
        self.place = place
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Up) and (self.place, self.value) == (other.place, other.value)

    __hash__ = None  # type: ignore[assignment]  # compared, never kept in a set

    def __lt__(self, other: _Up) -> bool:
        if self.place != other.place:
            return self.place < other.place
        return self.value is not None and bool(self.value < other.value)


class _Down(_Up):
    __slots__ = ()

    def __lt__(self, other: _Up) -> bool:
        return _Up.__lt__(other, self)


def _cursor(document: Document, sort: tuple[SortKey, ...]) -> str:
    return encoded(_values(document, sort)).decode()


def _position(cursor: str) -> list[Any]:
    position: list[Any] = decoded(cursor)
    return position


def upserted(
    condition: Filter, upsert_id: str, changes: tuple[Change, ...], replacement: Document | None
) -> Document:
    """The document that an upsert inserts where none matches.

    Raises:
        ConflictError: A change cannot be made to it.
        InvalidArgumentError: The filter asks for a value that no document holds, or not so deep.
    """
    named = equalities(condition)
    identity = named.pop(("_id",), upsert_id)
    if not isinstance(identity, str):
        raise InvalidArgumentError("_id must be text")
    if replacement is not None:
        return {"_id": identity, **copied(replacement)}
    document: Document = {"_id": identity}
    for path, value in named.items():
        # A literal may be anything: it is looked for as it is, but not everything can be stored.
        put(document, path, checked_value(value, written(path), 1 + len(path)))
    return applied(document, changes)


def unique_key(document: Document, paths: tuple[Path, ...]) -> bytes | None:
    """Bytes that are equal for documents whose fields are equal; ``None``: not bound."""
    values = [at(document, path) for path in paths]
    if any(value is MISSING for value in values):
        return None
    return index_key(values)


def index_key(values: list[Any]) -> bytes:
    """Bytes that are equal for equal values, in their order."""
    return encoded([_plain(value) for value in values])


def _plain(value: Any) -> Any:
    """One form for values that are equal: 1 and 1.0, one instant in two offsets."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
