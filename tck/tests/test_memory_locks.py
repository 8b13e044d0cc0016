"""The reference provider keeps every law of locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.world import World


class TestMemoryLocks(LocksContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryLocks)
