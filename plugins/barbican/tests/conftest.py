"""The tests over a real Barbican take minutes, and so run when they are asked for.

``OMNICLOUD_TEST_BARBICAN=1``, or an address of a server in ``OMNICLOUD_TEST_BARBICAN_URL``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

_ASKED = ("OMNICLOUD_TEST_BARBICAN", "OMNICLOUD_TEST_BARBICAN_URL")
_REAL = {"test_tck_barbican.py", "test_barbican_only.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the server, unless it is asked for."""
    if any(os.environ.get(name) for name in _ASKED):
        return
    skip = pytest.mark.skip(reason=f"needs a Barbican, for minutes: set {_ASKED[0]}=1 to try it")
    for item in items:
        if item.path.name in _REAL and item.path.parent == Path(__file__).parent:
            item.add_marker(skip)
