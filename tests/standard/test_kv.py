"""What the Open Omni-Cloud standard asks of key-value stores, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.kv import KV


@pytest.fixture
def kv(cloud: OmniCloud) -> KV[str]:
    return cloud.kv("orders")


async def test_a_value_that_is_set_is_got_and_another_one_replaces_it(kv: KV[str]) -> None:
    assert await kv.get("k") is None
    await kv.set("k", "first")
    assert await kv.get("k") == "first"
    await kv.set("k", "second")
    assert await kv.get("k") == "second"


async def test_setting_one_value_again_changes_neither_it_nor_another_key(kv: KV[str]) -> None:
    await kv.set("other", "stays")
    for _ in range(3):
        await kv.set("k", "v")
    assert (await kv.get("k"), await kv.get("other")) == ("v", "stays")


async def test_a_deleted_key_is_gone_and_deleting_it_again_is_no_error(kv: KV[str]) -> None:
    await kv.set("k", "v")
    await kv.delete("k")
    assert await kv.get("k") is None
    await kv.delete("k")
    assert await kv.get("k") is None
