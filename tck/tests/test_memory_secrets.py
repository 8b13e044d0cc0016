"""The reference provider keeps every law of secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract
from omnicloud_tck.world import World


class TestMemorySecrets(SecretsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemorySecrets)
