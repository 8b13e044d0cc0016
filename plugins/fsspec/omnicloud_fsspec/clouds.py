"""The cloud that a filesystem works on: one it was lent, or one of its own, opened when needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from omnicloud import OmniCloud
from omnicloud.contracts.objects import Objects

__all__ = ["Clouds", "Config"]

Config = str | Mapping[str, object] | None
"""A file's path, a mapping, or ``None`` for ``omnicloud.toml`` and the environment."""


class Clouds:
    """Opens a cloud in the loop that first asks, and closes it there.

    Args:
        config: Of the cloud that is opened.
        lent: An open cloud, which is not closed.
        tenant: Whose objects; ``None`` is nobody's.
    """

    def __init__(self, config: Config, lent: OmniCloud | None, tenant: str | None) -> None:
        self._config = config
        self._lent = lent
        self._tenant = tenant
        self._own: OmniCloud | None = None
        self._opening: asyncio.Lock | None = None

    async def objects(self, service: str) -> Objects:
        """The objects of a service."""
        cloud = await self._cloud()
        return (cloud if self._tenant is None else cloud.for_tenant(self._tenant)).objects(service)

    async def services(self) -> list[str]:
        """The names of the services that hold objects and are configured."""
        plan = (await self._cloud()).plan
        return [one.info.name for one in plan.services if one.info.contract == "objects"]

    async def aclose(self) -> None:
        """Close the cloud that was opened here, if any. Twice is silent."""
        own, self._own = self._own, None
        if own is not None:
            await own.aclose()

    async def _cloud(self) -> OmniCloud:
        if self._lent is not None:
            return self._lent
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._own is None:
                self._own = await OmniCloud(self._config).__aenter__()
            return self._own
