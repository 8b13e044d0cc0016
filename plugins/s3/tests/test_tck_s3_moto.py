"""The provider keeps the laws on a second dialect of S3, with completion by the service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto_server import moto, moto_world

from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.runner import Verdict, try_law

# The emulator answers 500 to a part of an upload that was aborted, and to calls that meet.
_EMULATOR = {"OBJ-031", "OBJ-071", "OBJ-115"}
# Laws that want the machine for themselves measure the provider, over one server or another.
_LAWS = [law for law in laws_of(ObjectsContract) if law.id not in _EMULATOR and not law.alone]


@pytest.fixture(scope="module")
def server() -> Iterator[KeptServer]:
    one = moto()
    yield one
    one.end()


@pytest.mark.parametrize("made", _LAWS, ids=lambda made: made.id)
def test_the_law_is_kept_on_another_dialect(made: Law, server: KeptServer) -> None:
    result = try_law(ObjectsContract(), made, lambda: moto_world(server))
    assert result.verdict in (Verdict.HELD, Verdict.NOT_APPLICABLE), result.detail or result.reason
