"""The embedded default keeps every law of locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.locks import open_locks
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.world import World


class TestLocalLocks(LocksContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_locks)
