"""A service may be used for the first time inside a transaction that another began."""

from __future__ import annotations

import asyncio
from pathlib import Path

from omnicloud import OmniCloud
from omnicloud.contracts.outbox import OutboxEvent


async def test_an_outbox_first_used_inside_a_transaction_joins_it(tmp_path: Path) -> None:
    store = {"provider": "local", "path": str(tmp_path)}
    services = {
        "orders": {"contract": "kv", **store},
        "rows": {"contract": "documents", **store},
        "events": {"contract": "outbox", **store},
    }
    async with asyncio.timeout(10), OmniCloud({"services": services}) as cloud:
        async with cloud.transaction() as transaction:
            await transaction.kv("orders").set("o-1", "paid")
            await transaction.documents("rows").insert_one("orders", {"_id": "o-1"})
            await transaction.outbox("events").save_event(OutboxEvent("paid", b"o-1"))
        assert await cloud.kv("orders").get("o-1") == "paid"
        assert await cloud.documents("rows").count("orders", {}) == 1
        assert len(await cloud.outbox("events").get_pending_unordered_events(10)) == 1
