"""documents drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Delete, Find, Insert, Update
from omnicloud.contracts.documents.engine import upserted
from omnicloud.contracts.documents.filters import All, Any_, Compare, Comparison, Filter
from omnicloud.contracts.documents.models import Document, DocumentPage, UpdateResult
from omnicloud.contracts.documents.updates import ChangeKind, applied
from omnicloud.memory.documents import MemoryDocuments
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, DocumentsContract)


class _Inserts(MemoryDocuments):
    """Changes documents when they are inserted."""

    def kept(self, document: Document) -> Document:
        return document

    async def insert(self, op: Insert, /) -> str:
        return await super().insert(replace(op, document=self.kept(op.document)))


class _Finds(MemoryDocuments):
    """Searches for something else than was asked."""

    def asked(self, condition: Filter) -> Filter:
        return condition

    async def find(self, op: Find, /) -> DocumentPage:
        return await super().find(replace(op, filter=self.asked(op.filter)))


@documents("DO05", "T1", "an update that matches nothing inserts a document")
class AlwaysUpserts(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        result = await super().update(op)
        if result.matched == 0 and result.upserted_id is None:
            made = upserted(op.filter, f"made-{self._store.number()}", op.changes, None)
            self._insert(op.collection, made)
        return result


@documents("DO07", "T1", "delete_one deletes every match")
class DeletesAll(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        for row in list(self._matching(op.collection, op.filter)):
            del self._rows(op.collection)[row.document["_id"]]
        return there


@documents("DO08", "T1", "$set with a dotted path makes a field with dots in its name")
class LiteralDots(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        changes = tuple(
            replace(one, path=(".".join(one.path),)) if one.kind is ChangeKind.SET else one
            for one in op.changes
        )
        return await super().update(replace(op, changes=changes))


@documents("DO09", "T1", "$set of a nested field replaces the dict around it")
class ReplacesAround(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        return await super().update(replace(op, changes=tuple(map(self._whole, op.changes))))

    @staticmethod
    def _whole(change: Any) -> Any:
        if change.kind is not ChangeKind.SET or len(change.path) < 2:
            return change
        value = change.value
        for step in reversed(change.path[1:]):
            value = {step: value}
        return replace(change, path=change.path[:1], value=value)


def _mapped(value: Any, how: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(item, how) for name, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, how) for item in value]
    return how(value)


@documents("DO10", "T1", "whole numbers beyond 2**53 lose their last digits")
class DoubleNumbers(_Inserts):
    def kept(self, document: Document) -> Document:
        def through(value: Any) -> Any:
            if not isinstance(value, int) or isinstance(value, bool) or abs(value) < 1 << 53:
                return value
            return max(-(1 << 63), min(int(float(value)), (1 << 63) - 1))

        made: Document = _mapped(document, through)
        return made


@documents("DO11", "T1", "a number and its text are equal in filters")
class TextEquality(_Finds):
    def asked(self, condition: Filter) -> Filter:
        if isinstance(condition, Compare) and condition.how is Comparison.EQ:
            value = condition.value
            if isinstance(value, int) and not isinstance(value, bool):
                return Any_((condition, replace(condition, value=str(value))))
            if isinstance(value, str) and value.isdecimal():
                return Any_((condition, replace(condition, value=int(value))))
        return condition


@documents("DO12", "T1", "of several fields in a filter one that matches is enough")
class AnyField(_Finds):
    def asked(self, condition: Filter) -> Filter:
        several = isinstance(condition, All) and len(condition.parts) > 1
        return Any_(condition.parts) if several else condition  # type: ignore[attr-defined]


@documents("DO13", "T1", "a search ends after its first hundred documents")
class FirstHundred(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(replace(op, limit=min(op.limit, 100)))
        return DocumentPage(page.items)


@documents("DO14", "T1", "fields that are null are not stored")
class DropsNulls(_Inserts):
    def kept(self, document: Document) -> Document:
        return {name: value for name, value in document.items() if value is not None}


@documents("DO16", "T1", "true equals 1 in filters")
class TrueIsOne(_Finds):
    def asked(self, condition: Filter) -> Filter:
        if isinstance(condition, Compare) and condition.how is Comparison.EQ:
            if isinstance(condition.value, bool):
                return Any_((condition, replace(condition, value=int(condition.value))))
            if condition.value in (0, 1) and isinstance(condition.value, int):
                return Any_((condition, replace(condition, value=bool(condition.value))))
        return condition


@documents("DO19", "T2", "an update reads, awaits, and then writes")
class LosesUpdates(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None or self._transaction is not None:
            return await super().update(op)
        made = applied(row.document, op.changes)
        await asyncio.sleep(0)
        await self._turn()
        return self._put(op.collection, row, made)
