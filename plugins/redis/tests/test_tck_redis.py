"""The provider keeps every law of every contract that it offers, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_redis.certify import world
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.world import World


class TestRedisKV(KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("kv")


class TestRedisCache(CacheContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("cache")


class TestRedisLocks(LocksContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("locks")


class TestRedisMessaging(MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("messaging")


class TestRedisSagas(SagaContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("sagas")


class TestRedisOutbox(OutboxContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("outbox")


class TestRedisBreaker(BreakerContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("breaker")
