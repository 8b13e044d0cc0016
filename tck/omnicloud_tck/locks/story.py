"""What is done about one lock, with every verb: holders, permits, and a line before them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud_tck.general.echoes import Stay, Story

__all__ = ["story_of"]

_LONG = 3600.0


def _acquire(owner: str, permits: int = 1, *, waits: bool = False) -> Any:
    async def acquire(stay: Stay) -> object:
        queue = _LONG if waits else None
        grant = await stay.ask(Acquire(stay.name, owner, _LONG, permits, queue))
        if grant is None:
            return owner, None
        return owner, stay.mind.setdefault(f"{owner} {permits}", grant) == grant

    return acquire


def _renew(owner: str) -> Any:
    async def renew(stay: Stay) -> object:
        return owner, await stay.ask(Renew(stay.name, owner, _LONG))

    return renew


def _release(owner: str) -> Any:
    async def release(stay: Stay) -> object:
        return await stay.ask(Release(stay.name, owner))

    return release


def story_of(features: frozenset[Any]) -> Story:
    """A lock's, and a semaphore's where there are such."""
    steps: list[Callable[[Stay], Awaitable[object]]] = [
        _acquire("one"),
        _acquire("two", waits=True),
        _acquire("three", waits=True),
        _acquire("one"),
        _renew("two"),
        _renew("one"),
        _release("two"),
        _renew("one"),
        _release("one"),
        _renew("one"),
        _acquire("four"),
        _acquire("three", waits=True),
        _renew("three"),
        *(_release(owner) for owner in ("three", "four")),
    ]
    if LocksFeature.PERMITS in features:
        steps += [
            _acquire("a", 2),
            _acquire("b", 2),
            _acquire("c", 2, waits=True),
            _acquire("d", 2, waits=True),
            _renew("a"),
            _release("d"),
            _release("b"),
            _acquire("c", 2, waits=True),
            _acquire("e", 2),
            _renew("c"),
            *(_release(owner) for owner in "ac"),
        ]
    return [*steps, _acquire("last"), _release("last")]
