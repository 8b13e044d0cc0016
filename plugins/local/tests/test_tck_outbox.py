"""The embedded default keeps every law of the outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.outbox import open_outbox
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.world import World


class TestLocalOutbox(OutboxContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_outbox)
