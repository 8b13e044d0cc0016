"""The embedded default keeps every law of documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_world import local_world

from omnicloud_local.documents import open_documents
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.world import World


class TestLocalDocuments(DocumentsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: local_world(open_documents)
