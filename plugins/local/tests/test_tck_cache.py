"""The embedded default keeps every law of caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.cache import open_cache
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.world import World


class TestLocalCache(CacheContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_cache)
