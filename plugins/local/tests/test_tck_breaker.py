"""The embedded default keeps every law of breaker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.breaker import open_breaker
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.world import World


class TestLocalBreaker(BreakerContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_breaker)
