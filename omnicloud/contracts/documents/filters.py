"""Filters: what a user writes, what a driver gets, and when a document matches.

A user writes a mapping: ``{"status": "open", "total": {"$gte": 10}, "$or": [...]}``. It is read
once, at the border, into the frozen values below; a driver never sees a mapping, so that a
value is never taken for an operator further down.

At the border the language itself says that a dict of ``$`` names is an operator. Where a value
comes from outside and may be a dict, say that it is a value: ``where(name=value)`` or
``{"name": literal(value)}``. A dict that mixes ``$`` names with others is refused.

Meaning:

- ``{"a": v}`` and ``$eq``: the field is there and equal. ``None`` equals null only, which is
  neither missing nor 0. Numbers are equal by value (``1`` and ``1.0``), a bool is no number,
  datetimes are equal as instants, lists element by element, dicts whatever their order.
- ``$gt $gte $lt $lte``: both are numbers, text (by code point), bytes, bools or datetimes; a
  value of another type, or none, does not match.
- ``$ne``, ``$nin``, ``$not``, ``$nor`` are the opposites: they match missing fields too.
- ``$in: []`` matches nothing, ``{}`` matches everything.
- ``a.0.b`` steps into dicts and, where a step is a number, into lists. A list matches as a
  whole; its elements are not searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import ge, gt, le, lt
from typing import Any, final

from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import MISSING, Path, at, parsed
from omnicloud.contracts.documents.values import checked_value, copied, equal, rank
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "All",
    "Any_",
    "Compare",
    "Comparison",
    "Exists",
    "Filter",
    "FilterLike",
    "In",
    "Literal",
    "Not",
    "equalities",
    "leaves",
    "literal",
    "matches",
    "read_filter",
    "where",
]

_MAX_DEPTH = 50


class Comparison(StrEnum):
    """How a field is compared with a value."""

    EQ = "$eq"
    GT = "$gt"
    GTE = "$gte"
    LT = "$lt"
    LTE = "$lte"


class Filter:
    """A condition on documents; combine with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Filter) -> Filter:
        return All((self, other))

    def __or__(self, other: Filter) -> Filter:
        return Any_((self, other))

    def __invert__(self) -> Filter:
        return Not(self)


@final
@dataclass(frozen=True, slots=True)
class Compare(Filter):
    """The field is there, of the value's type, and compares so."""

    path: Path
    how: Comparison
    value: Any


@final
@dataclass(frozen=True, slots=True)
class In(Filter):
    """The field is there and equals one of the values."""

    path: Path
    values: tuple[Any, ...]


@final
@dataclass(frozen=True, slots=True)
class Exists(Filter):
    """The field is there, null or not."""

    path: Path


