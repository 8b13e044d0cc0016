"""What filters, orders and updates of documents mean, read a second time, for comparison.

It shares nothing with the reading in :mod:`omnicloud.contracts.documents`, which providers may
use: a mistake there would otherwise agree with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "Impossible",
    "Plain",
    "apart",
    "changed",
    "equalities",
    "exact",
    "field_of",
    "meets",
    "order_of",
]

Plain = dict[str, Any]

_KINDS = {type(None): 1, bool: 2, int: 3, float: 3, str: 4, bytes: 5, datetime: 6}
_ABSENT = object()


class Impossible(Exception):  # noqa: N818 - said of a change
    """The document is not such that it can be changed so."""


def apart(value: Any) -> Any:
    """A copy in which no list and no mapping stands in two places, as it may in what is given."""
    if isinstance(value, Mapping):
        return {key: apart(item) for key, item in value.items()}
    return [apart(item) for item in value] if isinstance(value, list) else value


def exact(value: Any) -> Any:
    """A form in which only values of the same content and kinds are equal."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, exact(item)) for key, item in value.items()))
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, datetime):
        return "datetime", value.isoformat()
    return type(value).__name__, value


def _kind(value: Any) -> int:
    return _KINDS.get(type(value), 7)


def _same(left: Any, right: Any) -> bool:
    if _kind(left) != _kind(right) or isinstance(left, dict) != isinstance(right, dict):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(_same(*pair) for pair in zip(left, right))  # noqa: B905 - just compared
    return bool(left == right)


def _step(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, _ABSENT)
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    return _ABSENT


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = _step(document, name)
    return document


def field_of(document: Plain, path: str) -> tuple[Any, ...]:
    """The value at a path, alone in a tuple that is empty where there is none."""
    found = _at(document, path)
    return () if found is _ABSENT else (found,)


def meets(document: Plain, condition: Plain) -> bool:
    """Whether a document meets a filter."""
    return all(_meets_one(document, key, value) for key, value in condition.items())


def _meets_one(document: Plain, key: str, value: Any) -> bool:
    match key:
        case "$and":
            return all(meets(document, part) for part in value)
        case "$or":
            return any(meets(document, part) for part in value)
        case "$nor":
            return not any(meets(document, part) for part in value)
        case "$not":
            return not meets(document, value)
    found = _at(document, key)
    if isinstance(value, dict) and any(name.startswith("$") for name in value):
        return all(_holds(found, name, operand) for name, operand in value.items())
    return found is not _ABSENT and _same(found, value)


def _holds(found: Any, name: str, operand: Any) -> bool:
    there = found is not _ABSENT
    match name:
        case "$exists":
            return there is operand
        case "$eq":
            return there and _same(found, operand)
        case "$ne":
            return not (there and _same(found, operand))
        case "$in":
            return there and any(_same(found, one) for one in operand)
        case "$nin":
            return not (there and any(_same(found, one) for one in operand))
        case "$not":
            return not all(_holds(found, *pair) for pair in operand.items())
    return there and _kind(found) == _kind(operand) and _compares(found, name, operand)


def _compares(found: Any, name: str, operand: Any) -> bool:
    if name in ("$gt", "$gte"):
        return bool(found > operand or (name == "$gte" and found == operand))
    return bool(found < operand or (name == "$lte" and found == operand))


def order_of(document: Plain, path: str) -> tuple[int, Any]:
    """Where a document stands in an order by a field."""
    found = _at(document, path)
    if found is _ABSENT:
        return 0, 0
    kind = _kind(found)
    if kind in (1, 7):
        return kind, 0
    return kind, found.astimezone(UTC) if isinstance(found, datetime) else found


def equalities(condition: Plain) -> Plain:
    """What an upsert begins with, by path."""
    found: Plain = {}
    for key, value in condition.items():
        if key == "$and":
            for part in value:
                found.update(equalities(part))
        elif not key.startswith("$"):
            operators = isinstance(value, dict) and any(name.startswith("$") for name in value)
            if not operators:
                found[key] = value
            elif "$eq" in value:
                found[key] = value["$eq"]
    return found


def changed(document: Plain, update: Mapping[str, Plain]) -> Plain:
    """A changed copy.

    Raises:
        Impossible: A change cannot be made.
    """
    result: Plain = apart(document)
    for operator, fields in update.items():
        for path, value in fields.items():
            _change(result, operator, path, apart(value))
    return result


def _change(document: Plain, operator: str, path: str, value: Any) -> None:
    found = _at(document, path)
    there = found is not _ABSENT
    match operator:
        case "$set":
            _put(document, path, value)
        case "$unset" if there:
            above = _at(document, path.rpartition(".")[0]) if "." in path else document
            if not isinstance(above, dict):
                raise Impossible
            del above[path.rpartition(".")[2]]
        case "$inc":
            _put(document, path, _sum(found if there else 0, value))
        case "$push":
            if there and not isinstance(found, list):
                raise Impossible
            _put(document, path, [*(found if there else ()), value])


def _sum(held: Any, delta: Any) -> Any:
    total = held + delta if _kind(held) == 3 else None
    if total is None or (isinstance(total, int) and not -(2**63) <= total < 2**63):
        raise Impossible
    return total


def _put(document: Any, path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        below = _step(document, name)
        if below is _ABSENT:
            _place(document, name, below := {})
        document = below
    _place(document, last, value)


def _place(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = value
    elif isinstance(holder, list) and _step(holder, name) is not _ABSENT:
        holder[int(name)] = value
    else:
        raise Impossible
