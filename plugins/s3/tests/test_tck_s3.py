"""The provider keeps every law of objects on a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_s3.certify import world
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World


class TestS3Objects(ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("objects")
