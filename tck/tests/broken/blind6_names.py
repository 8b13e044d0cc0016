"""Drivers that keep names in another form than they were given in."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["renaming"]

_NAMES = ("key", "source", "target", "secret")


def renaming(base: type[Any], of: Callable[[str], str]) -> type[Any]:
    """A driver class whose every verb makes other names of those it is given."""
    verbs = {
        name: _renamed(verb, of)
        for name, verb in vars(base).items()
        if inspect.iscoroutinefunction(verb) and len(inspect.signature(verb).parameters) == 2
    }
    return type(f"Renaming{base.__name__}", (base,), verbs)


def _renamed(verb: Callable[..., Any], of: Callable[[str], str]) -> Callable[..., Any]:
    async def called(self: Any, op: Any, /) -> Any:
        return await verb(self, _with_names(op, of))

    return called


def _with_names(op: Any, of: Callable[[str], str]) -> Any:
    fields = {field.name for field in dataclasses.fields(op)}
    made: dict[str, Any] = {name: of(getattr(op, name)) for name in _NAMES if name in fields}
    if "keys" in fields:
        made["keys"] = tuple(map(of, op.keys))
    if "items" in fields:
        made["items"] = tuple((of(key), value) for key, value in op.items)
    return dataclasses.replace(op, **made)
