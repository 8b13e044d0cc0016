"""The reference provider keeps every law of breaker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.world import World


class TestMemoryBreaker(BreakerContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryBreaker)
