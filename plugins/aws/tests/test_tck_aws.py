"""The provider keeps every law of the contracts that it offers, over an emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_aws.certify import world
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.secrets import SecretsContract
from omnicloud_tck.world import World


class TestAWSSecrets(SecretsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("secrets")


class TestAWSDocuments(DocumentsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("documents")


class TestAWSKV(KVContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("kv")


class TestAWSMessaging(MessagingContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: world("messaging")
