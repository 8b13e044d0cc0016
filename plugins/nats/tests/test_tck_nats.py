"""The provider keeps every law of every contract that it offers, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_nats.certify import world
from omnicloud_tck.kv import KVContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World


class TestNatsKV(KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("kv")


class TestNatsLocks(LocksContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("locks")


class TestNatsMessaging(MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("messaging")


class TestNatsObjects(ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("objects")
