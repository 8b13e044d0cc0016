"""The provider keeps every law of every contract that it offers, on a real server.

Laws that draw cases draw few of them here; ``OMNICLOUD_TEST_NATS_FULL`` draws as many as a
certificate asks for, and tries histories on three servers as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_nats.certify import world
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.law import Law
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.runner import Verdict, try_law
from omnicloud_tck.world import World

_EXAMPLES = 40 if os.environ.get("OMNICLOUD_TEST_NATS_FULL") else 4


class _Drawn(Contract):
    def test_law(self, made_law: Law, make_world: Callable[[], World[Any]]) -> None:
        result = try_law(self, made_law, make_world, examples=_EXAMPLES)
        if result.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(f"{made_law.id} {result.reason}")
        assert result.verdict is Verdict.HELD, f"{result.reason}\n{result.detail}"


class TestNatsKV(_Drawn, KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("kv")


class TestNatsLocks(_Drawn, LocksContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("locks")


class TestNatsMessaging(_Drawn, MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("messaging")


class TestNatsObjects(_Drawn, ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("objects")
