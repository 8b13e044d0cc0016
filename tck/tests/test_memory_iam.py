"""The reference provider keeps every law of iam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.world import World


class TestMemoryIAM(IAMContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryIAM)
