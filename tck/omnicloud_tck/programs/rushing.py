"""Many calls at once, each of which has its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable

__all__ = ["MANY", "rushed", "so_many"]

MANY = (5, 18, 50)
"""So many calls at once: more than a pool, a batch or a queue of a client often holds."""

_FEW = 6  # over a real backend, whose time they take


def so_many(count: int, virtual: bool) -> int:
    """How many calls of a rush there are on this world."""
    return count if virtual else min(count, _FEW)


async def rushed(calls: Iterable[Awaitable[object]]) -> None:
    """Make calls at once; the first that is wrong is what is wrong."""
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
