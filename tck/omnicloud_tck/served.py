"""Worlds of providers whose backend is a server: a child process, and the proxy before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock, SystemClock
from omnicloud.core.context import ServiceInfo
from omnicloud_tck.law import Ability
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.servers import ServerProcess
from omnicloud_tck.world import SHARED, World

__all__ = ["Lone", "SteppedClock", "served_world"]

Dialled = Callable[[int, "Lone"], Awaitable[Any]]
"""Opens one more client: the port to dial, and the opening to open it with."""


class SteppedClock(SystemClock):
    """The machine's clocks, of which the wall clock can be stepped for this process's provider.

    The server keeps its own: a provider that leaves time to its server does not feel the step,
    one that stamps or compares with the wall clock of its process does.
    """

    def __init__(self) -> None:
        self._stepped = 0.0

    def wall(self) -> float:
        return super().wall() + self._stepped

    def step(self, seconds: float) -> None:
        """Step the wall clock."""
        self._stepped += seconds


class Lone:
    """An opening that shares nothing: each client has connections of its own."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, service: str = "tck") -> None:
        self.clock = clock
        self.service = ServiceInfo(service)
        self.shared: list[Any] = []

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[Any]]) -> Any:
        """A new client at each asking."""
        made = await open_()
        self.shared.append(made)
        noted = SHARED.get()
        if noted is not None:
            noted.append(made)
        return made

    async def aclose(self) -> None:
        """Close all clients that were shared."""
        while self.shared:
            await self.shared.pop().aclose()


class _Served:
    """A server that starts with the first client, a proxy, and what may befall them."""

    def __init__(self, dial: Dialled, server: ServerProcess | None, port: int, lone: Lone) -> None:
        self._dial = dial
        self._server = server
        self._proxy = Proxy(port)
        self._lones = {"": lone}
        self._open = False
        self._starting = asyncio.Lock()

    async def client(self, service: str = "") -> Any:
        """One more client, of another service where one is named: its name ends so."""
        async with self._starting:
            if not self._open:
                await self._start()
        first = self._lones[""]
        if service not in self._lones:
            self._lones[service] = Lone(first.clock, first.service.name + service)
        return await self._dial(self._proxy.port, self._lones[service])

    async def _start(self) -> None:
        if self._server is not None:
            await self._server.start()
            self._proxy.retarget(self._server.port)
        await self._proxy.open()
        self._open = True

    async def restart(self) -> None:
        if self._server is not None:
            await self._server.restart()
        self._proxy.reset()

    async def outage(self) -> AsyncIterator[None]:
        self._proxy.weather.refusing = True
        self._proxy.reset()
        try:
            yield
        finally:
            self._proxy.clear()

    async def partition(self) -> AsyncIterator[None]:
        self._proxy.weather.blackhole = True
        try:
            yield
        finally:
            self._proxy.reset()
            self._proxy.clear()

    async def slow(self, milliseconds: float) -> AsyncIterator[None]:
        self._proxy.weather.latency = milliseconds / 1000
        try:
            yield
        finally:
            self._proxy.clear()

    async def cut(self, after_bytes: int) -> AsyncIterator[None]:
        self._proxy.weather.cut_after = after_bytes
        try:
            yield
        finally:
            self._proxy.clear()

    def connections(self) -> int:
        return self._proxy.connections

    async def aclose(self) -> None:
        try:
            for lone in self._lones.values():
                await lone.aclose()
            await self._proxy.aclose()
        finally:
            if self._server is not None:
                self._server.remove()


def served_world(
    dial: Dialled,
    *,
    server: ServerProcess | None,
    port: int = 0,
    service: str = "tck",
    services: bool = False,
    cannot_happen: Mapping[Ability, str] | None = None,
) -> World[Any]:
    """A world whose clients reach one server through a proxy.

    Args:
        dial: Opens one more client.
        server: The server, started with the first client and removed with the world; ``None``
            for one that runs already on ``port`` and that the kit may not kill.
        service: What the service is called; a server that others use too needs a name of its
            own for each world.
        services: Whether ``dial`` keeps services apart by the names that their openings tell.
        cannot_happen: As :class:`World` says.
    """
    clock = SteppedClock()
    served = _Served(dial, server, port, Lone(clock, service))
    return World(
        served.client,
        clock=clock,
        restart=None if server is None else served.restart,
        outage=served.outage,
        partition=served.partition,
        slow=served.slow,
        cut=served.cut,
        connections=served.connections,
        step_wall=clock.step,
        close=served.aclose,
        services=served.client if services else None,
        cannot_happen=cannot_happen,
    )
