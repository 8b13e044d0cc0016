"""What several services share, and closing everything whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack
from typing import TypeVar, cast

from omnicloud.core.clock import Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.core.lifecycle import AsyncResource

__all__ = ["OpeningOf", "Shelf"]

R = TypeVar("R", bound=AsyncResource)


class Shelf:
    """Opened resources: each shared one once, all closed in reverse order.

    A shared resource is put on the shelf before the driver that asked for it, so it is closed
    after the drivers of all who share it.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._shared: dict[Hashable, AsyncResource] = {}
        self._turns: dict[Hashable, asyncio.Lock] = {}
        self._errors: list[Exception] = []

    def put(self, resource: AsyncResource) -> None:
        """Close it when the shelf is closed."""
        self._stack.push_async_callback(self._close, resource)

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[R]]) -> R:
        """The resource of a key, opened at the first asking; a failed opening is not kept."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            if key not in self._shared:
                resource = await open_()
                self._shared[key] = resource
                self.put(resource)
            return cast("R", self._shared[key])

    async def aclose(self) -> list[Exception]:
        """Close everything, whatever fails; the errors, the first first. Twice is silent."""
        self._shared.clear()
        await self._stack.aclose()
        errors, self._errors = self._errors, []
        return errors

    async def _close(self, resource: AsyncResource) -> None:
        try:
            await resource.aclose()
        except Exception as error:  # noqa: BLE001 - a vendor's closing must not stop the others
            self._errors.append(error)


class OpeningOf:
    """The circumstances in which one service's driver is opened."""

    def __init__(self, clock: Clock, service: ServiceInfo, shelf: Shelf) -> None:
        self._clock = clock
        self._service = service
        self._shelf = shelf

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def service(self) -> ServiceInfo:
        return self._service

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[R]]) -> R:
        return await self._shelf.share(key, open_)
