"""Laws as pytest tests: one test for each law of a class that inherits a contract."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Verdict, try_law
from omnicloud_tck.world import World

__all__ = ["judge", "pytest_generate_tests"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``test_law`` of every contract's class its laws."""
    owner = metafunc.cls
    if owner is None or not issubclass(owner, Contract) or "made_law" not in metafunc.fixturenames:
        return
    made = laws_of(owner)
    metafunc.parametrize("made_law", made, ids=[f"{one.id}-{one.name}" for one in made])


def judge(contract: Contract, made: Law, make_world: Callable[[], World[Any]]) -> None:
    """Try a law and fail, or skip with the reason, as it comes out."""
    seed = int(os.environ.get("OMNICLOUD_TCK_SEED", "0"))
    result = try_law(contract, made, make_world, seed=seed)
    if result.verdict is Verdict.BROKEN:
        pytest.fail(
            f"{made.id} {made.level}: {made.clause}\n{result.reason}\n"
            f"again with OMNICLOUD_TCK_SEED={seed}\n{result.detail}",
            pytrace=False,
        )
    if result.verdict in (Verdict.NOT_APPLICABLE, Verdict.NOT_TRIED):
        pytest.skip(f"{made.id} {result.verdict}: {result.reason}")
