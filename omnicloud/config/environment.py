"""Configuration from environment variables: ``OMNICLOUD_SERVICES__ORDERS__URL=…``.

The conventions are those of pydantic-settings: a prefix, ``__`` between the steps, no
difference between upper and lower case, and JSON for lists and tables. A name that the file
has with ``-`` is written with ``_``, which a shell can say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from omnicloud.config.files import FILE_VARIABLE
from omnicloud.config.problems import Origin, Path, Problem, did_you_mean
from omnicloud.config.tree import Tree

__all__ = ["PREFIX", "read_environment"]

PREFIX = "OMNICLOUD_"
_STEP = "__"
_COMMAS = ("blocked",)


def read_environment(
    environ: Mapping[str, str], below: Tree, sections: frozenset[str]
) -> tuple[Tree, list[Problem]]:
    """The values that the environment says, and the variables that can be nothing.

    Args:
        environ: Names and values.
        below: What the sources before said; its spelling of a name is kept.
        sections: The names that may stand first. A variable that has another first name is a
            mistake when it has a ``__``, and somebody else's when it has none.
    """
    values: dict[str, object] = {}
    origins: dict[Path, Origin] = {}
    problems: list[Problem] = []
    for variable in sorted(environ):
        steps = variable[len(PREFIX) :].split(_STEP)
        if not variable.upper().startswith(PREFIX) or variable.upper() == FILE_VARIABLE:
            continue
        if steps[0].lower() not in sections or "" in steps:
            problems += _unknown(variable, steps, sections)
            continue
        path = _spelled(steps, below)
        if _put(values, path, _value(environ[variable], path)):
            for end in range(1, len(path) + 1):
                origins.setdefault(path[:end], Origin(variable))
        else:
            problems.append(_clash(variable))
    return Tree(values, origins), problems


def _unknown(variable: str, steps: list[str], sections: frozenset[str]) -> list[Problem]:
    if len(steps) == 1:
        return []
    known = [section.upper() for section in sections]
    hint = did_you_mean(steps[0].upper(), known) if "" not in steps else "give every step a name"
    return [Problem("", f"no variable {PREFIX}SECTION{_STEP}NAME of ours", hint, Origin(variable))]


def _clash(variable: str) -> Problem:
    return Problem(
        "", "another variable gives a value to what this one treats as a table",
        "keep one of them", Origin(variable),
    )  # fmt: skip


def _spelled(steps: list[str], below: Tree) -> tuple[str, ...]:
    path: tuple[str, ...] = ()
    for step in steps:
        known = below.at(path)
        names = known if isinstance(known, Mapping) else {}
        wanted = step.lower().replace("-", "_")
        same = [name for name in names if name.lower().replace("-", "_") == wanted]
        path = (*path, same[0] if same else step.lower())
    return path


def _put(values: dict[str, object], path: tuple[str, ...], value: object) -> bool:
    for step in path[:-1]:
        inner = values.setdefault(step, {})
        if not isinstance(inner, dict):
            return False
        values = inner
    if path[-1] in values:
        return False
    values[path[-1]] = value
    return True


def _value(text: str, path: tuple[str, ...]) -> object:
    """Lists and tables from JSON; all else stays text, which the models turn into numbers."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if path in {(name,) for name in _COMMAS}:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
