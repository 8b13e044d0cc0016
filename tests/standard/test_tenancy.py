"""What the Open Omni-Cloud standard asks of tenants, restated, for both ways to be one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omnicloud import OmniCloud, tenant
from omnicloud.contracts.cache import Cache
from omnicloud.contracts.kv import KV

Stores = Callable[[str], KV[str] | Cache[str]]


@pytest.fixture(params=["kv", "cache"])
def stores(request: pytest.FixtureRequest, cloud: OmniCloud) -> Stores:
    def bound(name: str) -> KV[str] | Cache[str]:
        of_tenant = cloud.for_tenant(name)
        return of_tenant.kv("s") if request.param == "kv" else of_tenant.cache("s")

    return bound


async def test_under_one_key_each_tenant_has_its_own_value(stores: Stores) -> None:
    a, b = stores("a"), stores("b")
    await a.set("shared", "of a")
    await b.set("shared", "of b")
    assert (await a.get("shared"), await b.get("shared")) == ("of a", "of b")


async def test_a_delete_by_one_tenant_leaves_the_others_value(stores: Stores) -> None:
    a, b = stores("a"), stores("b")
    await a.set("shared", "of a")
    await b.set("shared", "of b")
    await a.delete("shared")
    assert (await a.get("shared"), await b.get("shared")) == (None, "of b")


async def test_a_block_for_a_tenant_sees_what_a_service_bound_to_it_sees(cloud: OmniCloud) -> None:
    kv = cloud.kv("s")
    with tenant("a"):
        await kv.set("shared", "of a")
    with tenant("b"):
        assert await kv.get("shared") is None
    assert await cloud.for_tenant("a").kv("s").get("shared") == "of a"
