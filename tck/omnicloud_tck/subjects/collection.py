"""A collection of documents as a dictionary: what is in it, and what each change should answer."""

from __future__ import annotations

from typing import Any

from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.model import Failed
from omnicloud_tck.subjects.plain import (
    Impossible,
    Plain,
    apart,
    changed,
    equalities,
    exact,
    field_of,
    meets,
    order_of,
)

__all__ = ["CONFLICT", "EXISTS", "Collection", "Made"]

CONFLICT, EXISTS = Failed("ConflictError"), Failed("AlreadyExistsError")

Made = Plain | Failed | None
"""The document that a change makes, or how it is refused; ``None``: there is nothing to change."""


class Collection:
    """Documents by ``_id``, the versions that were told of them, and what is indexed."""

    def __init__(self) -> None:
        self.rows: dict[str, Plain] = {}
        self.versions: dict[str, str] = {}
        self.used: dict[str, set[str]] = {}
        self.indexes: dict[tuple[str, ...], bool] = {}

    def copy(self) -> Collection:
        """What a transaction works on."""
        twin = Collection()
        twin.rows, twin.versions = dict(self.rows), dict(self.versions)
        twin.used = {id_: set(versions) for id_, versions in self.used.items()}
        twin.indexes = dict(self.indexes)
        return twin

    def matching(self, condition: Plain) -> list[str]:
        """The ids of what matches, in order."""
        named = condition.get("_id")
        if isinstance(named, str):
            row = self.rows.get(named)
            return [named] if row is not None and meets(row, condition) else []
        return sorted(id_ for id_, row in self.rows.items() if meets(row, condition))

    def first(self, condition: Plain) -> str | None:
        """The id of the first that matches."""
        return next(iter(self.matching(condition)), None)

    def sorted(self, condition: Plain, sort: Any) -> list[Plain]:
        """What matches, in the order asked for."""
        found = [self.rows[id_] for id_ in self.matching(condition)]
        for path, way in reversed(_keys(sort)):
            found.sort(key=lambda row, path=path: order_of(row, path), reverse=way < 0)  # type: ignore[misc]  # the path is bound on purpose
        return found

    def taken(self, row: Plain) -> bool:
        """Whether a unique index keeps the row out."""
        others = [other for other in self.rows.values() if other["_id"] != row["_id"]]
        unique = [fields for fields, is_unique in self.indexes.items() if is_unique]
        return any(_alike(row, other, fields) for fields in unique for other in others)

    def indexable(self, fields: tuple[str, ...], unique: bool) -> bool:
        """Whether such an index can be made."""
        if self.indexes.get(fields, unique) != unique:
            return False
        rows = list(self.rows.values())
        pairs = ((one, two) for place, one in enumerate(rows) for two in rows[:place])
        return not unique or not any(_alike(one, two, fields) for one, two in pairs)

    # What changes make

    def updated(self, condition: Plain, update: Any, *, upsert: bool) -> Made:
        """What an update makes of the first match, or inserts."""
        first = self.first(condition)
        if first is None and not upsert:
            return None
        try:
            begun = {"$set": equalities(condition)}
            base = changed({}, begun) if first is None else self.rows[first]
            return self._allowed(first, changed(base, update))
        except Impossible:
            return CONFLICT

    def replaced(self, condition: Plain, fields: Plain, *, upsert: bool) -> Made:
        """What a replacement puts in the place of the first match, or inserts."""
        first = self.first(condition)
        if first is None and not upsert:
            return None
        named = equalities(condition).get("_id") if first is None else first
        return self._allowed(first, {"_id": named, **fields})

    def _allowed(self, first: str | None, made: Plain) -> Plain | Failed:
        if first is None and made.get("_id") in self.rows:
            return EXISTS
        same = first is not None and exact(made) == exact(self.rows[first])
        return EXISTS if not same and self.taken(made) else made

    # What is known afterwards

    def wrote(self, row: Plain, version: str | None) -> None:
        """The document is this one now; its version, where that was told."""
        id_ = row["_id"]
        self.forget(id_)
        that(version not in self.used.get(id_, ()), f"a version of {id_!r} came twice")
        self.rows[id_] = apart(row)
        if version is not None:
            self.versions[id_] = version

    def forget(self, id_: str) -> None:
        """The document is not there, or not as it was."""
        self.rows.pop(id_, None)
        if id_ in self.versions:
            self.used.setdefault(id_, set()).add(self.versions.pop(id_))

    def saw(self, id_: str, version: str | None) -> None:
        """Break unless a version is the one that the document has."""
        that(version, f"{id_!r} has no version")
        known = self.versions.setdefault(id_, version or "")
        equal(known, version, f"the version of {id_!r}")
        that(version not in self.used.get(id_, ()), f"{id_!r} has an older version")

    def version(self, id_: str | None, asked: str) -> str:
        """A version to ask for: that of a document, one it had, another one's, or none ever."""
        own = self.versions.get(id_ or "")
        if asked == "current" and own is not None:
            return own
        others = [text for other, text in sorted(self.versions.items()) if other != id_]
        if asked == "other" and others:
            return others[-1]
        old = sorted(self.used.get(id_ or "", ()))
        return old[-1] if asked == "stale" and old else "no such version"


def _keys(sort: Any) -> list[tuple[str, int]]:
    keys = [sort] if isinstance(sort, str) else list(sort)
    return [_key(key) if isinstance(key, str) else tuple(key) for key in keys]


def _key(text: str) -> tuple[str, int]:
    return (text[1:], -1) if text.startswith("-") else (text, 1)


def _alike(one: Plain, two: Plain, fields: tuple[str, ...]) -> bool:
    """Whether both have all the fields, and have them equal."""
    values = [field_of(one, field) for field in fields]
    return all(values) and all(
        meets(two, {field: {"$eq": value[0]}}) for field, value in zip(fields, values, strict=True)
    )
