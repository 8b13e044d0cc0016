"""The provider keeps every law of secrets on a real Barbican."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_barbican.certify import world
from omnicloud_tck.secrets import SecretsContract
from omnicloud_tck.world import World


class TestBarbicanSecrets(SecretsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("secrets")
