"""Worlds in memory for the kit's own tests: virtual time, restarts and outages at will."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock
from omnicloud_tck.world import World

__all__ = ["memory_world"]


def memory_world(driver: Callable[[MemoryStore, str], Any]) -> World[Any]:
    """A world whose backend is one memory store and whose clients are ``driver(store, ns)``."""
    clock = LoopClock()
    stores: list[MemoryStore] = []

    def store() -> MemoryStore:
        if not stores:
            stores.append(MemoryStore(clock))
        return stores[0]

    async def open_() -> Any:
        return driver(store(), "tck")

    async def restart() -> None:
        """The store outlives its clients, as a server's disk would."""

    async def outage() -> AsyncIterator[None]:
        store().down = True
        try:
            yield
        finally:
            store().down = False

    return World(
        open_, clock=clock, virtual=True, restart=restart, outage=outage, step_wall=clock.step_wall
    )