@final
@dataclass(frozen=True, slots=True)
class All(Filter):
    """Every part matches; so does everything where there is no part."""

    parts: tuple[Filter, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Any_(Filter):  # noqa: N801 - `Any` is taken
    """A part matches."""

    parts: tuple[Filter, ...]


@final
@dataclass(frozen=True, slots=True)
class Not(Filter):
    """The part does not match."""

    part: Filter


FilterLike = Filter | Mapping[str, Any]
"""What a user may give as a filter."""


@final
@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is a value, whatever it looks like."""

    value: Any


def literal(value: Any) -> Literal:
    """``value`` as a value to be equal to, never an operator: ``{"name": literal(given)}``."""
    return Literal(value)


def where(fields: Mapping[str, Any] | None = None, /, **more: Any) -> Filter:
    """All these fields equal these values, which are never taken for operators.

    ``where(status="open")``; dotted paths go in a mapping: ``where({"address.city": city})``.
    """
    named = {**(fields or {}), **more}
    return All(
        tuple(
            Compare(parsed(path), Comparison.EQ, _foreign(_bare(value)))
            for path, value in named.items()
        )
    )


def read_filter(given: FilterLike, depth: int = 1) -> Filter:
    """The filter that a user wrote.

    Raises:
        InvalidArgumentError: It is none; it says where.
    """
    if isinstance(given, Filter):
        return given
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"a filter must be a mapping, not {type(given).__name__}")
    if depth > _MAX_DEPTH:
        raise InvalidArgumentError(f"the filter is nested deeper than {_MAX_DEPTH} levels")
    parts = tuple(part for key, value in given.items() for part in _parts(key, value, depth))
    return parts[0] if len(parts) == 1 else All(parts)


def _parts(key: object, value: Any, depth: int) -> Iterator[Filter]:
    if isinstance(key, str) and key.startswith("$"):
        yield _logical(key, value, depth)
    elif isinstance(value, Mapping) and any(str(name).startswith("$") for name in value):
        for name, operand in value.items():
            yield _condition(parsed(key), name, operand, depth)
    else:
        yield Compare(parsed(key), Comparison.EQ, _value(value))


def _logical(name: str, operands: Any, depth: int) -> Filter:
    if name == "$not":
        return Not(read_filter(operands, depth + 1))
    if name not in ("$and", "$or", "$nor"):
        raise InvalidArgumentError(
            f"{name!r} is no operator between conditions",
            hint="there are $and, $or, $nor and $not; a field's own operators stand below it",
        )
    if not isinstance(operands, list | tuple) or not operands:
        raise InvalidArgumentError(f"{name} takes a list of at least one filter")
    parts = tuple(read_filter(operand, depth + 1) for operand in operands)
    if name == "$and":
        return All(parts)
    return Any_(parts) if name == "$or" else Not(Any_(parts))


def _condition(path: Path, name: object, operand: Any, depth: int) -> Filter:
    match name:
        case "$eq" | "$gt" | "$gte" | "$lt" | "$lte":
            return _compare(path, Comparison(name), operand)
        case "$ne":
            return Not(_compare(path, Comparison.EQ, operand))
        case "$in":
            return _in(path, name, operand)
        case "$nin":
            return Not(_in(path, name, operand))
        case "$exists":
            if not isinstance(operand, bool):
                raise InvalidArgumentError("$exists takes True or False")
            return Exists(path) if operand else Not(Exists(path))
        case "$not":
            return _not(path, operand, depth)
    raise InvalidArgumentError(
        f"{name!r} is no operator of a field",
        hint="there are $eq $ne $gt $gte $lt $lte $in $nin $exists $not; "
        "for a value that is a dict, use literal(value)",
    )


def _not(path: Path, operand: Any, depth: int) -> Filter:
    if not isinstance(operand, Mapping) or not operand:
        raise InvalidArgumentError('$not below a field takes operators: {"$not": {"$gt": 5}}')
    parts = tuple(_condition(path, name, value, depth) for name, value in operand.items())
    return Not(All(parts))


def _compare(path: Path, how: Comparison, operand: Any) -> Compare:
    value = _value(operand)
    if how is not Comparison.EQ and not 2 <= rank(value) <= 6:
        raise InvalidArgumentError(
            f"{how.value} takes a bool, a number, text, bytes or a datetime, "
            f"not {type(value).__name__}"
        )
    return Compare(path, how, value)


def _in(path: Path, name: str, operand: Any) -> In:
    if not isinstance(operand, list | tuple | set | frozenset):
        raise InvalidArgumentError(f"{name} takes a list, not {type(operand).__name__}")
    return In(path, tuple(map(_value, operand)))


def _value(value: Any) -> Any:
    return _foreign(value.value) if isinstance(value, Literal) else checked_value(value)


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Literal) else value


def _foreign(value: Any) -> Any:
    """A value from outside. A dict that no document can hold is equal to nothing stored; that
    is an answer, not a mistake of the caller."""
    try:
        return checked_value(value)
    except InvalidArgumentError:
        if isinstance(value, dict | list):
            return copied(value)
        raise


_ORDERS: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.GT: gt,
    Comparison.GTE: ge,
    Comparison.LT: lt,
    Comparison.LTE: le,
}


def matches(condition: Filter, document: Document) -> bool:
    """Whether a document meets a condition: the meaning that every driver gives it."""
    match condition:
        case Compare(path, how, value):
            return _compares(at(document, path), how, value)
        case In(path, values):
            found = at(document, path)
            return found is not MISSING and any(equal(found, value) for value in values)
        case Exists(path):
            return at(document, path) is not MISSING
        case All(parts):
            return all(matches(part, document) for part in parts)
        case Any_(parts):
            return any(matches(part, document) for part in parts)
        case Not(part):
            return not matches(part, document)
    raise InvalidArgumentError(f"{type(condition).__name__} is no filter")


def _compares(found: Any, how: Comparison, value: Any) -> bool:
    if found is MISSING:
        return False
    if how is Comparison.EQ:
        return equal(found, value)
    return rank(found) == rank(value) and _ORDERS[how](found, value)


def equalities(condition: Filter) -> dict[Path, Any]:
    """The fields that a matching document must equal: what an upsert begins with."""
    if isinstance(condition, Compare) and condition.how is Comparison.EQ:
        return {condition.path: condition.value}
    if isinstance(condition, All):
        found: dict[Path, Any] = {}
        for part in condition.parts:
            found.update(equalities(part))
        return found
    return {}


def leaves(condition: Filter) -> Iterator[Compare | In | Exists]:
    """The conditions on single fields, wherever they stand."""
    match condition:
        case Compare() | In() | Exists():
            yield condition
        case All(parts) | Any_(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
