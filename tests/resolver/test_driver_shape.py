"""A driver that cannot even be asked or closed is told of when it is opened."""

from __future__ import annotations

import asyncio

import pytest

from omnicloud.cloud import OmniCloud
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import InternalError
from omnicloud.registry.discovery import Registry
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider


class BareKV:
    features: frozenset[Feature] = frozenset()


async def open_bare(config: object, opening: Opening) -> BareKV:
    await asyncio.sleep(0)
    return BareKV()


class Plugin:
    @hookimpl
    def omnicloud_providers(self) -> list[Provider]:
        offer = Offer(f"{__name__}:open_bare", frozenset())
        return [Provider("bare", "omnicloud.memory.config:MemoryConfig", {"kv": offer})]


async def test_a_driver_without_its_ends_is_refused_with_what_it_lacks() -> None:
    config = {"services": {"orders": {"contract": "kv", "provider": "bare"}}}
    cloud = OmniCloud(config, providers=Registry.of(Plugin()))
    with pytest.raises(InternalError, match="BareKV has no aclose, limits") as caught:
        await cloud.__aenter__()
    assert "kv.driver.KVDriver" in str(caught.value)
    assert caught.value.service == "orders"
