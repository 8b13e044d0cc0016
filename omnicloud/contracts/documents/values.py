"""What may stand in a document; and a document as JSON, and back.

JSON form: ``None``, ``bool``, numbers, text, lists and dicts as they are; bytes as
``{"$b": base64}``, datetimes as ``{"$d": ISO 8601 with microseconds and offset}``. A key of a
document never starts with ``$``, so nothing is ambiguous. Keys are sorted: equal documents
have one form.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from omnicloud.contracts.documents.models import Document
from omnicloud.errors import CorruptedError, InvalidArgumentError

__all__ = [
    "MAX_DEPTH",
    "checked_document",
    "checked_value",
    "copied",
    "decoded",
    "encoded",
    "equal",
    "rank",
]

MAX_DEPTH = 100
"""How deep lists and dicts may be nested, the document itself being the first."""

_INT64 = 1 << 63


def checked_document(document: Mapping[str, Any]) -> Document:
    """A copy of the document that shares nothing with it.

    Raises:
        InvalidArgumentError: Something in it is no document value; it says where.
    """
    if not isinstance(document, Mapping):
        raise InvalidArgumentError(f"a document must be a dict, not {type(document).__name__}")
    checked: Document = checked_value(dict(document))
    return checked


def checked_value(value: Any, where: str = "", depth: int = 1) -> Any:
    """A copy of a document value that shares nothing with it.

    Raises:
        InvalidArgumentError: It is none; ``where`` says at which path.
    """
    if value is None:
        return value
    check = _SCALARS.get(type(value))
    if check is not None:
        return check(value, where)
    if isinstance(value, datetime):
        return _moment(value, where)
    if isinstance(value, dict | list):
        return _nested(value, where, depth)
    raise InvalidArgumentError(
        f"{where or 'the value'} is a {type(value).__name__}, which no document holds",
        hint="store None, bool, int, float, str, bytes, datetime, list or dict",
    )


def _nested(value: dict[Any, Any] | list[Any], where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidArgumentError(
            f"the document is nested deeper than {MAX_DEPTH} levels, at {where[:40]}…",
            hint="store what is so deep in documents of its own, or as text",
        )
    below = f"{where}." if where else ""
    if isinstance(value, list):
        return [checked_value(item, f"{below}{n}", depth + 1) for n, item in enumerate(value)]
    return {
        _key(key, where): checked_value(item, f"{below}{key}", depth + 1)
        for key, item in value.items()
    }


def _key(key: object, where: str) -> str:
    inside = f" inside {where}" if where else ""
    if not isinstance(key, str):
        raise InvalidArgumentError(f"a field name{inside} is a {type(key).__name__}, not text")
    if not key or key.startswith("$") or "." in key or "\0" in key:
        raise InvalidArgumentError(
            f"{key!r}{inside} cannot be a field name",
            hint="names are not empty, do not start with $, and hold neither dots nor NUL",
        )
    return _text(key, where)


def _text(value: str, where: str) -> str:
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidArgumentError(f"{where or 'the text'} holds a lone surrogate")
    return value


def _integer(value: int, where: str) -> int:
    if not -_INT64 <= value < _INT64:
        raise InvalidArgumentError(f"{where or 'the number'} is not a signed 64-bit integer")
    return value


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise InvalidArgumentError(f"{where or 'the number'} is not finite")
    return value


def _as_it_is(value: Any, where: str) -> Any:
    return value


_SCALARS: dict[type, Callable[[Any, str], Any]] = {
    bool: _as_it_is,
    bytes: _as_it_is,
    int: _integer,
    float: _finite,
    str: _text,
}


def _moment(value: datetime, where: str) -> datetime:
    offset = value.utcoffset()
    if offset is None:
        raise InvalidArgumentError(
            f"{where or 'the datetime'} has no time zone", hint="use datetime.now(UTC)"
        )
    if offset == timedelta(0):
        return value.replace(tzinfo=UTC, fold=0)
    return value.replace(tzinfo=timezone(offset), fold=0)


def copied(value: Any) -> Any:
    """A copy that shares no list and no dict with ``value``."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def encoded(value: Any) -> bytes:
    """The JSON form of a document value."""
    text = json.dumps(
        _tagged(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def _tagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, bytes):
        return {"$b": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"$d": value.isoformat()}
    return value


def decoded(data: bytes | str) -> Any:
    """The value of a JSON form.

    Raises:
        CorruptedError: It is none.
    """
    try:
        return json.loads(data, object_hook=_untagged)
    except (ValueError, RecursionError):
        raise CorruptedError("the stored document is not what was written") from None


def _untagged(mapping: dict[str, Any]) -> Any:
    if len(mapping) == 1:
        if (text := mapping.get("$b")) is not None:
            return base64.b64decode(text, validate=True)
        if (text := mapping.get("$d")) is not None:
            return datetime.fromisoformat(text)
    return mapping


def rank(value: Any) -> int:
    """The place of a value's type in an order: null, bool, number, text, bytes, time, other."""
    if value is None:
        return 1
    if isinstance(value, bool):
        return 2
    for place, kind in ((3, (int, float)), (4, str), (5, bytes), (6, datetime)):
        if isinstance(value, kind):
            return place
    return 7


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal: of one type, numbers by value, moments by instant."""
    place = rank(left)
    if place != rank(right):
        return False
    if place < 7:
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return False
