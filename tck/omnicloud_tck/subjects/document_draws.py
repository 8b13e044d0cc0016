"""Random documents, filters and updates."""

from __future__ import annotations

import random
from typing import Any

from omnicloud_tck.programs.chances import Chance
from omnicloud_tck.subjects.document_kin import KIN

__all__ = [
    "collection",
    "condition",
    "document",
    "fields",
    "filter_of",
    "identity",
    "kin",
    "order",
    "path",
    "size",
    "together",
    "update",
    "upsertable",
    "which",
    "wide",
]

_MIXED = tuple(value for kin in KIN for value in kin if len(repr(value)) < 99)
_FIELDS = (
    "a",
    "b",
    "d",
    "d.e",
    "l",
    "l.0",
    "n",
    "u",
    "v",
    "d.e.f",
    "l.1.e",
    "é x",
    "a-b",
    "0",
    "m",
)
_WRITTEN = ("a", "b", "d", "l", "n", "é x", "a-b", "0", "m")
_CHANGED = (
    *(("a",), ("b",), ("d", "d.e", "d.e.f", "d.g"), ("l", "l.0", "l.1", "l.0.e"), ("n",), ("u",)),
    *(("v",), ("m", "m.x.y", "m.0"), ("é x",), ("0",)),
)
_DEEPEST = 2
_WIDE = 0.02  # share of the documents
_FEW = 2  # documents of a page, inside a transaction


def collection(chance: Chance) -> str:
    """What the name of a collection ends with: mostly nothing, else one of two odd names."""
    return chance.choice(("", "", "", *chance.names[:2]))


def identity(chance: Chance) -> str:
    """One of the few ids of a list."""
    return chance.choice((*(name or "A" for name in chance.names), "a", "b", "10", "9"))


def _focus(chance: Chance) -> _Focus:
    """What a list is about."""
    found: _Focus | None = chance.kept.get("focus")
    if found is None:
        found = chance.kept["focus"] = _Focus(chance)
    return found


class _Focus:
    """Few values of one kind or two, and few fields, so that they meet."""

    def __init__(self, chance: Chance) -> None:
        kin = [value for kin in chance.sample(KIN, chance.choice((1, 1, 2))) for value in kin]
        self.canary = f"cnry-{chance.randrange(1 << 40):010x}"
        self.values = [*chance.sample(kin, min(6, len(kin))), chance.choice(_MIXED)]
        self.values.append(self.canary if chance.random() < 0.5 else chance.choice(_MIXED))
        self.asked = [value for value in self.values if len(repr(value)) < 99]
        self.compared = [v for v in self.asked if not isinstance(v, list | dict | None)] or [1]
        self.written = chance.sample(_WRITTEN, 3)
        tops = {*self.written, "u", "v"}
        self.fields = [field for field in _FIELDS if field.split(".")[0] in tops]
        self.changed = [some for some in _CHANGED if some[0] in tops]
        self.unique = [0, 1, 1.0, None, self.canary, chance.choice(self.asked)]


def kin(chance: Chance) -> list[Any]:
    """Values of one kind, in any order, and another."""
    some = chance.choice(KIN)
    return [*chance.sample(some, len(some)), chance.choice(_MIXED)]


def path(chance: Chance) -> str:
    """A field at the top or below."""
    return chance.choice(("a", "a", "a", "d.e", "d.e.f", "é x.0", "o'c", 'd."e"'))


def value(chance: Chance) -> Any:
    """Any value, mostly of those that the list is about."""
    return chance.choice(_MIXED if chance.random() < 0.1 else _focus(chance).values)


def document(chance: Chance) -> dict[str, Any]:
    """A document without an ``_id``."""
    focus = _focus(chance)
    made = {field: value(chance) for field in chance.sample(focus.written, chance.randint(0, 3))}
    for field in ("u", "v"):
        if chance.random() < 0.3:
            made[field] = chance.choice(focus.unique)
    if chance.random() < _WIDE:
        made |= wide(chance)
    return made


def wide(chance: Chance) -> dict[str, Any]:
    """Many fields, or a list of many."""
    count = chance.choice((12, 40, 130, 1010))
    if chance.random() < 0.5:
        return {"many": list(range(count))}
    return {f"f{number}": number for number in range(count)}


def condition(chance: Chance) -> dict[str, Any]:
    """A filter that names one document, and sometimes more of it; or any filter."""
    if chance.random() < 0.4:
        return filter_of(chance)
    by: dict[str, Any] = {"_id": identity(chance)}
    if chance.random() < 0.2:
        by[chance.choice(_focus(chance).fields)] = chance.choice(_focus(chance).asked)
    return by


def upsertable(chance: Chance) -> dict[str, Any]:
    """A filter for an upsert: it names its document, so that the model knows which is made."""
    by: dict[str, Any] = {"_id": identity(chance)}
    if chance.random() < 0.3:
        by.update(filter_of(chance))
    if not isinstance(by["_id"], str):
        by["_id"] = identity(chance)
    return by


def filter_of(chance: Chance, depth: int = 0) -> dict[str, Any]:
    """A filter of no to three conditions."""
    parts = [_condition(chance, depth) for _ in range(chance.choice((0, 1, 1, 1, 2, 3)) or depth)]
    return {key: given for part in parts for key, given in part.items()}


