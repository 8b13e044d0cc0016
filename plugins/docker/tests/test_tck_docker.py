"""A Docker Engine keeps every law of containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_docker.certify import docker_world
from omnicloud_tck.containers import ContainersContract
from omnicloud_tck.world import World


class TestDockerContainers(ContainersContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return docker_world
