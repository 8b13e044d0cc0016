"""The provider keeps every law of secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_sops.certify import sops_world
from omnicloud_tck.secrets import SecretsContract
from omnicloud_tck.world import World


class TestSopsSecrets(SecretsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return sops_world
