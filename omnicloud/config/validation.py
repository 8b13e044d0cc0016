"""A model's verdict on values, as problems with their places and without the values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from omnicloud.config.problems import Path, Problem, did_you_mean, dotted
from omnicloud.config.tree import Tree

__all__ = ["checked", "problems_of", "unknown_key"]

M = TypeVar("M", bound=BaseModel)

_LISTS = frozenset({"tuple_type", "list_type", "set_type", "frozen_set_type"})
_TABLES = frozenset({"model_type", "model_attributes_type", "dict_type", "mapping_type"})
_NUMBERS = frozenset({"float_type", "float_parsing"})
_SECONDS = frozenset({"timeout", "attempt_timeout", "backoff", "max_backoff", "reset"})
_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "path_type": "must be a path, as text",
    "string_type": "must be text",
}


def checked(
    model: type[M], values: Mapping[str, object], path: Path, tree: Tree
) -> tuple[M, list[Problem]]:
    """The section with its mistakes left out, and the mistakes.

    The model must have a default for every field that can be missing.
    """
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        right = {name: value for name, value in values.items() if name not in wrong}
        return model.model_validate(right), problems_of(error, model, path, tree)


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    path: Path,
    tree: Tree,
    *,
    also_known: Collection[str] = (),
) -> list[Problem]:
    """The mistakes that a model found in the values at ``path``."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return [_problem(detail, model, path, tree, also_known) for detail in details]


def _problem(
    detail: ErrorDetails,
    model: type[BaseModel],
    path: Path,
    tree: Tree,
    also_known: Collection[str],
) -> Problem:
    where = (*path, *_places(detail["loc"], path, tree))
    if detail["type"] == "extra_forbidden":
        known = {
            *_fields(model, detail["loc"][:-1]),
            *(also_known if len(detail["loc"]) == 1 else ()),
        }
        return unknown_key(where, known, tree)
    if detail["type"] == "missing":
        return Problem(dotted(where), "is missing", f"add {where[-1]} = …", tree.origin(where[:-1]))
    message, hint = _said(detail, str(where[-1]))
    return Problem(dotted(where), message, hint, tree.origin(where))


def _said(detail: ErrorDetails, name: str) -> tuple[str, str]:
    """A verdict in words of the configuration: pydantic's are of Python and of its models."""
    kind = detail["type"]
    if kind in _LISTS:
        return "must be a list", f'write {name} = ["…"]; in a variable a list is JSON'
    if kind in _TABLES:
        return "must be a table", f"write {name} = {{ … }}; in a variable a table is JSON"
    message = _WORDS.get(kind, detail["msg"]).removeprefix("Value error, ")
    message = message.replace("Input should be", "must be", 1)
    return message, "seconds, as in 2.5" if kind in _NUMBERS and name in _SECONDS else ""


def unknown_key(where: Path, known: Collection[str], tree: Tree) -> Problem:
    """The mistake of a name that no model has."""
    return Problem(
        dotted(where), "unknown key", did_you_mean(str(where[-1]), known), tree.origin(where)
    )


def _places(loc: Path, path: Path, tree: Tree) -> Path:
    """The steps of a location that are in the configuration; others name a union's member."""
    steps: Path = ()
    for position, step in enumerate(loc):
        last = position == len(loc) - 1
        inside = tree.at((*path, *steps))
        if isinstance(inside, Mapping | list) and (
            last or tree.at((*path, *steps, step)) is not None
        ):
            steps = (*steps, step)
    return steps


def _fields(model: type[BaseModel], loc: Path) -> frozenset[str]:
    """The names that may stand in the section at ``loc``."""
    for step in loc:
        field = model.model_fields.get(str(step))
        inner = _model_in(field.annotation if field is not None else None)
        if inner is None:
            return frozenset()
        model = inner
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that a field holds, also where it may be left out."""
    kinds = get_args(annotation) or (annotation,)
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return models[0] if len(models) == 1 else None
