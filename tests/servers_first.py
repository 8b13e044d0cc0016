"""The order of a whole run, with ``-p tests.servers_first``: tests with servers come first."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_WITH_SERVERS = ("plugins", "tests/examples", "tests/differential")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the random order within both parts: servers starve beside what reckons all the time."""
    items.sort(key=lambda item: not _has_server(item))


def _has_server(item: pytest.Item) -> bool:
    place = item.path.relative_to(_ROOT) if item.path.is_relative_to(_ROOT) else item.path
    return any(place.is_relative_to(folder) for folder in _WITH_SERVERS)
