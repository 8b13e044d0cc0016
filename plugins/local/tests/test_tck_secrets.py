"""The embedded default keeps every law of secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.secrets import open_secrets
from omnicloud_tck.secrets import SecretsContract
from omnicloud_tck.world import World


class TestLocalSecrets(SecretsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_secrets)
