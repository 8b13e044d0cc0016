"""The provider keeps every law of every contract that it offers, on a real broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_rabbitmq.certify import world
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.world import World


class TestRabbitMessaging(MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("messaging")
