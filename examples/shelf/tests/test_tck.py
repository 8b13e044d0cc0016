"""The shelf keeps the laws of kv."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from omnicloud_shelf.certify import world

from omnicloud_tck.kv import KVContract
from omnicloud_tck.world import World


class TestShelfKV(KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("kv")
