"""The reference provider keeps every law of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World


class TestMemoryObjects(ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryObjects)