def _condition(chance: Chance, depth: int) -> dict[str, Any]:
    if depth < _DEEPEST and chance.random() < 0.25:
        name = chance.choice(("$and", "$or", "$nor", "$not"))
        if name == "$not":
            return {name: filter_of(chance, depth + 1)}
        return {name: [filter_of(chance, depth + 1) for _ in range(chance.randint(1, 3))]}
    if chance.random() < 0.15:
        return {"_id": _of_ids(chance)}
    field = chance.choice(_focus(chance).fields)
    if chance.random() < 0.3:
        return {field: chance.choice(_focus(chance).asked)}
    return {field: _operators(chance)}


def _of_ids(chance: Chance) -> Any:
    one, two = identity(chance), identity(chance)
    return chance.choice(
        (one, {"$gt": one}, {"$lte": one}, {"$in": [one, two, one]}, {"$ne": one}, {"$nin": [one]})
    )


def _operators(chance: Chance) -> dict[str, Any]:
    asked, compared = _focus(chance).asked, _focus(chance).compared
    match chance.randrange(7):
        case 0:
            return {"$exists": chance.random() < 0.5}
        case 1:
            some = chance.sample(asked, chance.randint(0, min(3, len(asked))))
            return {chance.choice(("$in", "$nin")): [*some, *some[:1]]}
        case 2:
            return {chance.choice(("$eq", "$ne")): chance.choice(asked)}
        case 3:
            return {"$not": {_comparison(chance): chance.choice(compared)}}
        case 4:
            return {"$gte": chance.choice(compared), "$lt": chance.choice(compared)}
        case 5:
            return {"$not": {"$in": [chance.choice(asked)], "$exists": True}}
    return {_comparison(chance): chance.choice(compared)}


def _comparison(chance: random.Random) -> str:
    return chance.choice(("$gt", "$gte", "$lt", "$lte"))


def update(chance: Chance) -> dict[str, dict[str, Any]]:
    """An update of one to three fields, none above another."""
    changes: dict[str, dict[str, Any]] = {}
    for fields_ in chance.sample(_focus(chance).changed, chance.choice((1, 1, 2, 3))):
        field = chance.choice(fields_)
        operator = chance.choice(("$set", "$set", "$unset", "$inc", "$push"))
        if field in ("u", "v"):
            operator = chance.choice(("$set", "$unset", "$inc"))
        changes.setdefault(operator, {})[field] = _operand(chance, operator, field)
    return changes


def _operand(chance: Chance, operator: str, field: str) -> Any:
    if operator == "$unset":
        return ""
    if operator == "$inc":
        return chance.choice((1, 1, -2, 0, 0.5, 1.0, 2**62, -(2**62)))
    if field in ("u", "v"):
        return chance.choice(_focus(chance).unique)
    return value(chance)


def order(chance: Chance) -> Any:
    """An order by up to two fields, in one of the forms in which it can be written."""
    names = chance.sample(["_id", *_focus(chance).fields], chance.choice((0, 1, 1, 2)))
    keys = [(name, chance.choice((1, -1))) for name in names]
    if len(keys) == 1 and chance.random() < 0.3:
        return f"-{names[0]}" if keys[0][1] < 0 else names[0]
    return [name if way > 0 and chance.random() < 0.3 else (name, way) for name, way in keys]


def size(chance: random.Random) -> int:
    """How many are wanted at once."""
    return chance.choice((1, 1, 2, 3, 7, 1000))


def which(chance: random.Random) -> str:
    """Which version a change asks for."""
    return chance.choice(("", "", "current", "current", "stale", "other", "never"))


def fields(chance: random.Random) -> tuple[str, ...]:
    """What is indexed."""
    return chance.choice((("u",), ("u",), ("v",), ("a",), ("d.e",), ("u", "v"), ("v", "u"), ("l",)))


def together(chance: Chance) -> list[tuple[Any, ...]]:
    """One to five operations of a transaction: verb, collection, and what else it needs."""
    made: list[tuple[Any, ...]] = []
    for _ in range(chance.randint(1, 5)):
        verb = chance.choice(tuple(_INSIDE))
        made.append((verb, collection(chance), *(draw(chance) for draw in _INSIDE[verb])))
    places = dict.fromkeys(step[1] for step in made)
    looks: list[tuple[Any, ...]] = [("count", place, {}) for place in places]
    return [*made, *looks, *(("pages", place, {}, [], _FEW) for place in places)]


def _never(chance: Chance) -> bool:
    return False


def _always(chance: Chance) -> bool:
    return True


_INSIDE: dict[str, tuple[Any, ...]] = {
    "insert": (identity, document),
    "told": (identity, document),
    "update": (condition, update, _never, which),
    "upsert": (upsertable, update, _always, lambda _: ""),
    "replace": (condition, document, _never, which),
    "put": (upsertable, document, _always, lambda _: ""),
    "delete": (condition, which),
    "find": (filter_of, order, lambda _: None),
    "count": (filter_of,),
    "entry": (condition, order),
}
"""What is drawn for each verb inside a transaction."""
