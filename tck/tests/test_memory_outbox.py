"""The reference provider keeps every law of the outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.world import World


class TestMemoryOutbox(OutboxContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryOutbox)
