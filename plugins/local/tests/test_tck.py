"""The embedded default keeps every law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.kv import open_kv
from omnicloud_tck.kv import KVContract
from omnicloud_tck.world import World


class TestLocalKV(KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_kv)
