"""The embedded default keeps every law of iam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.iam import open_iam
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.world import World


class TestLocalIAM(IAMContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_iam)
