"""What the laws of kv share: clients."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.kv import KV
from omnicloud.core.codec import BYTES
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = ["KVBench"]


class KVBench(Contract):
    """Opens clients."""

    async def portable(self, world: World[Any]) -> KV[bytes]:
        return KV(await world.pipeline(), BYTES)

    async def _two(self, world: World[Any]) -> tuple[KV[bytes], KV[bytes]]:
        return await self.portable(world), await self.portable(world)
