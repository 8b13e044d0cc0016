"""Several calls at once: so many at a time, the first error for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

__all__ = ["together"]

A = TypeVar("A")
R = TypeVar("R")


async def together(call: Callable[[A], Awaitable[R]], on: Iterable[A], at_once: int) -> list[R]:
    """What ``call`` answers to each, in their order; at most ``at_once`` are under way.

    When one raises, the others are cancelled and its error is raised, not a group.
    """
    places = asyncio.Semaphore(at_once)

    async def one(argument: A) -> R:
        async with places:
            return await call(argument)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(argument)) for argument in on]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
