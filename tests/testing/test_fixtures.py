"""The fixtures that users get."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from omnicloud import OmniCloud
from omnicloud.testing import FakeClock
from omnicloud.testing.fixtures import cloud, cloud_clock

__all__ = ["cloud", "cloud_clock"]


@pytest.fixture
def cloud_config() -> Mapping[str, object]:
    return {"services": {"sessions": {"contract": "kv", "provider": "memory"}}}


async def test_time_passes_when_the_test_says(cloud: OmniCloud, cloud_clock: FakeClock) -> None:
    sessions = cloud.kv("sessions")
    await sessions.set("s", "1", ttl=3600)
    cloud_clock.advance(3599)
    assert await sessions.get("s") == "1"
    cloud_clock.advance(2)
    assert await sessions.get("s") is None


@pytest.mark.parametrize("number", [1, 2])
async def test_each_test_has_a_cloud_of_its_own(cloud: OmniCloud, number: int) -> None:
    assert await cloud.kv("sessions").get("mine") is None
    await cloud.kv("sessions").set("mine", str(number))
