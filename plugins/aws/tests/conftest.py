"""The tests find their helpers beside them, and leave the longest laws for when asked.

``OMNICLOUD_TEST_AWS_ALL=1`` tries every law, as ``omnicloud certify aws`` does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

_ALL = "OMNICLOUD_TEST_AWS_ALL"
_LONG = {
    "TestAWSSecrets": {
        *("G-010", "G-031", "G-043", "G-061", "G-080"),
        *("SEC-030", "SEC-040", "SEC-050"),
    },
    # What the client is tried with is tried with secrets.
    "TestAWSKV": {
        *("G-004", "G-006", "G-010", "G-030", "G-031", "G-043", "G-060", "G-061", "G-080"),
        *("KV-003", "KV-005", "KV-006", "KV-007", "KV-014", "KV-015", "KV-040", "KV-042"),
        *("KV-051", "KV-100", "KV-110", "KV-111", "KV-112", "KV-113", "KV-120", "KV-123"),
        *("KV-126", "KV-134", "KV-139", "KV-150", "KV-154", "KV-159"),
    },
}

_SHORT = {
    "TestAWSDocuments": {
        *("DOC-002", "DOC-003", "DOC-005", "DOC-014", "DOC-015", "DOC-016", "DOC-020", "DOC-022"),
        *("DOC-030", "DOC-031", "DOC-032", "DOC-065", "DOC-124"),
    },
    # Those that ask how long something takes are not for a machine that is busy.
    "TestAWSMessaging": {
        *("G-020", "G-040", "G-065", "MS-003", "MS-010", "MS-012", "MS-015", "MS-034", "MS-039"),
        *("MS-123", "MS-129", "MS-132", "MS-135", "MS-150", "MS-156", "MS-165"),
    },
}
"""Where only these are short."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the laws that take seconds of the processor each, unless all are asked for."""
    if os.environ.get(_ALL):
        return
    skip = pytest.mark.skip(reason=f"takes long over the emulator: set {_ALL}=1 to try it")
    for item in items:
        call = getattr(item, "callspec", None)
        made = None if call is None else call.params.get("made_law")
        owner = getattr(item, "cls", None)
        if made is not None and owner is not None and _is_long(owner.__name__, made.id):
            item.add_marker(skip)


def _is_long(owner: str, law: str) -> bool:
    return law in _LONG.get(owner, ()) or law not in _SHORT.get(owner, (law,))
