"""Clouds over the providers of the repository, opened as an application opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from omnicloud import OmniCloud
from omnicloud.testing import FakeClock


@pytest.fixture(params=["memory", "local"])
def provider(request: pytest.FixtureRequest) -> str:
    """Who serves; each test that asks for a cloud is run over both."""
    name: str = request.param
    return name


@pytest.fixture
def config(provider: str, tmp_path: Path) -> dict[str, object]:
    """A configuration that names no service: all are that provider's."""
    options = {"path": str(tmp_path / "data"), "durability": "process"}
    return {
        "defaults": {"provider": provider, "options": options if provider == "local" else {}},
    }


@pytest.fixture
def clock() -> FakeClock:
    """What the services of ``cloud`` take for the time."""
    return FakeClock()


@pytest.fixture
async def cloud(config: dict[str, object], clock: FakeClock) -> AsyncIterator[OmniCloud]:
    """Services whose time passes when the test says so."""
    async with OmniCloud(config, clock=clock) as opened:
        yield opened
