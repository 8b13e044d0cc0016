"""The reference provider keeps every law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.kv import MemoryKV
from omnicloud_tck.kv import KVContract
from omnicloud_tck.world import World


class TestMemoryKV(KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryKV)
