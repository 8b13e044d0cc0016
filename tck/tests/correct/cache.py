"""Right cache drivers that are not like the reference."""

from __future__ import annotations

from correct.common import correct, slowed
from omnicloud.contracts.cache.models import CacheLimits
from omnicloud.core.operation import Feature
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.store import MemoryStore

_SMALL = CacheLimits(value_max_bytes=4096, max_entries=60, max_bytes=256 << 10)


@correct("cache")
class Small(MemoryCache):
    """Few entries of few bytes, slow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace, limits=_SMALL)


@correct("cache")
class Bare(MemoryCache):
    """Gets, sets and deletes, and nothing else."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()
