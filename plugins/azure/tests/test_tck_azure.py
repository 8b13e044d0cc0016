"""The provider keeps every law of objects that its emulator lets it keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_azure.certify import world
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World

pytestmark = pytest.mark.timeout(900)  # the first one may install the emulator


class TestAzureObjects(ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("objects")
