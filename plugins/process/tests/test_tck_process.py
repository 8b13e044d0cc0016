"""Processes keep every law of containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_process.certify import process_world
from omnicloud_tck.containers import ContainersContract
from omnicloud_tck.world import World


class TestProcessContainers(ContainersContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return process_world
