"""The reference provider keeps every law of sagas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.world import World


class TestMemorySagas(SagaContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemorySagas)
