"""Marks that a provider told, used as it told them, and those that it told of something else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from omnicloud_tck.telling import refusal

__all__ = ["OTHERS", "only_this"]

OTHERS = 24
"""So many marks of others: of numbers some then begin as that one does, and some end so."""


async def only_this(
    mark: str, others: Iterable[str], use: Callable[[str], Awaitable[object]], about: str
) -> None:
    """Break the law unless a condition refuses what was told of others, and takes the mark."""
    for other in others:
        if other != mark:
            await refusal(use(other), f"{about} under {other!r}, where {mark!r} is current")
    await use(mark)
