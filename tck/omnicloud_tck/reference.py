"""Worlds in memory: virtual time, restarts, outages and wall-clock steps at will."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from omnicloud.core.clock import Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.memory.config import MemoryConfig
from omnicloud.memory.store import MemoryStore
from omnicloud.registry.builtin import omnicloud_providers
from omnicloud.registry.provider import load
from omnicloud.testing.virtual import LoopClock
from omnicloud_tck.world import World

__all__ = ["memory_world", "world"]


def memory_world(driver: Callable[[MemoryStore, str], Any]) -> World[Any]:
    """A world whose backend is one memory store and whose clients are ``driver(store, space)``."""

    async def client(backend: _Backend) -> Any:
        return driver(backend.store(), "tck")

    return _world(client)


def world(contract: str) -> World[Any]:
    """A world of the reference provider, opened as a cloud opens it."""
    (provider,) = omnicloud_providers()
    open_: Any = load(provider.offers[contract].opens)

    async def client(backend: _Backend) -> Any:
        return await open_(MemoryConfig(), backend)

    return _world(client)


class _Backend:
    """One store for all clients, and the opening that gives it to them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.service = ServiceInfo("tck")
        self._shared: dict[Hashable, Any] = {}

    def store(self) -> MemoryStore:
        return self._shared.setdefault("store", MemoryStore(self.clock))  # type: ignore[no-any-return]

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[Any]]) -> Any:
        return self.store()


def _world(client: Callable[[_Backend], Awaitable[Any]]) -> World[Any]:
    clock = LoopClock()
    backend = _Backend(clock)

    async def restart() -> None:
        """The store outlives its clients, as a server's disk would."""

    async def outage() -> AsyncIterator[None]:
        backend.store().down = True
        try:
            yield
        finally:
            backend.store().down = False

    return World(
        lambda: client(backend),
        clock=clock,
        virtual=True,
        restart=restart,
        outage=outage,
        step_wall=clock.step_wall,
    )
