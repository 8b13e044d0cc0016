"""Dotted paths into documents: names step into dicts, numbers into dicts and lists."""

from __future__ import annotations

from typing import Any, Final

from omnicloud.contracts.documents.models import Document
from omnicloud.errors import ConflictError, InvalidArgumentError

__all__ = ["MISSING", "Path", "at", "index", "parsed", "put", "remove", "written"]

Path = tuple[str, ...]
"""``"a.b.0"`` is ``("a", "b", "0")``."""

_MAX_STEPS = 100


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What is at a path where nothing is; not ``None``, which is a value."""


def parsed(path: object) -> Path:
    """The steps of a dotted path.

    Raises:
        InvalidArgumentError: It is empty, has an empty step, or one that no field can have.
    """
    if not isinstance(path, str):
        raise InvalidArgumentError(f"a field is named by text, not by {type(path).__name__}")
    steps = tuple(path.split("."))
    bad = any(not step or step.startswith("$") or "\0" in step for step in steps)
    if bad or len(steps) > _MAX_STEPS:
        raise InvalidArgumentError(
            f"{path!r} is no path of a field",
            hint='write field names with dots between them, as in "address.city"',
        )
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        raise InvalidArgumentError("a path holds a lone surrogate")
    return steps


def written(path: Path) -> str:
    """The dotted form."""
    return ".".join(path)


def index(step: str) -> int | None:
    """The list index that a step is, if it is one: ``"0"``, ``"17"``, not ``"01"``."""
    if step.isascii() and step.isdigit() and (step == "0" or step[0] != "0") and len(step) < 10:
        return int(step)
    return None


def at(value: Any, path: Path) -> Any:
    """What is at a path, or :data:`MISSING`."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list):
            place = index(step)
            value = value[place] if place is not None and place < len(value) else MISSING
        else:
            return MISSING
    return value


def put(document: Document, path: Path, value: Any) -> None:
    """Write at a path; missing dicts on the way are made.

    Raises:
        ConflictError: The way leads through something that is neither dict nor list, or to a
            list index that is not there.
    """
    holder: Any = document
    for step in path[:-1]:
        below = at(holder, (step,))
        if below is MISSING:
            below = {}
            _place(holder, step, below, path)
        holder = below
    _place(holder, path[-1], value, path)


def _place(holder: Any, step: str, value: Any, path: Path) -> None:
    if isinstance(holder, dict):
        holder[step] = value
        return
    if isinstance(holder, list):
        place = index(step)
        if place is not None and place < len(holder):
            holder[place] = value
            return
    raise ConflictError(
        f"the document has no place for {written(path)!r}",
        hint="a step before it is no dict, or the list is not so long",
    )


def remove(document: Document, path: Path) -> None:
    """Remove a field; nothing where it is missing.

    Raises:
        ConflictError: It is an element of a list, whose others would move.
    """
    holder = at(document, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and at(holder, path[-1:]) is not MISSING:
        raise ConflictError(
            f"{written(path)!r} is an element of a list, which cannot be unset",
            hint="$set the list without it",
        )
