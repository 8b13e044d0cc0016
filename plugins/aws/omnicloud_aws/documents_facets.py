"""What of a document DynamoDB can look at, and the part of a filter that it is asked.

Beside its exact form a document has a map of facets: by dotted path, each field that dicts lead
to, as a value that DynamoDB compares. A facet may be coarser than the field, but never tells
two fields in the other order: text is cut, moments are microseconds, numbers are held in the
range of the service. So what is asked is never more than the filter says, and what comes is
looked at again by the contract's own meaning. A document with more facets than there is room
for has the mark ``w`` instead, and always comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from omnicloud.contracts.documents.filters import (
    All,
    Any_,
    Compare,
    Comparison,
    Exists,
    Filter,
    In,
    Not,
)
from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import Path, index, written

__all__ = ["facets", "narrowing"]

_ROOM_BYTES = 8_000  # of the 16,384 that an item has beside the longest document
_AROUND_BYTES = 24  # that a facet takes beside its name and its text
_LETTERS = 100
_HUGE, _TINY = 1e125, 1e-125  # the service takes 1e-130 to 9.99e125
_MOST_LEAVES, _MOST_VALUES = 40, 40  # the service takes 300 operators in 4 KB
_LONGEST_NAME = 1_000
_USED = re.compile("[#:]f[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OTHER: dict[str, Any] = {"L": []}
_RELATIONS = {
    Comparison.EQ: "=",
    Comparison.GT: ">=",
    Comparison.GTE: ">=",
    Comparison.LT: "<=",
    Comparison.LTE: "<=",
}
"""Fields that differ may have equal facets: hence none is strict."""


def facets(document: Document) -> dict[str, Any]:
    """The attributes of an item that the service may be asked about."""
    told: dict[str, Any] = {}
    room = _ROOM_BYTES
    for path, value in _fields(document, ()):
        name = written(path)
        told[name] = facet = _facet(value)
        room -= len(name.encode()) + len(facet.get("S", "").encode()) + _AROUND_BYTES
        if room < 0:
            return {"w": {"BOOL": True}}
    return {"s": {"M": told}}


def _fields(held: dict[str, Any], above: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in held.items():
        path = (*above, name)
        if path == ("_id",):
            continue
        yield path, value
        if isinstance(value, dict):
            yield from _fields(value, path)


def _facet(value: Any) -> dict[str, Any]:
    """What the service compares; one form for all that it is not asked to compare."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value[:_LETTERS]}
    if isinstance(value, datetime):
        return {"N": str((value - _EPOCH) // timedelta(microseconds=1))}
    if isinstance(value, int | float):
        return {"N": _number(value)}
    return _OTHER


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if abs(value) < _TINY:
        return "0"
    held = min(max(value, -_HUGE), _HUGE)
    # Its shortest form is between its neighbours, but beside an int only the exact one will do.
    return str(int(held)) if abs(held) <= 1 << 63 and held.is_integer() else repr(held)


@dataclass(slots=True)
class _Asking:
    """An expression in the making: its names and values."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def at(self, path: Path) -> str:
        place = f"#f{len(self.names)}"
        self.names[place] = written(path)
        return f"s.{place}"

    def value(self, value: dict[str, Any]) -> str:
        place = f":f{len(self.values)}"
        self.values[place] = value
        return place


def narrowing(condition: Filter) -> dict[str, Any]:
    """Names, values and expression of what the service is asked, of a filter; ``{}``: nothing.

    Every document that matches the filter meets it.
    """
    asking = _Asking()
    asked = _asked(condition, asking)
    if asked is None or len(asking.names) > _MOST_LEAVES:
        return {}
    used = set(_USED.findall(asked))  # the service refuses what is named and not used
    return {
        "FilterExpression": f"attribute_exists(w) OR {asked}",
        "ExpressionAttributeNames": {n: name for n, name in asking.names.items() if n in used},
        "ExpressionAttributeValues": {n: value for n, value in asking.values.items() if n in used},
    }


def _asked(condition: Filter, asking: _Asking) -> str | None:
    """The expression of what is sure of a filter; ``None`` where nothing is."""
    match condition:
        case All(parts):
            known = [one for one in (_asked(part, asking) for part in parts) if one is not None]
            return _joined("AND", known) if known else None
        case Any_(parts):
            every = [_asked(part, asking) for part in parts]
            known = [one for one in every if one is not None]
            return _joined("OR", known) if len(known) == len(every) else None
        case Not(Exists(path)) if _is_told(path):
            return f"attribute_not_exists({asking.at(path)})"
        case Compare() | In() | Exists() if _is_told(condition.path):
            return _of_field(condition, asking)
    return None


def _of_field(leaf: Compare | In | Exists, asking: _Asking) -> str | None:
    match leaf:
        case Exists(path):
            return f"attribute_exists({asking.at(path)})"
        case Compare(path, how, value):
            return _compared(asking, path, how, value)
        case In(path, values) if 0 < len(values) <= _MOST_VALUES:
            return _joined("OR", [_compared(asking, path, Comparison.EQ, one) for one in values])
    return None


def _compared(asking: _Asking, path: Path, how: Comparison, value: Any) -> str:
    place = asking.at(path)
    if isinstance(value, bytes | list | dict):
        return f"attribute_exists({place})"
    if isinstance(value, bool) and how is not Comparison.EQ:
        return f"attribute_exists({place})"  # the service does not order them
    facet = _facet(value)
    compared = f"{place} {_RELATIONS[how]} {asking.value(facet)}"
    if how is Comparison.EQ:
        return compared
    # To the service values of two types are unequal; an emulator fails over their order.
    kind = asking.value({"S": next(iter(facet))})
    return _joined("AND", [f"attribute_type({place}, {kind})", compared])


def _joined(word: str, parts: list[str]) -> str:
    """Several conditions as one; the service refuses parentheses around one that has some."""
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"


def _is_told(path: Path) -> bool:
    """Whether a field there has a facet: a step that is a number may lead into a list."""
    if path[0] == "_id" or len(written(path)) > _LONGEST_NAME:
        return False
    return all(index(step) is None for step in path)
