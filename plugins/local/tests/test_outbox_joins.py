"""A business write and its event in one transaction of the embedded default."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnicloud.cloud import CloudTransaction, OmniCloud
from omnicloud.contracts.outbox import OutboxEvent
from omnicloud.contracts.outbox.driver import Claim
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud_tck.joint import check_joint


async def _write(tx: CloudTransaction, value: str, *, fails: bool = False) -> None:
    await tx.kv("orders").set("o-1", value)
    await tx.outbox("events").save_event(OutboxEvent("orders", value.encode(), aggregate_key="o-1"))
    if fails:
        raise ArithmeticError


async def _failing(cloud: OmniCloud) -> None:
    async with cloud.transaction() as tx:
        await _write(tx, "lost", fails=True)


async def test_the_write_and_its_event_happen_together_or_not_at_all(tmp_path: Path) -> None:
    services = {
        name: {"contract": contract, "provider": "local", "path": str(tmp_path)}
        for name, contract in (("orders", "kv"), ("events", "outbox"))
    }
    async with OmniCloud({"services": services}) as cloud:
        async with cloud.transaction() as tx:
            await _write(tx, "placed")
        with pytest.raises(ArithmeticError):
            await _failing(cloud)
        async with cloud.transaction() as tx:
            await _write(tx, "paid")
        events = await cloud.outbox("events").get_pending_events_for_aggregate("o-1")
        found = [(event["sequence_id"], event["payload"]) for event in events]
        assert found == [(1, b"placed"), (2, b"paid")]
        assert await cloud.kv("orders").get("o-1") == "paid"


async def test_a_claim_that_waits_wakes_neither_itself_nor_others(tmp_path: Path) -> None:
    service = {"contract": "outbox", "provider": "local", "path": str(tmp_path)}
    async with OmniCloud({"services": {"events": service}}) as cloud:
        outbox = cloud.outbox("events")
        driver = outbox.pipeline.driver
        claim = Claim(SPACE, "relay", 10, 0.2, 30.0)
        before = driver._database.mark()
        assert await driver.claim(claim) == ()
        assert not before.signal.is_set()
        await outbox.save_event(OutboxEvent("orders", b"placed"))
        assert before.signal.is_set()


async def test_kv_documents_and_outbox_share_a_transaction_whichever_begins_it(
    tmp_path: Path,
) -> None:
    services = {
        contract: {"contract": contract, "provider": "local", "path": str(tmp_path)}
        for contract in ("kv", "documents", "outbox")
    }
    async with OmniCloud({"services": services}) as cloud:
        kv, documents, outbox = cloud.kv("kv"), cloud.documents("documents"), cloud.outbox("outbox")
        await check_joint(kv, documents, outbox)
