"""How a run of all tests is dealt out to its processes, and which of them get a second try."""

from __future__ import annotations

import os

import pytest

_BRIEF = "tck/tests/test_kills.py"
"""Thousands of tests of some milliseconds each, of which none waits."""


_REAL = "plugins/"
"""Tests over real servers and real time, several beside each other on a machine of two cores."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End each process's share with tests that are brief; see who gets a second try.

    Shares are dealt out one after another (pytest-xdist's ``worksteal``), in the random order.
    What waits for servers or leases then waits beside work, and no process is left alone with
    a long test in the end.
    """
    _try_real_ones_twice(items)
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    brief = [item for item in items if item.nodeid.startswith(_BRIEF)]
    last = brief[: len(brief) // 2]
    chosen = set(last)
    others = [item for item in items if item not in chosen]
    if shares > 1 and last:
        items[:] = [
            item
            for share in range(shares)
            for part in (others, last)
            for item in _share(part, share, shares)
        ]


def _try_real_ones_twice(items: list[pytest.Item]) -> None:
    """Try what fails over a real server once more; the summary lists each such test (record 0055).

    In virtual time nothing is tried twice: there a failure is a failure.
    """
    for item in items:
        if item.nodeid.startswith(_REAL):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _share(items: list[pytest.Item], share: int, shares: int) -> list[pytest.Item]:
    """One of equal parts, in the order that they have."""
    return items[len(items) * share // shares : len(items) * (share + 1) // shares]
