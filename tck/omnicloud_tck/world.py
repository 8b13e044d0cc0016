"""A world: one fresh backend, the ways to reach it, and the ways to hurt it.

A provider's author gives the kit one world. Only ``open`` must be given::

    World(lambda: open_kv(RedisConfig(url=url, namespace=fresh_name())))
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.core.operation import Driver
from omnicloud.core.pipeline import Layer, Pipeline
from omnicloud_tck.law import Ability

__all__ = ["SHARED", "Backend", "NotOffered", "World"]

D = TypeVar("D", bound=Driver)


class Closing(Protocol):
    """What is closed once; twice is silent."""

    async def aclose(self) -> None: ...


SHARED: ContextVar[list[Closing] | None] = ContextVar("SHARED", default=None)
"""Where what is opened for the client that is being opened is noted."""


class NotOffered(Exception):  # noqa: N818 - not an error: a world's word about itself
    """The world cannot do what a law asks for."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What a driver talks to.

    Attributes:
        name: ``"Redis"``.
        version: As the server tells it.
        emulator: What stands in for the real service, with its version; empty for the service
            itself.
    """

    name: str
    version: str
    emulator: str = ""


class World(Generic[D]):
    """One backend that no one else uses, seen by several clients.

    Args:
        open: Opens one more client, a driver, on the backend. Called inside the event loop.
        clock: The clock that the provider reads, so that laws wait by it.
        virtual: Whether laws may run in virtual time: only where the provider keeps time by
            the running event loop and uses no threads of its own.
        restart: Kills the backend and brings it back; clients open before may be dead.
        outage: An async context manager inside which the backend cannot be reached.
        partition: One inside which what is said to and by the backend vanishes.
        slow: One inside which each message takes so many milliseconds more.
        cut: One inside which connections are reset after so many bytes of answers.
        connections: How many connections to the backend there are.
        close: Removes the backend.
        cannot_happen: What cannot happen to a backend of this kind at all, and why: an embedded
            store has no server that could be out of reach. The laws about it are not tried,
            which lowers the rung, and the certificate gives the reason.
        services: Opens a client of the service of that name on the same backend, one more of
            what the provider would call so.
        backend: What answers behind the driver, for the certificate. It may be set later,
            once the server was asked for its version.
    """

    def __init__(
        self,
        open: Callable[[], Awaitable[D]],  # noqa: A002 - the word for it
        *,
        clock: Clock = SYSTEM_CLOCK,
        virtual: bool = False,
        restart: Callable[[], Awaitable[None]] | None = None,
        outage: Callable[[], AsyncIterator[None]] | None = None,
        partition: Callable[[], AsyncIterator[None]] | None = None,
        slow: Callable[[float], AsyncIterator[None]] | None = None,
        cut: Callable[[int], AsyncIterator[None]] | None = None,
        connections: Callable[[], int] | None = None,
        step_wall: Callable[[float], None] | None = None,
        close: Callable[[], Awaitable[None]] | None = None,
        cannot_happen: Mapping[Ability, str] | None = None,
        services: Callable[[str], Awaitable[D]] | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.clock = clock
        self.virtual = virtual
        self._open = open
        self._restart = restart
        self._outage = outage
        self._partition = partition
        self._slow = slow
        self._cut = cut
        self._connections = connections
        self._step_wall = step_wall
        self._close = close
        self._services = services
        self._clients: list[D] = []
        self._shared: dict[int, list[Closing]] = {}
        self.cannot_happen = dict(cannot_happen or {})
        self.backend = backend

    @property
    def abilities(self) -> frozenset[Ability]:
        """What this world can do."""
        offered = {
            Ability.RESTART: self._restart is not None,
            Ability.OUTAGE: self._outage is not None,
            Ability.PARTITION: self._partition is not None,
            Ability.SLOW: self._slow is not None,
            Ability.CUT: self._cut is not None,
            Ability.VIRTUAL_TIME: self.virtual,
            Ability.STEP_WALL: self._step_wall is not None,
        }
        return frozenset(ability for ability, able in offered.items() if able)

    @property
    def on_its_way(self) -> float:
        """Seconds for which what was sent may still arrive: nobody calls it back from a wire."""
        return 0.0 if self.virtual else 1.0

    async def driver(self) -> D:
        """One more client of the backend."""
        return await self._opened(self._open)

    async def _opened(self, open_: Callable[[], Awaitable[D]]) -> D:
        shared: list[Closing] = []
        token = SHARED.set(shared)
        try:
            client = await open_()
        finally:
            SHARED.reset(token)
        self._clients.append(client)
        self._shared[id(client)] = shared
        return client

    async def part(self, client: D) -> None:
        """Close a client before its world ends, with the connections that were made for it."""
        self._clients = [one for one in self._clients if one is not client]
        await client.aclose()
        for one in self._shared.pop(id(client), ()):
            await one.aclose()

    @property
    def lends_services(self) -> bool:
        """Whether it opens services of any name."""
        return self._services is not None

    async def service(self, name: str) -> D:
        """A client of the service of that name, on the same backend."""
        services = self._services
        if services is None:
            raise NotOffered("services of other names")
        return await self._opened(lambda: services(name))

    def wrapped(self, wrap: Callable[[D], D]) -> World[D]:
        """This world, whose further clients are what ``wrap`` makes of a client."""
        open_ = self._open

        async def opened() -> D:
            return wrap(await open_())

        self._open = opened
        if (services := self._services) is not None:

            async def service(name: str) -> D:
                return wrap(await services(name))

            self._services = service
        return self

    async def pipeline(self, *layers: Layer) -> Pipeline[D]:
        """One more client, under these layers."""
        return Pipeline(await self.driver(), layers, service=ServiceInfo("tck"))

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass for the provider."""
        await self.clock.sleep(seconds)

    async def restart(self) -> None:
        """Kill the backend and bring it back."""
        if self._restart is None:
            raise NotOffered(Ability.RESTART)
        self._clients.clear()
        await self._restart()

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """Make the backend unreachable inside the block."""
        if self._outage is None:
            raise NotOffered(Ability.OUTAGE)
        async with asynccontextmanager(self._outage)():
            yield

    @asynccontextmanager
    async def partition(self) -> AsyncIterator[None]:
        """Let everything between clients and backend vanish inside the block."""
        if self._partition is None:
            raise NotOffered(Ability.PARTITION)
        async with asynccontextmanager(self._partition)():
            yield

    @asynccontextmanager
    async def slow(self, milliseconds: float) -> AsyncIterator[None]:
        """Hold back each message by so much, each way, inside the block."""
        if self._slow is None:
            raise NotOffered(Ability.SLOW)
        async with asynccontextmanager(self._slow)(milliseconds):
            yield

    @asynccontextmanager
    async def cut_mid_answer(self, after_bytes: int) -> AsyncIterator[None]:
        """Reset connections after so many more bytes of answers, inside the block."""
        if self._cut is None:
            raise NotOffered(Ability.CUT)
        async with asynccontextmanager(self._cut)(after_bytes):
            yield

    def leaks(self) -> dict[str, int]:
        """What is open now: descriptors of files, tasks of the loop, connections if known."""
        found = {"tasks": len(asyncio.all_tasks())}
        with contextlib.suppress(OSError):
            found["files"] = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are not wanted
        if self._connections is not None:
            found["connections"] = self._connections()
        return found

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock of provider and backend."""
        if self._step_wall is None:
            raise NotOffered(Ability.STEP_WALL)
        self._step_wall(seconds)

    async def aclose(self) -> None:
        """Close all clients and remove the backend; the first error is raised at the end."""
        failed: list[Exception] = []
        for client in self._clients:
            try:
                async with asyncio.timeout(10):
                    await client.aclose()
            except Exception as error:
                failed.append(error)
        self._clients.clear()
        self._shared.clear()
        if self._close is not None:
            await self._close()
        if failed:
            raise failed[0]
