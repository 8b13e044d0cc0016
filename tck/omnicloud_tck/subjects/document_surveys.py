"""Values that are much alike, each asked about, bound and changed beside all the others."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud_tck.subjects.document_reading import DocumentReading
from omnicloud_tck.subjects.plain import Plain, changed

__all__ = ["DocumentSurveys"]


_FEW = 4
_INT64 = 1 << 63


class DocumentSurveys(DocumentReading):
    """One document for each value of a kind, at one path.

    Attributes:
        most: So many values at most.
    """

    most = 99

    async def asked(self, documents: Documents, place: str, kin: list[Any], path: str) -> None:
        """Every operator with every value."""
        room, kin = f"{place}?{path}", kin[: self.most]
        for number, value in enumerate(kin):
            row = _holding(path, value)
            await self.put(documents, room, {"_id": f"{number}"}, row, True, "")
        await self.put(documents, room, {"_id": "none"}, {}, True, "")
        for value in kin:
            for condition in _conditions(path, value):
                await self.find(documents, room, condition, [], None)
            await self.count(documents, room, {path: {"$nin": [value]}})
        for sort in (path, f"-{path}", [(path, -1), ("_id", -1)]):
            await self.find(documents, room, {}, sort, None)
            await self.pages(documents, room, {}, sort, 3)

    async def bound(self, documents: Documents, place: str, kin: list[Any], path: str) -> None:
        """Every value under a unique index."""
        room, kin = f"{place}!{path}", kin[: self.most]
        if not self._room(room).indexes:
            await documents.create_index(self._space + room, path, unique=True)
            self._room(room).indexes[path,] = True
        for number, value in enumerate(kin):
            await self.insert(documents, room, f"{number}", _holding(path, value))
        for number, value in enumerate(reversed(kin)):
            update = {"$set": {path: value}}
            await self.update(documents, room, {"_id": f"{number}"}, update, False, "")

    async def changes(self, documents: Documents, place: str, kin: list[Any], path: str) -> None:
        """Every change of every value; and of each the insertion that its filter begins."""
        room, kin = f"{place}={path}", kin[: min(_FEW, self.most)]
        for number, value in enumerate(kin):
            for way, update in enumerate(_updates(path, value, kin[number - 1])):
                by = {"_id": f"{number}-{way}"}
                await self.put(documents, room, by, _holding(path, value), True, "")
                await self.update(documents, room, by, update, False, "")
            for row in (_holding(path, kin[number - 1]), _holding(path, _twin(value))):
                by = {"_id": f"{number}-0"}
                await self.replace(documents, room, by, _holding(path, value), False, "")
                await self.replace(documents, room, by, row, False, "")
            begun = {"_id": f"{number}-begun", "$and": [{path: value}, {"e": {"$eq": value}}]}
            await self.update(documents, room, begun, {"$set": {"new": 1}}, True, "")
            for way, update in enumerate(_beginnings(path, value)):
                by = {"_id": f"{number}-began-{way}"}
                await self.put(documents, room, by, {"other": value}, True, "")
                await self.update(documents, room, by, update, False, "")
                await self.update(documents, room, by, update, False, "")
        await self.pages(documents, room, {}, [], 1000)


def _holding(path: str, value: Any) -> Plain:
    return changed({}, {"$set": {path: value}})


def _twin(value: Any) -> Any:
    """The same as a number of another kind, where it is one."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return int(value) if abs(value) < _INT64 else value
    return float(value) if isinstance(value, int) else value


def _conditions(path: str, value: Any) -> list[Plain]:
    made: list[Plain] = [
        {path: value},
        {path: {"$in": [value]}},
        {path: {"$ne": value}},
    ]
    if not isinstance(value, list | dict | None):
        made += [{path: {name: value}} for name in ("$gt", "$gte", "$lt", "$lte")]
    return made


def _updates(path: str, value: Any, other: Any) -> list[Plain]:
    return [
        {"$set": {path: value}},
        {"$set": {path: other}},
        {"$inc": {path: 1}},
        {"$inc": {path: 0.5}},
        {"$push": {path: other}},
        {"$unset": {path: ""}},
        {"$set": {f"{path}.x": other}},
        {"$set": {f"{path}.0": other}},
        {"$set": {f"{path}.1": other}},
        {"$set": {f"{path}.2": other}},
        {"$set": {path: _twin(value)}},
        {"$unset": {f"{path}.0": ""}},
        {"$inc": {f"{path}.e": 1}},
        {"$push": {f"{path}.0": other}},
    ]


def _beginnings(path: str, value: Any) -> list[Plain]:
    """What begins a field, and all above it, where nothing is; and what then changes it."""
    return [
        {"$set": {f"{path}.0": value}},
        {"$set": {f"{path}.1.e": value}},
        {"$set": {f"{path}.0.0": value, "m": 1}},
        {"$inc": {f"{path}.0": 1}},
        {"$push": {f"{path}.0": value}},
        {"$push": {f"{path}.e": value}},
        {"$unset": {f"{path}.0": "", "other": ""}},
    ]
