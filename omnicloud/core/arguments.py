"""Arguments at the border that are no names and no durations: numbers, functions, collections."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence

from omnicloud.core.names import check_name
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "awaited",
    "between",
    "check_fields",
    "check_flag",
    "check_function",
    "check_iterable",
    "check_mapping",
    "check_names",
    "check_page_size",
]


def between(value: int, least: int, most: int, what: str) -> int:
    """The value, if it is an int of ``least`` to ``most``.

    Raises:
        InvalidArgumentError: It is none, or a bool.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidArgumentError(f"{what} is {value!r}, it must be an int of {least} to {most}")
    return value


def check_page_size(value: int) -> int:
    """The size of a page, 1 to 10,000 items."""
    return between(value, 1, 10_000, "page_size")


def check_names(values: Iterable[str], what: str) -> tuple[str, ...]:
    """Names out of any collection but text, whose letters would be taken for names.

    Raises:
        InvalidArgumentError: No collection, or one of its items is no name.
    """
    check_iterable(values, f"{what}s", "texts", f"give a list, also of a single {what}")
    return tuple(check_name(value, what) for value in values)


def check_iterable(values: object, what: str, items: str, hint: str) -> None:
    """Refuse what cannot be walked through, and text, whose letters would be its items.

    Raises:
        InvalidArgumentError: It is such.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidArgumentError(
            f"{what} must be a collection of {items}, not {type(values).__name__}", hint=hint
        )


def check_mapping(value: object, what: str, hint: str) -> None:
    """Refuse what is no mapping.

    Raises:
        InvalidArgumentError: It is none.
    """
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(
            f"{what} must be a mapping, not {type(value).__name__}", hint=hint
        )


def check_fields(value: object, fields: Sequence[str], what: str, hint: str) -> None:
    """Refuse a value that lacks some of these attributes; of which class it is does not matter.

    Raises:
        InvalidArgumentError: It lacks one.
    """
    if not all(hasattr(value, name) for name in fields):
        raise InvalidArgumentError(
            f"{what} must have {', '.join(fields)}, which a {type(value).__name__} has not",
            hint=hint,
        )


def check_flag(value: bool, what: str) -> bool:
    """The value, if it is ``True`` or ``False``; what is only true of itself may be a slip.

    Raises:
        InvalidArgumentError: It is neither.
    """
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{what} must be True or False, not {type(value).__name__}")
    return value


def check_function(value: object, what: str, hint: str) -> None:
    """Refuse what cannot be called at all.

    Whether it is async is seen when it is called: a plain function may return an awaitable.

    Raises:
        InvalidArgumentError: It is no function.
    """
    if not callable(value):
        raise InvalidArgumentError(
            f"{what} must be an async function, not {type(value).__name__}", hint=hint
        )


def awaited(answer: object, what: str) -> None:
    """Refuse the answer of a function that is not async.

    Raises:
        InvalidArgumentError: The answer cannot be awaited; the function did run.
    """
    if not inspect.isawaitable(answer):
        raise InvalidArgumentError(
            f"{what} is not async: it returned {type(answer).__name__}, which cannot be awaited",
            hint="declare it with `async def`",
        )
