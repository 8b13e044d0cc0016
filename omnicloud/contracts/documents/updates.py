"""Updates: what a user writes, what a driver gets, and what becomes of a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, final

from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import MISSING, Path, at, parsed, put, remove, written
from omnicloud.contracts.documents.values import checked_value, copied
from omnicloud.errors import ConflictError, InvalidArgumentError

__all__ = ["Change", "ChangeKind", "applied", "read_update"]

_INT64 = 1 << 63


class ChangeKind(StrEnum):
    """What happens to a field."""

    SET = "$set"
    """It has this value; missing dicts on the way are made."""
    UNSET = "$unset"
    """It is not there."""
    INC = "$inc"
    """A number is added; a missing field counts as 0."""
    PUSH = "$push"
    """A value is appended to a list; a missing field counts as an empty one."""


@final
@dataclass(frozen=True, slots=True)
class Change:
    """One change of one field. ``value`` is ``None`` for ``$unset``."""

    kind: ChangeKind
    path: Path
    value: Any = None


def read_update(given: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes that a user wrote: ``{"$set": {"a.b": 1}, "$inc": {"n": 1}}``.

    Raises:
        InvalidArgumentError: An operator is unknown, a path is none or would change ``_id``,
            a value is none or would be nested too deep at its path, two changes meet on one
            path, or there is no change.
    """
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"an update must be a mapping, not {type(given).__name__}")
    changes = tuple(
        _change(_kind(name), path, value)
        for name, fields in given.items()
        for path, value in _fields(name, fields)
    )
    if not changes:
        raise InvalidArgumentError("the update changes nothing", hint='write {"$set": {...}}')
    _check_apart([change.path for change in changes])
    return changes


def _kind(name: object) -> ChangeKind:
    if isinstance(name, str) and name in set(ChangeKind):
        return ChangeKind(name)
    raise InvalidArgumentError(
        f"{name!r} is no update operator",
        hint=f"there are {', '.join(ChangeKind)}; to replace a document use replace_one",
    )


def _fields(name: object, fields: object) -> list[tuple[object, Any]]:
    if not isinstance(fields, Mapping):
        if isinstance(name, str) and not name.startswith("$"):
            raise InvalidArgumentError(
                f"{name!r} is no update operator",
                hint='to set fields write {"$set": {…}}; to replace a document use replace_one',
            )
        raise InvalidArgumentError(f"{name} takes a mapping of fields")
    return list(fields.items())


def _change(kind: ChangeKind, name: object, value: Any) -> Change:
    path = parsed(name)
    if path[0] == "_id":
        raise InvalidArgumentError("_id never changes", hint="insert another document")
    if kind is ChangeKind.UNSET:
        return Change(kind, path)
    checked = _fitting(kind, path, value)
    if kind is ChangeKind.INC and not _is_number(checked):
        raise InvalidArgumentError(f"$inc of {written(path)!r} takes a number")
    return Change(kind, path, checked)


def _fitting(kind: ChangeKind, path: Path, value: Any) -> Any:
    """A copy of the value, which where it goes is nested no deeper than a document may be."""
    depth = 1 + len(path)
    if kind is ChangeKind.PUSH:
        return checked_value([value], written(path), depth)[0]
    return checked_value(value, written(path), depth)


def _check_apart(paths: list[Path]) -> None:
    ordered = sorted(paths)
    for earlier, later in pairwise(ordered):
        if later[: len(earlier)] == earlier:
            raise InvalidArgumentError(
                f"two changes meet on {written(earlier)!r}", hint="change each field once"
            )


def applied(document: Document, changes: tuple[Change, ...]) -> Document:
    """A changed copy of the document: the meaning that every driver gives an update.

    Raises:
        ConflictError: The document is not such that a change can be made: ``$inc`` of what is
            no number or beyond 64 bit, ``$push`` to what is no list, a way through a scalar,
            a list index that is not there.
    """
    changed: Document = copied(document)
    for change in changes:
        _apply(changed, change)
    return changed


def _apply(document: Document, change: Change) -> None:
    match change.kind:
        case ChangeKind.SET:
            put(document, change.path, copied(change.value))
        case ChangeKind.UNSET:
            remove(document, change.path)
        case ChangeKind.INC:
            put(document, change.path, _sum(at(document, change.path), change))
        case ChangeKind.PUSH:
            held = at(document, change.path)
            if held is MISSING:
                put(document, change.path, [copied(change.value)])
            elif isinstance(held, list):
                held.append(copied(change.value))
            else:
                raise ConflictError(f"{written(change.path)!r} is no list")


def _sum(held: Any, change: Change) -> Any:
    if held is MISSING:
        held = 0
    if not _is_number(held):
        raise ConflictError(f"{written(change.path)!r} is no number")
    total = held + change.value
    if isinstance(total, int) and not -_INT64 <= total < _INT64:
        raise ConflictError(f"{written(change.path)!r} would leave the signed 64-bit integers")
    if total in (float("inf"), float("-inf")):
        raise ConflictError(f"{written(change.path)!r} would not be finite")
    return total


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
