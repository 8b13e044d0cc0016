"""The reference provider keeps every law of containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.containers import MemoryContainers
from omnicloud_tck.containers import ContainersContract
from omnicloud_tck.world import World


class TestMemoryContainers(ContainersContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryContainers)
