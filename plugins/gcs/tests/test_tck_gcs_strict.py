"""The provider keeps the laws of conditions where a server before the emulator honours them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud_gcs.certify import answers, gcs_world, kept_server
from omnicloud_gcs.objects import open_objects
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.objects.completing import completions_cut, completions_met
from omnicloud_tck.runner import Verdict, try_law

_PROGRAMS = ("OBJ-131", "OBJ-132")
"""Of calls that meet, and calls that trouble meets: what several requests do is held together by
conditions, which the emulator alone does not heed."""

_LAWS = [
    law
    for law in laws_of(ObjectsContract)
    if ObjectsFeature.CONDITIONAL in law.needs or law.id in _PROGRAMS
]


@pytest.fixture(scope="module")
def server() -> Iterator[KeptServer]:
    emulator = kept_server()
    asyncio.run(emulator.start())

    def command(port: int, folder: Path) -> Sequence[str]:
        program = str(Path(__file__).parent / "strict_front.py")
        return (sys.executable, program, str(port), str(emulator.port))

    one = KeptServer(command, answers, within=30.0)
    yield one
    one.end()


@pytest.mark.parametrize("made", _LAWS, ids=lambda made: made.id)
def test_the_law_is_kept_where_conditions_are_honoured(made: Law, server: KeptServer) -> None:
    result = try_law(ObjectsContract(), made, lambda: gcs_world(open_objects, server), examples=10)
    assert result.verdict is Verdict.HELD, result.detail or result.reason


def test_all_laws_of_conditions_are_tried() -> None:
    assert {law.id for law in _LAWS} >= {
        "OBJ-020",
        "OBJ-021",
        "OBJ-033",
        "OBJ-075",
        "OBJ-083",
        *_PROGRAMS,
    }


async def test_of_completions_of_one_upload_that_meet_one_is_done(server: KeptServer) -> None:
    one = gcs_world(open_objects, server)
    await completions_met(one, times=3)
    await one.aclose()


async def test_a_cancelled_completion_leaves_the_object_or_the_upload(server: KeptServer) -> None:
    one = gcs_world(open_objects, server)
    await completions_cut(one, times=6)
    await one.aclose()
