"""The law of versions and moments of documents, whichever request tells them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from omnicloud.contracts.documents import DocumentsFeature, where
from omnicloud.contracts.documents.driver import Count, Delete, Find, Insert, Replace, Update
from omnicloud.contracts.documents.filters import read_filter
from omnicloud.contracts.documents.models import DocumentEntry, SortKey
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.nearby import OTHERS, only_this
from omnicloud_tck.world import World

__all__ = ["ToldLaws"]

_C, _BY = "told", where({"_id": "d"})
_MOMENT = datetime(2024, 2, 29, 23, 59, 59, 999_501, tzinfo=UTC)
_VALUES: tuple[tuple[Any, Any, Any], ...] = (
    (_MOMENT - timedelta(microseconds=1), _MOMENT, _MOMENT + timedelta(microseconds=1)),
    (0.1, 0.30000000000000004 - 0.2, 0.1000000000000001),
    ((1 << 53) + 1, (1 << 53) + 2, (1 << 53) + 3),
)
"""Three values next to each other, as a filter that rounds would not tell apart."""


class ToldLaws(Contract):
    """What is told is what conditions and filters know."""

    @law(
        "DOC-172",
        "A version holds for a condition, and a value for a filter, as it was told, by whichever "
        "request, and no version of another document.",
        needs=[DocumentsFeature.COMPARE_AND_SET],
    )
    async def marks_are_known_as_told(self, world: World[Any]) -> None:
        pipe = await world.pipeline()

        async def update(version: str | None, number: int = 0) -> str:
            change = Change(ChangeKind.SET, ("n",), number)
            made = await pipe.send(Update(_C, _BY, (change,), if_version=version))
            return str(made.version)

        inserted = await pipe.send(Insert(_C, {"_id": "d", "n": 1}))
        rows: list[Any] = [{"_id": f"o{number}"} for number in range(OTHERS)]
        others = [await pipe.send(Insert(f"{_C} others", row)) for row in rows]
        await only_this(inserted, others, update, "an update")
        version = await update(await update(await self._current(pipe)), 1)
        replaced = await pipe.send(Replace(_C, _BY, {"n": 2}, if_version=version))
        version = await update(replaced.version, 2)  # which is no change
        await only_this(
            version, others, lambda v: pipe.send(Delete(_C, _BY, if_version=v)), "a delete"
        )
        upserted = await pipe.send(Replace(_C, _BY, {"n": 3}, upsert_id="d"))
        await update(upserted.version, 4)
        await self._values(pipe)

    async def _current(self, pipe: Pipeline[Any]) -> str:
        """What all that tells it says it is."""
        finds = Find(_C, _BY), Find(_C), Find(_C, sort=(SortKey(("n",)),))
        found = [(await _found(pipe, find))[0].version for find in finds]
        equal([found[0]] * 3, found, "the version in three searches")
        return str(found[0])

    async def _values(self, pipe: Pipeline[Any]) -> None:
        for values in _VALUES:
            for number, value in enumerate(values):
                await pipe.send(Insert("values", {"_id": f"v{number}", "v": value}))
            for number in range(3):
                (entry,) = await _found(pipe, Find("values", where({"_id": f"v{number}"})))
                told = entry.document["v"]
                entries = await _found(pipe, Find("values", where({"v": told})))
                found = [entry.document["_id"] for entry in entries]
                equal([f"v{number}"], found, f"what is found by {told!r}, as it was told")
                before = await pipe.send(Count("values", read_filter({"v": {"$lt": told}})))
                equal(number, before, f"how many are before {told!r}, as it was told")
            for number in range(3):
                await pipe.send(Delete("values", where({"_id": f"v{number}"})))


async def _found(pipe: Pipeline[Any], find: Find) -> list[DocumentEntry]:
    """All that is found; a page may have nothing on it."""
    page = await pipe.send(find)
    found = list(page.items)
    while page.cursor is not None:
        page = await pipe.send(replace(find, cursor=page.cursor))
        found += page.items
    return found
