"""The reference provider keeps every law of messaging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.world import World


class TestMemoryMessaging(MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryMessaging)
