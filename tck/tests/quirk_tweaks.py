"""Small changes of one value of a request or an answer, such as a careless coding makes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass, replace
from enum import Enum
from typing import Any

__all__ = ["Tweak", "every_tweak", "tweaked"]

Tweak = Callable[[Any], Any]

_TEXT: dict[str, Tweak] = {
    "folded": str.casefold,
    "stripped": str.strip,
    "composed": lambda one: unicodedata.normalize("NFC", one),
    "cut to 64": lambda one: one[:64],
    "cut to 255 bytes": lambda one: one.encode()[:255].decode(errors="ignore"),
    "without its last character": lambda one: one[:-1] or one,
    "without what follows a NUL": lambda one: one.split("\0")[0] or one,
    "with slashes made one": lambda one: one.replace("//", "/"),
    "with + for a space": lambda one: one.replace("+", " "),
    "in ASCII": lambda one: one.encode("ascii", "replace").decode(),
}
_BYTES: dict[str, Tweak] = {
    "stripped": lambda one: bytes(one).rstrip(),
    "without NULs at its end": lambda one: bytes(one).rstrip(b"\0"),
    "cut to 64 KiB": lambda one: bytes(one)[:65536],
    "cut by one": lambda one: bytes(one)[:-1],
    "as text": lambda one: bytes(one).decode(errors="replace").encode(),
    "with other ends of lines": lambda one: bytes(one).replace(b"\r\n", b"\n"),
    "empty": lambda one: b"",
}
_NUMBER: dict[str, Tweak] = {
    "one more": lambda one: one + 1,
    "one less": lambda one: max(one - 1, 0),
    "whole": int,
    "in 32 bits": lambda one: min(one, (1 << 31) - 1),
    "doubled": lambda one: one * 2,
}
_MANY: dict[str, Tweak] = {
    "without the last": lambda one: one[:-1],
    "without the first": lambda one: one[1:],
    "reversed": lambda one: one[::-1],
    "with the last twice": lambda one: one + one[-1:],
    "none": lambda one: one[:0],
    "only the first 100": lambda one: one[:100],
}
_MAP: dict[str, Tweak] = {
    "without the last": lambda one: dict(list(one.items())[:-1]),
    "turned": lambda one: dict(reversed(one.items())),
}
_TRUTH: dict[str, Tweak] = {"turned": lambda one: not one}


def _tweaks(value: Any) -> dict[str, Tweak]:
    match value:
        case Enum():
            return {}
        case bool():
            return _TRUTH
        case str():
            return _TEXT
        case bytes() | bytearray() | memoryview():
            return _BYTES
        case int() | float():
            return _NUMBER
        case tuple() | list():
            return _MANY
        case Mapping():
            return _MAP
    return {}


def every_tweak() -> Iterator[str]:
    """The names of all."""
    for table in (_TEXT, _BYTES, _NUMBER, _MANY, _MAP, _TRUTH):
        yield from table


def tweaked(value: Any, where: str, what: str) -> Any:
    """A value with one part changed: a field, an item of a list, or itself where that is empty."""
    step, _, rest = where.partition(".")
    if not step:
        made = _tweaks(value).get(what)
        return value if made is None else made(value)
    if step in ("0", "-1") and isinstance(value, tuple | list) and value:
        several, index = list(value), int(step)
        several[index] = tweaked(several[index], rest, what)
        return type(value)(several) if type(value) in (tuple, list) else value
    if is_dataclass(value) and not isinstance(value, type) and hasattr(value, step):
        return replace(value, **{step: tweaked(getattr(value, step), rest, what)})
    return value
