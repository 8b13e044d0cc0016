"""The provider keeps every law of objects that its emulator lets it keep.

A request takes the emulator several milliseconds of a processor, so fewer sequences and histories
are drawn than by ``omnicloud certify azure``.
"""

from __future__ import annotations

import pytest

from omnicloud_azure.certify import world
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.runner import Verdict, try_law

pytestmark = pytest.mark.timeout(900)  # the first one may install the emulator

# Laws that want the machine for themselves get it from ``omnicloud certify``, and beside other
# tests with a lighter emulator: the provider gcs is held to them over the same client.
_LAWS = [law for law in laws_of(ObjectsContract) if not law.alone]
_NOT_DECLARED = {"G-042", "OBJ-050", "OBJ-051", "OBJ-052"}
"""Durability and signed URLs: the latter two are tried in ``test_azure_container``."""


@pytest.mark.parametrize("made", _LAWS, ids=lambda made: made.id)
def test_the_law_is_kept(made: Law) -> None:
    result = try_law(ObjectsContract(), made, lambda: world("objects"), examples=10)
    expected = Verdict.NOT_APPLICABLE if made.id in _NOT_DECLARED else Verdict.HELD
    assert result.verdict is expected, result.detail or result.reason
