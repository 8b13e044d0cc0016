"""Laws as pytest tests: one test for each law of a class that inherits a contract."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omnicloud.layers.order import RECORD_USE
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Verdict, try_law
from omnicloud_tck.servers import heed_sigterm
from omnicloud_tck.world import World

__all__ = [
    "judge",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--omnicloud-record-use``."""
    parser.getgroup("omnicloud").addoption(
        "--omnicloud-record-use",
        metavar="FILE",
        help="Write which operations and features the tests use, for `omnicloud swap-check`.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin a new record of use where one is asked for; workers go on with it."""
    heed_sigterm()
    file = config.getoption("--omnicloud-record-use")
    if file is None:
        return
    path = Path(file).absolute()
    if not hasattr(config, "workerinput"):
        path.write_bytes(b"")
    before = pytest.MonkeyPatch()
    before.setenv(RECORD_USE, str(path))
    config.add_cleanup(before.undo)


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
    examples = int(os.environ.get("OMNICLOUD_TCK_EXAMPLES", "40"))
    result = try_law(contract, made, make_world, seed=seed, examples=examples)
    if result.verdict is Verdict.BROKEN:
        pytest.fail(
            f"{made.id} {made.level}: {made.clause}\n{result.reason}\n"
            f"again with OMNICLOUD_TCK_SEED={seed}\n{result.detail}",
            pytrace=False,
        )
    if result.verdict in (Verdict.NOT_APPLICABLE, Verdict.NOT_TRIED):
        pytest.skip(f"{made.id} {result.verdict}: {result.reason}")
