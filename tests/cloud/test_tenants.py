"""A cloud opened for a tenant keeps to that tenant's names."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud, tenant
from omnicloud.errors import InvalidArgumentError

SERVICES = {
    "services": {
        "orders": {"contract": "kv", "provider": "memory"},
        "files": {"contract": "objects", "provider": "memory"},
        "hot": {"contract": "cache", "provider": "memory"},
    }
}


async def test_two_tenants_have_two_values_under_one_key() -> None:
    async with OmniCloud(SERVICES) as cloud:
        acme, other = cloud.for_tenant("acme").kv("orders"), cloud.for_tenant("other").kv("orders")
        await acme.set("k", "of acme")
        await other.set("k", "of other")
        assert await acme.get("k") == "of acme"
        assert await other.get("k") == "of other"
        assert await cloud.kv("orders").get("k") is None
        await acme.delete("k")
        assert await acme.get("k") is None
        assert await other.get("k") == "of other"


async def test_the_binding_stands_above_the_block_it_is_called_in() -> None:
    async with OmniCloud(SERVICES) as cloud:
        acme = cloud.for_tenant("acme").objects("files")
        with tenant("other"):
            await acme.upload("k", b"of acme")
        with tenant("acme"):
            assert await cloud.objects("files").download("k") == b"of acme"


async def test_a_tenants_cache_does_not_share_flights_with_anothers() -> None:
    async def loaded(value: str) -> str:
        return value

    async with OmniCloud(SERVICES) as cloud:
        acme, other = cloud.for_tenant("acme").cache("hot"), cloud.for_tenant("other").cache("hot")
        assert await acme.get_or_load("k", lambda: loaded("a"), 60) == "a"
        assert await other.get_or_load("k", lambda: loaded("b"), 60) == "b"


async def test_closing_a_tenants_service_leaves_the_cloud_open() -> None:
    async with OmniCloud(SERVICES) as cloud:
        await cloud.for_tenant("acme").kv("orders").aclose()
        await cloud.kv("orders").set("k", "v")


async def test_an_empty_tenant_is_refused() -> None:
    async with OmniCloud(SERVICES) as cloud:
        with pytest.raises(InvalidArgumentError, match="tenant is empty"):
            cloud.for_tenant("")
