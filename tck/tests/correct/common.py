"""Ways in which right drivers differ: slower, with other pages, other names of versions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any

from omnicloud.memory.store import MemoryStore

__all__ = ["CORRECT", "SPARED", "Slow", "correct", "cut", "meant", "place", "slowed", "told"]

CORRECT: list[tuple[str, Callable[..., Any]]] = []
"""Contracts, and drivers ``Driver(store, namespace)`` that keep them."""


SPARED: set[tuple[Any, str]] = set()
"""Drivers and the laws that take them long: ``false_alarms.py --correct`` tries these too."""


def correct(contract: str, *, spared: Iterable[str] = ()) -> Callable[[Any], Any]:
    """Enter a driver into the list."""

    def enter(driver: Any) -> Any:
        CORRECT.append((contract, driver))
        SPARED.update((driver, law) for law in spared)
        return driver

    return enter


class Slow(MemoryStore):
    """The same store, which comes to each moment later: some turns of the loop, or some time."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._chance = random.Random(5)

    async def reading(self) -> None:
        for _ in range(self._chance.randrange(6)):
            await asyncio.sleep(0)
        if self._chance.random() < 0.1:
            await self.clock.sleep(self._chance.uniform(0.0, 0.01))
        await super().reading()


def slowed(store: MemoryStore) -> MemoryStore:
    """The store, slow from now on."""
    if type(store) is MemoryStore:
        store.__class__ = Slow
        store.__dict__["_chance"] = random.Random(5)
    return store


def cut(keys: list[str], cursor: str | None, limit: int, most: int) -> tuple[list[str], str | None]:
    """A page of at most ``most`` keys; each second one is empty and has a cursor all the same."""
    last, empty = place(cursor)
    rest = [key for key in keys if key > last] if cursor is not None else keys
    if not empty and rest:
        return [], f"e{last}"
    page = rest[: min(limit, most)]
    more = len(rest) > len(page)
    return page, f"f{page[-1]}" if more else None


def place(cursor: str | None) -> tuple[str, bool]:
    """The last key before the page, and whether an empty page has just been answered."""
    return ("", False) if cursor is None else (cursor[1:], cursor[0] == "e")


def told(version: str) -> str:
    """Another form of a version of the reference."""
    return f'"é-{int(version):032x}"'


def meant(version: str | None) -> str | None:
    """The reference's version for one of that form; for any other text one that never was."""
    if version is None:
        return None
    return str(int(version[3:-1], 16)) if version.startswith('"é-') else "never"
