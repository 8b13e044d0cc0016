"""What the laws of kv share: clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from omnicloud.contracts.kv import KV
from omnicloud.contracts.kv.models import KVLimits
from omnicloud.core.codec import BYTES
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = ["KVBench", "batches", "most_of"]

_NAME_BYTES = 64  # of a key, at most, that is counted by its number


class KVBench(Contract):
    """Opens clients."""

    async def portable(self, world: World[Any]) -> KV[bytes]:
        return KV(await world.pipeline(), BYTES)

    async def _two(self, world: World[Any]) -> tuple[KV[bytes], KV[bytes]]:
        return await self.portable(world), await self.portable(world)


def most_of(limits: KVLimits, size: int = 16) -> int:
    """How many items with short keys and so many bytes of value one batch may have."""
    if limits.batch_max_bytes is None:
        return limits.batch_max_items
    return min(limits.batch_max_items, limits.batch_max_bytes // (_NAME_BYTES + size))


def batches(items: Mapping[str, bytes], limits: KVLimits) -> Iterator[dict[str, bytes]]:
    """The items in batches that the driver takes; what goes into none is left out."""
    batch: dict[str, bytes] = {}
    left = room = limits.batch_max_bytes or 1 << 62
    for key, value in items.items():
        size = len(key.encode()) + len(value)
        if size > room:
            continue
        if size > left or len(batch) == limits.batch_max_items:
            yield batch
            batch, left = {}, room
        batch[key] = value
        left -= size
    if batch:
        yield batch
