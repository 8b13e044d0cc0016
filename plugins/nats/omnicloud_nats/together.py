"""Several requests at once, but not too many, and one error of theirs where there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

__all__ = ["together"]

A = TypeVar("A")
R = TypeVar("R")


async def together(
    call: Callable[[A], Awaitable[R]], arguments: Iterable[A], *, at_once: int
) -> list[R]:
    """What ``call`` answers to each argument, in their order; the first error ends the others."""
    turns = asyncio.Semaphore(at_once)

    async def one(argument: A) -> R:
        async with turns:
            return await call(argument)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(argument)) for argument in arguments]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]
