"""The tests find their helpers beside them; the longest laws wait to be asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

_FULL = "OMNICLOUD_TEST_FULL"
_SHORT = (
    *("G-010", "G-020", "G-040", "G-041", "G-050", "G-065", "G-070"),
    *("MS-001", "MS-003", "MS-005", "MS-010", "MS-011", "MS-012", "MS-015", "MS-020", "MS-021"),
    *("MS-030", "MS-031", "MS-032", "MS-033", "MS-035", "MS-036", "MS-037", "MS-039", "MS-050"),
    *("MS-054", "MS-110", "MS-121", "MS-126", "MS-127", "MS-142", "MS-148", "MS-150", "MS-152"),
)
"""Laws that together show each part of the provider at work; the others repeat it at length."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes the broker minutes of a processor."""
    if os.environ.get(_FULL):
        return
    reason = f"takes the broker minutes of a processor: {_FULL}=1 tries every law"
    for item in items:
        law = getattr(getattr(item, "callspec", None), "params", {}).get("made_law")
        if law is not None and law.id not in _SHORT and "rabbitmq" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))
