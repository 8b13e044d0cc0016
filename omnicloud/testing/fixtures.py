"""Fixtures for pytest: a cloud in memory for each test, whose time the test lets pass.

::

    # conftest.py
    pytest_plugins = ["omnicloud.testing.fixtures"]

    # test_orders.py
    async def test_a_session_ends(cloud, cloud_clock):
        await cloud.kv("sessions").set("s", "1", ttl=3600)
        cloud_clock.advance(3601)
        assert await cloud.kv("sessions").get("s") is None

Async tests need pytest-asyncio, or the plugin of anyio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from omnicloud.cloud import OmniCloud
from omnicloud.testing.clock import FakeClock

__all__ = ["cloud", "cloud_clock", "cloud_config"]

_async_fixture: Callable[[Any], Any] = pytest.fixture
if find_spec("pytest_asyncio") is not None:
    import pytest_asyncio

    _async_fixture = pytest_asyncio.fixture


@pytest.fixture
def cloud_config() -> Mapping[str, object]:
    """The configuration of the test's cloud. Give a fixture of this name to have another."""
    return {"defaults": {"provider": "memory"}}


@pytest.fixture
def cloud_clock() -> FakeClock:
    """The clock of the test's cloud: it stands still until ``advance``; sleeps end at once."""
    return FakeClock()


@_async_fixture
async def cloud(
    cloud_config: Mapping[str, object], cloud_clock: FakeClock
) -> AsyncIterator[OmniCloud]:
    """A cloud of the test's own, closed at its end."""
    async with OmniCloud(cloud_config, clock=cloud_clock) as opened:
        yield opened
