"""The embedded default keeps every law of messaging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.messaging import open_messaging
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.world import World


class TestLocalMessaging(MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_messaging)
