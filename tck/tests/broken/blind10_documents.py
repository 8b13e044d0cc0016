"""documents drivers whose equality is careless inside lists and dicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.filters import (
    All,
    Any_,
    Compare,
    Comparison,
    Filter,
    In,
    Not,
    matches,
)
from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import MISSING, at
from omnicloud.contracts.documents.values import equal, rank
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud_tck.documents import DocumentsContract


class Loose(MemoryDocuments):
    """Looks at types at the top, and inside as a simple comparison does."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        rows = super()._matching(collection, All(()))
        return (row for row in rows if self._fits(condition, row.document))

    def _fits(self, condition: Filter, document: Document) -> bool:
        match condition:
            case Compare(path, Comparison.EQ, value):
                found = at(document, path)
                return found is not MISSING and self._equal(found, value)
            case In(path, values):
                found = at(document, path)
                return found is not MISSING and any(self._equal(found, one) for one in values)
            case All(parts):
                return all(self._fits(part, document) for part in parts)
            case Any_(parts):
                return any(self._fits(part, document) for part in parts)
            case Not(part):
                return not self._fits(part, document)
        return matches(condition, document)

    def _equal(self, left: Any, right: Any) -> bool:
        return rank(left) == rank(right) and bool(self._plain(left) == self._plain(right))

    def _plain(self, value: Any) -> Any:
        return value


@broken("BLIND10-DO-04", "T1", "inside lists and dicts True equals 1", DocumentsContract)
class TrueIsOneInside(Loose):
    """Leaves lists and dicts to ``==``."""


class LooseInside(Loose):
    """Makes one of some values inside lists and dicts, right otherwise."""

    def _equal(self, left: Any, right: Any) -> bool:
        inside = isinstance(left, list | dict) and isinstance(right, list | dict)
        if not inside:
            return equal(left, right)
        return equal(self._plain(left), self._plain(right))

    def _plain(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        if isinstance(value, dict):
            return {key: self._plain(one) for key, one in value.items()}
        return self._leaf(value)

    def _leaf(self, value: Any) -> Any:
        return value


@broken("BLIND10-DO-04a", "T1", "inside lists and dicts bytes equal their text", DocumentsContract)
class BytesAreTextInside(LooseInside):
    def _leaf(self, value: Any) -> Any:
        return value.decode(errors="replace") if isinstance(value, bytes) else value


@broken(
    "BLIND10-DO-04b", "T1", "inside lists and dicts null equals the empty text", DocumentsContract
)
class NullIsEmptyInside(LooseInside):
    def _leaf(self, value: Any) -> Any:
        return "" if value is None else value


@broken("BLIND10-DO-04c", "T1", "inside dicts of lists numbers equal their text", DocumentsContract)
class NumbersAreTextInside(LooseInside):
    def _leaf(self, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return f"{value:g}" if number else value
