"""The embedded default keeps every law of sagas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.sagas import open_sagas
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.world import World


class TestLocalSagas(SagaContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_sagas)
