"""The reference provider keeps every law of caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.cache import MemoryCache
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.world import World


class TestMemoryCache(CacheContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryCache)
