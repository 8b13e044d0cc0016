"""The embedded default keeps every law of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.objects import open_objects
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World


class TestLocalObjects(ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_objects)
