"""The track record says what is so: of the drivers, and of the page."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import broken
from broken.registry import BROKEN
from omnicloud_tck.law import laws_of
from omnicloud_tck.runner import Verdict, try_law
from published import BUGS, OUTSIDE
from track_record import PAGE

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")

SURELY_ENOUGH = 24
"""So many published bugs at least the record holds."""


def test_each_row_has_a_driver_on_the_side_that_the_row_says() -> None:
    # That those in BROKEN are found is what the tests of all broken drivers demand.
    assert {name for name in BROKEN if name.startswith("P-")} == {
        bug.id for bug in BUGS.values() if not bug.outside
    }
    assert set(OUTSIDE) == {bug.id for bug in BUGS.values() if bug.outside}


def test_the_record_is_long_enough_to_say_something() -> None:
    assert len({bug.url for bug in BUGS.values()}) == len(BUGS) >= SURELY_ENOUGH


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_what_the_record_calls_not_found_breaks_no_law(name: str) -> None:
    wrong = OUTSIDE[name]
    for made in laws_of(wrong.contract):
        result = try_law(wrong.contract(), made, wrong.make_world, examples=20)
        assert result.verdict is not Verdict.BROKEN, f"{made.id} finds it: mend the row"


@pytest.mark.parametrize("name", sorted(BUGS))
def test_the_page_has_each_row_with_its_thread(name: str) -> None:
    bug = BUGS[name]
    line = next((one for one in PAGE.read_text().splitlines() if one.startswith(f"| {name} |")), "")
    assert bug.url in line
    assert bug.summary in line
    assert ("**not found**" in line) == bool(bug.outside)
