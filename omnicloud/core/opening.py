"""What an opener of a driver is given besides its settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol, TypeVar

from omnicloud.core.clock import Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.core.lifecycle import AsyncResource

__all__ = ["Opening"]

R = TypeVar("R", bound=AsyncResource)


class Opening(Protocol):
    """The circumstances in which a driver is opened."""

    @property
    def clock(self) -> Clock:
        """Where to read the time."""

    @property
    def service(self) -> ServiceInfo:
        """Which service is being opened."""

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[R]]) -> R:
        """One client for all services that ask with an equal key.

        Opened at the first asking; closed after the drivers of all services.
        """
