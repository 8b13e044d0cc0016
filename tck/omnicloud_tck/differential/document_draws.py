"""Random documents, filters and updates."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

__all__ = ["IDS", "document", "filter_of", "named", "order", "update"]

IDS = ("a", "b", "B", "é", "10", "9")

_NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        0.5,
        2**53 + 1,
        "",
        "a",
        "B",
        "é",
        "1",
        " a ",
        "A",
        b"",
        b"a\0",
    ),
    *(_NOON, _NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))),
    *([1], [], [{"e": 1}, "a"], {"e": 1}, {}, {"e": {"f": None}}),
)
_COMPARED = tuple(value for value in _VALUES if not isinstance(value, list | dict | None))
_FIELDS = ("a", "b", "d", "d.e", "l", "l.0", "n", "u", "d.e.f")
_WRITTEN = ("a", "b", "d", "l", "n")
_CHANGED = (("a",), ("b",), ("d", "d.e", "d.e.f"), ("l", "l.0", "l.1"), ("n",), ("u",))
_DEEPEST = 2


def document(chance: random.Random) -> dict[str, Any]:
    """A document without an ``_id``."""
    made = {field: chance.choice(_VALUES) for field in chance.sample(_WRITTEN, 3)}
    if chance.random() < 0.4:
        made["u"] = chance.randrange(4)
    return made


def named(chance: random.Random) -> dict[str, Any]:
    """A filter that names one document, and sometimes more of it."""
    by: dict[str, Any] = {"_id": chance.choice(IDS)}
    if chance.random() < 0.2:
        by[chance.choice(("a", "n"))] = chance.choice(_VALUES)
    return by


def filter_of(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """A filter of one to three conditions."""
    parts = [_condition(chance, depth) for _ in range(chance.choice((1, 1, 2, 3)))]
    return {key: value for part in parts for key, value in part.items()}


def _condition(chance: random.Random, depth: int) -> dict[str, Any]:
    if depth < _DEEPEST and chance.random() < 0.25:
        name = chance.choice(("$and", "$or", "$nor", "$not"))
        if name == "$not":
            return {name: filter_of(chance, depth + 1)}
        return {name: [filter_of(chance, depth + 1) for _ in range(chance.randint(1, 2))]}
    if chance.random() < 0.1:
        return {"_id": chance.choice((chance.choice(IDS), {"$gt": "9"}, {"$in": [*IDS[:2]]}))}
    field = chance.choice(_FIELDS)
    if chance.random() < 0.3:
        return {field: chance.choice(_VALUES)}
    return {field: _operators(chance)}


def _operators(chance: random.Random) -> dict[str, Any]:
    match chance.randrange(6):
        case 0:
            return {"$exists": chance.random() < 0.5}
        case 1:
            return {chance.choice(("$in", "$nin")): chance.sample(_VALUES, chance.randint(0, 4))}
        case 2:
            return {chance.choice(("$eq", "$ne")): chance.choice(_VALUES)}
        case 3:
            return {"$not": {_comparison(chance): chance.choice(_COMPARED)}}
        case 4:
            return {"$gte": chance.choice(_COMPARED), "$lt": chance.choice(_COMPARED)}
    return {_comparison(chance): chance.choice(_COMPARED)}


def _comparison(chance: random.Random) -> str:
    return chance.choice(("$gt", "$gte", "$lt", "$lte"))


def update(chance: random.Random) -> dict[str, dict[str, Any]]:
    """An update of one to three fields, none above another."""
    changes: dict[str, dict[str, Any]] = {}
    for fields in chance.sample(_CHANGED, chance.choice((1, 1, 2, 3))):
        field = chance.choice(fields)
        operator = chance.choice(("$set", "$set", "$unset", "$inc", "$push"))
        if field == "u":
            operator = chance.choice(("$set", "$unset"))
        changes.setdefault(operator, {})[field] = _operand(chance, operator, field)
    return changes


def _operand(chance: random.Random, operator: str, field: str) -> Any:
    if operator == "$unset":
        return ""
    if operator == "$inc":
        return chance.choice((1, -2, 0, 0.5, 2**62))
    return chance.randrange(4) if field == "u" else chance.choice(_VALUES)


def order(chance: random.Random) -> list[tuple[str, int]]:
    """An order by up to two fields."""
    fields = chance.sample(("_id", "a", "n", "d.e", "l.0", "u"), chance.choice((0, 1, 1, 2)))
    return [(field, chance.choice((1, -1))) for field in fields]
