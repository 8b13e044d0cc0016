"""A world of an engine, on which other services run containers too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from omnicloud.contracts.containers import ContainersDriver
from omnicloud_tck.world import NotOffered, World

__all__ = ["EngineWorld", "elsewhere"]

D = TypeVar("D", bound=ContainersDriver)


class EngineWorld(World[D]):
    """A world whose engine other services use as well.

    Args:
        open: As :class:`World` says.
        elsewhere: Opens a client of another service on the same engine.
        options: As :class:`World` says.
    """

    def __init__(
        self,
        open: Callable[[], Awaitable[D]],  # noqa: A002 - the word for it
        elsewhere: Callable[[], Awaitable[D]],
        **options: Any,
    ) -> None:
        super().__init__(open, **options)
        self._elsewhere = elsewhere

    async def stranger(self) -> D:
        """A client of another service."""
        client = await self._elsewhere()
        self._clients.append(client)
        return client


async def elsewhere(world: World[Any]) -> Any:
    """A client of another service on the world's engine."""
    if not isinstance(world, EngineWorld):
        raise NotOffered("another service on the same engine")
    return await world.stranger()
