"""Document stores beside a dictionary and a second reading of the filter language."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.contracts.documents.models import DocumentEntry, UpdateResult
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, that
from omnicloud_tck.differential import document_draws as draws
from omnicloud_tck.differential.plain import (
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
from omnicloud_tck.differential.twins import (
    Failed,
    Scene,
    Step,
    Subject,
    Verb,
    of,
    one_of,
    outcome,
)

__all__ = ["DOCUMENTS_SUBJECT"]

_CONFLICT, _EXISTS = Failed("ConflictError"), Failed("AlreadyExistsError")
_ATTEMPTS = 20


class _Undone(Exception):  # noqa: N818 - thrown to take a transaction back
    """Nothing of it shall stay."""


class _DocumentsTwin:
    def __init__(self, scene: Scene) -> None:
        self._clients = tuple(Documents(pipe) for pipe in scene.pipes)
        self._space = scene.space
        self._rows: dict[str, Plain] = {}
        self._versions: dict[str, str] = {}
        self._stale: dict[str, list[str]] = {}
        self._indexes: dict[str, bool] = {}

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        await getattr(self, verb)(self._clients[client], *apart(rest))

    async def end(self) -> None:
        await self.find(self._clients[0], {}, [], None)
        for id_ in sorted(self._rows):
            equal(True, await self._clients[1].delete_one(self._space, {"_id": id_}), "the end")

    # What the model knows

    def _matching(self, condition: Plain) -> list[str]:
        return sorted(id_ for id_, row in self._rows.items() if meets(row, condition))

    def _wrote(self, row: Plain, version: str | None) -> None:
        self._forget(row["_id"])
        stale = version in self._stale.get(row["_id"], ())
        that(not stale, f"a version of {row['_id']!r} came twice")
        self._rows[row["_id"]] = apart(row)
        if version is not None:
            self._versions[row["_id"]] = version

    def _forget(self, id_: str) -> None:
        self._rows.pop(id_, None)
        if id_ in self._versions:
            self._stale.setdefault(id_, []).append(self._versions.pop(id_))

    def _taken(self, row: Plain) -> bool:
        """Whether a unique index keeps the row out."""
        return any(
            field_of(row, field) and other["_id"] != row["_id"] and _alike(row, other, field)
            for field, unique in self._indexes.items()
            if unique
            for other in self._rows.values()
        )

    def _saw(self, entry: DocumentEntry) -> None:
        id_ = entry.document["_id"]
        known = self._versions.setdefault(id_, entry.version)
        equal(known, entry.version, f"the version of {id_!r}")
        that(entry.version not in self._stale.get(id_, ()), f"{id_!r} has an older version")

    # The verbs

    async def insert(self, documents: Documents, id_: str, fields: Plain) -> None:
        row = {"_id": id_, **fields}
        got = await outcome(documents.insert_one(self._space, row))
        taken = id_ in self._rows or self._taken(row)
        equal(_EXISTS if taken else id_, got, f"insert {id_!r}")
        if not taken:
            self._wrote(row, None)

    async def find(
        self, documents: Documents, condition: Plain, sort: Any, limit: int | None
    ) -> None:
        expected = [self._rows[id_] for id_ in self._matching(condition)]
        for path, way in reversed(sort):
            expected.sort(key=lambda row, path=path: order_of(row, path), reverse=way < 0)  # type: ignore[misc]  # the path is bound on purpose
        found = await documents.find_many(self._space, condition, sort=sort, limit=limit)
        equal(exact(expected[:limit]), exact(found), f"documents for {condition!r} by {sort!r}")

    async def pages(self, documents: Documents, condition: Plain, sort: Any) -> None:
        seen = []
        async for entry in documents.iterate(self._space, condition, sort=sort, page_size=2):
            self._saw(entry)
            seen.append(entry.document["_id"])
        equal(self._matching(condition), sorted(seen), f"documents for {condition!r} by pages")

    async def entry(self, documents: Documents, condition: Plain) -> None:
        first = next(iter(self._matching(condition)), None)
        entry = await documents.find_entry(self._space, condition)
        expected = None if first is None else exact(self._rows[first])
        equal(expected, entry and exact(entry.document), f"the first for {condition!r}")
        if entry is not None:
            self._saw(entry)

    async def count(self, documents: Documents, condition: Plain) -> None:
        number = await documents.count(self._space, condition)
        equal(len(self._matching(condition)), number, f"count for {condition!r}")

    async def update(
        self, documents: Documents, condition: Plain, update: Any, upsert: bool
    ) -> None:
        first = next(iter(self._matching(condition)), None)
        got = await outcome(documents.update_one(self._space, condition, update, upsert=upsert))
        base = self._rows[first] if first is not None else _begun(condition) if upsert else None
        self._changed(first, base, update, got)

    upsert = update

    async def update_at(
        self, documents: Documents, condition: Plain, update: Any, stale: bool
    ) -> None:
        first = next(iter(self._matching(condition)), None)
        version, current = self._pick(first, stale)
        got = await outcome(
            documents.update_one(self._space, condition, update, if_version=version)
        )
        if not current:
            equal(_CONFLICT, got, f"an update of another version of {first!r}")
        else:
            self._changed(first, self._rows[first or ""], update, got)

    def _pick(self, id_: str | None, stale: bool) -> tuple[str, bool]:
        old, version = self._stale.get(id_ or ""), self._versions.get(id_ or "")
        if version is not None and not stale:
            return version, True
        return (old[-1] if old else "no such version"), False

    def _changed(
        self, first: str | None, base: Plain | None, update: Any, got: UpdateResult | Failed
    ) -> None:
        if base is None:
            self._result(first, None, got)
            return
        try:
            made = changed(base, update)
        except Impossible:
            equal(_CONFLICT, got, f"{update!r} of {first!r}")
            return
        self._result(first, made, got)

    async def replace(
        self, documents: Documents, condition: Plain, fields: Plain, upsert: bool
    ) -> None:
        first = next(iter(self._matching(condition)), None)
        got = await outcome(documents.replace_one(self._space, condition, fields, upsert=upsert))
        named = first if first is not None else _begun(condition).get("_id") if upsert else None
        self._result(first, None if named is None else {"_id": named, **fields}, got)

    put = replace

    def _result(self, first: str | None, made: Plain | None, got: UpdateResult | Failed) -> None:
        """Compare the result of a write that makes ``made`` of the first match, or inserts it."""
        if made is None:
            equal((0, 0, None, None), _told(got), "the result of a write that matched nothing")
            return
        id_ = made["_id"]
        if first is None and id_ in self._rows:
            equal(_EXISTS, got, f"an upsert of {id_!r}, which is there")
            return
        same = first is not None and exact(made) == exact(self._rows[first])
        if not same and self._taken(made):
            equal(_EXISTS, got, f"a write of {id_!r}, whose unique field is taken")
            return
        expected = (0, 0, id_) if first is None else (1, 0 if same else 1, None)
        equal(expected, _told(got)[:3], f"the result of a write of {id_!r}")
        version = got.version if isinstance(got, UpdateResult) else None
        if same:
            known = self._versions.setdefault(id_, version or "")
            equal(known, version, f"the version of {id_!r} after a write that changed nothing")
        else:
            that(version, f"a write of {id_!r} told no version")
            self._wrote(made, version)

    async def delete(self, documents: Documents, condition: Plain) -> None:
        first = next(iter(self._matching(condition)), None)
        deleted = await documents.delete_one(self._space, condition)
        equal(first is not None, deleted, f"delete by {condition!r}")
        if first is not None:
            self._forget(first)

    async def delete_at(self, documents: Documents, id_: str, stale: bool) -> None:
        version, current = self._pick(id_, stale)
        by = {"_id": id_}
        got = await outcome(documents.delete_one(self._space, by, if_version=version))
        equal(True if current else _CONFLICT, got, f"a conditional deletion of {id_!r}")
        if current:
            self._forget(id_)

    async def index(self, documents: Documents, field: str, unique: bool) -> None:
        got = await outcome(documents.create_index(self._space, field, unique=unique))
        other_kind = self._indexes.get(field, unique) != unique
        rows = [row for row in self._rows.values() if field_of(row, field)]
        pairs = [(one, two) for n, one in enumerate(rows) for two in rows[:n]]
        doubled = unique and any(_alike(one, two, field) for one, two in pairs)
        equal(_CONFLICT if other_kind or doubled else None, got, f"an index of {field!r}")
        if not other_kind and not doubled:
            self._indexes[field] = unique

    async def both(
        self, documents: Documents, one: str, two: str, fields: Plain, keep: bool
    ) -> None:
        """Replace one document and delete another in a transaction; undone unless ``keep``."""
        made = {"_id": one, **fields}
        there = one in self._rows
        for _ in range(_ATTEMPTS):
            try:
                version = await self._within(documents, one, two, fields, keep=keep)
            except AlreadyExistsError:
                that(there and self._taken(made), f"a write of {one!r} inside was refused")
                return
            except ConflictError:  # another one's transaction was first
                continue
            except _Undone:
                return
            break
        else:
            that(False, f"a transaction conflicted {_ATTEMPTS} times")
        that(not (there and self._taken(made)), f"a unique field of {one!r} is doubled")
        if there and exact(made) != exact(self._rows[one]):
            self._wrote(made, version)
        self._forget(two)

    async def _within(
        self, documents: Documents, one: str, two: str, fields: Plain, *, keep: bool
    ) -> str | None:
        async with documents.transaction() as inside:
            done = await inside.replace_one(self._space, {"_id": one}, fields)
            equal(int(one in self._rows), done.matched, f"a replacement of {one!r} inside")
            there = two in self._rows
            equal(there, await inside.delete_one(self._space, {"_id": two}), f"{two!r} inside")
            number = await inside.count(self._space)
            equal(len(self._rows) - there, number, "documents seen inside a transaction")
            if not keep:
                raise _Undone
            return done.version


def _alike(one: Plain, two: Plain, field: str) -> bool:
    (value,) = field_of(one, field)
    return meets(two, {field: {"$eq": value}})


def _begun(condition: Plain) -> Plain:
    return changed({}, {"$set": equalities(condition)})


def _told(got: UpdateResult | Failed) -> Any:
    if isinstance(got, Failed):
        return got.error, None, None, None
    return got.matched, got.modified, got.upserted_id, got.version


async def _opened(scene: Scene) -> _DocumentsTwin:
    return _DocumentsTwin(scene)


_ID, _FLAG = one_of(*draws.IDS), one_of(True, False)
_CAS = frozenset({DocumentsFeature.COMPARE_AND_SET})

DOCUMENTS_SUBJECT = Subject(
    "documents",
    {
        "insert": Verb(10, of(_ID, draws.document)),
        "find": Verb(10, of(draws.filter_of, draws.order, one_of(None, None, 0, 1, 3))),
        "pages": Verb(3, of(draws.filter_of, draws.order)),
        "entry": Verb(4, of(draws.filter_of)),
        "count": Verb(4, of(draws.filter_of)),
        "update": Verb(4, of(draws.filter_of, draws.update, one_of(False))),
        "replace": Verb(2, of(draws.filter_of, draws.document, one_of(False))),
        "upsert": Verb(3, of(draws.named, draws.update, one_of(True))),
        "put": Verb(3, of(draws.named, draws.document, one_of(True))),
        "delete": Verb(3, of(draws.filter_of)),
        "update_at": Verb(3, of(draws.named, draws.update, _FLAG), _CAS),
        "delete_at": Verb(2, of(_ID, _FLAG), _CAS),
        "index": Verb(1, of(one_of("u", "a", "d.e"), _FLAG), frozenset({DocumentsFeature.INDEX})),
        "both": Verb(
            2,
            of(_ID, _ID, draws.document, _FLAG),
            frozenset({DocumentsFeature.TRANSACTION}),
        ),
    },
    _opened,
)
