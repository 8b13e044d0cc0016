"""Worlds in memory: virtual time, restarts, outages and wall-clock steps at will."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from omnicloud.core.clock import Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.errors import Outcome, UnavailableError
from omnicloud.memory.config import MemoryConfig
from omnicloud.memory.store import MemoryStore
from omnicloud.registry.builtin import omnicloud_providers
from omnicloud.registry.provider import load
from omnicloud.testing.virtual import LoopClock
from omnicloud_tck.containers.engine import EngineWorld
from omnicloud_tck.world import World

__all__ = ["memory_world", "world"]


def memory_world(driver: Callable[[MemoryStore, str], Any]) -> World[Any]:
    """A world whose backend is one memory store and whose clients are ``driver(store, space)``."""

    async def client(backend: _Backend) -> Any:
        return driver(backend.store(), "tck")

    async def service(backend: _Backend, name: str) -> Any:
        return driver(backend.store(), name)

    return _world(client, service)


def world(contract: str) -> World[Any]:
    """A world of the reference provider, opened as a cloud opens it."""
    (provider,) = omnicloud_providers()
    open_: Any = load(provider.offers[contract].opens)

    async def client(backend: _Backend) -> Any:
        return await open_(MemoryConfig(), backend)

    async def service(backend: _Backend, name: str) -> Any:
        return await open_(MemoryConfig(namespace=name), backend)

    return _world(client, service)


class _Backend:
    """One store for all clients, and the opening that gives it to them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.service = ServiceInfo("tck")
        self.cut = False
        self._shared: dict[Hashable, Any] = {}

    def store(self) -> MemoryStore:
        return self._shared.setdefault("store", MemoryStore(self.clock))  # type: ignore[no-any-return]

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[Any]]) -> Any:
        return self.store()


_Client = Callable[[_Backend], Awaitable[Any]]
_Service = Callable[[_Backend, str], Awaitable[Any]]


def _world(client: _Client, service: _Service) -> World[Any]:
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

    async def partition() -> AsyncIterator[None]:
        backend.store().fall_silent()
        try:
            yield
        finally:
            backend.store().speak()

    async def slow(milliseconds: float) -> AsyncIterator[None]:
        backend.store().latency = milliseconds / 1000
        try:
            yield
        finally:
            backend.store().latency = 0.0

    async def cut(after_bytes: int) -> AsyncIterator[None]:
        backend.cut = True
        try:
            yield
        finally:
            backend.cut = False

    async def opened() -> Any:
        return _Line(await client(backend), backend)

    return EngineWorld(
        opened,
        lambda: service(backend, "elsewhere"),
        clock=clock,
        virtual=True,
        restart=restart,
        outage=outage,
        partition=partition,
        slow=slow,
        cut=cut,
        step_wall=clock.step_wall,
        services=lambda name: service(backend, name),
    )


class _Line:
    """The line between a driver and its caller; where it is cut, answers are lost on it."""

    def __init__(self, driver: Any, backend: _Backend) -> None:
        self._driver = driver
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        if name == "within":
            return lambda transaction: _Line(found(transaction), self._backend)
        if name == "aclose" or not inspect.iscoroutinefunction(found):
            return found

        async def called(*given: Any) -> Any:
            answer = await found(*given)
            if self._backend.cut:
                raise UnavailableError("the answer was lost on the way", outcome=Outcome.UNKNOWN)
            return answer

        setattr(self, name, called)  # the next call finds it without asking
        return called
