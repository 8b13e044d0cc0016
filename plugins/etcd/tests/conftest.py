"""The tests find their helpers beside them; the longest laws wait to be asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

_FULL = "OMNICLOUD_TEST_FULL"
_LONG = (
    *("KV-003", "KV-100", "KV-110", "KV-111", "KV-112", "KV-113", "KV-126"),
    *("LO-090", "LO-110", "LO-111", "LO-120"),
)
"""Laws that draw long histories or write a thousand keys; shorter ones try the same paths."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes many seconds of a processor."""
    if os.environ.get(_FULL):
        return
    reason = f"takes seconds of a processor: {_FULL}=1 tries every law"
    for item in items:
        law = getattr(getattr(item, "callspec", None), "params", {}).get("made_law")
        if law is not None and law.id in _LONG and "etcd" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))
