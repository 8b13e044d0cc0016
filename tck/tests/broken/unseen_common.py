"""What several of the drivers that are wrong in unforeseen ways have in common."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.errors import OmniCloudError
from omnicloud.memory.store import MemoryStore

__all__ = ["came_back", "later", "pause", "rootless"]


class _Counting(MemoryStore):
    """A store that remembers that it was down."""

    @property
    def down(self) -> bool:
        return self._down

    @down.setter
    def down(self, value: bool) -> None:
        self._down = value
        self.outages = getattr(self, "outages", 0) + value


def came_back(store: MemoryStore, seen: dict[int, int]) -> bool:
    """Whether the store has been down since this was asked with ``seen`` before."""
    if not isinstance(store, _Counting):
        down = store.__dict__.pop("down")
        store.__class__ = _Counting
        store.down = down
        return False
    past = seen.get(id(store), 0)
    if store.down or store.outages == past:
        return False
    seen[id(store)] = store.outages
    return True


async def pause() -> None:
    """Let others run, as a round trip to a server does."""
    for _ in range(3):
        await asyncio.sleep(0)


def later(store: MemoryStore, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Do something after a while, though nobody waits for it any more."""

    async def run() -> None:
        await store.clock.sleep(seconds)
        with contextlib.suppress(OmniCloudError):
            await work()

    tasks: set[asyncio.Task[None]] = store.__dict__.setdefault("_wrong_tasks", set())
    task = asyncio.get_running_loop().create_task(run())
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def rootless(name: str) -> str:
    """The name without the tenant that it is in."""
    return name.partition("/")[2] if name.startswith("~") and "/" in name else name
