"""The reference provider keeps every law of documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.memory.documents import MemoryDocuments
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.world import World


class TestMemoryDocuments(DocumentsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: memory_world(MemoryDocuments)
