"""What the Open Omni-Cloud standard asks of outboxes, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.outbox import Outbox, OutboxEvent


@pytest.fixture
def outbox(cloud: OmniCloud) -> Outbox:
    return cloud.outbox("events")


async def test_an_unordered_event_is_pending_until_it_is_processed(outbox: Outbox) -> None:
    given = OutboxEvent("topic", b"payload", message_key="k")
    await outbox.save_event(given)
    (event,) = await outbox.get_pending_unordered_events(limit=10)
    assert (event["payload"], event["destination_topic"]) == (b"payload", "topic")
    await outbox.mark_as_processed(event)
    assert await outbox.get_pending_unordered_events(limit=10) == []
    await outbox.mark_as_processed(event)
    assert await outbox.get_pending_unordered_events(limit=10) == []


async def test_aggregates_are_numbered_and_ordered_for_themselves(outbox: Outbox) -> None:
    for number in range(3):
        for key in ("a", "b"):
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key=key))
    for key in ("a", "b"):
        events = await outbox.get_pending_events_for_aggregate(key)
        assert [event["sequence_id"] for event in events] == [1, 2, 3]
        assert [event["payload"] for event in events] == [b"0", b"1", b"2"]


async def test_the_aggregates_that_have_pending_events_are_told(outbox: Outbox) -> None:
    for event in (
        OutboxEvent("t", b"a1", aggregate_key="a"),
        OutboxEvent("t", b"b1", aggregate_key="b"),
        OutboxEvent("t", b"u1"),
    ):
        await outbox.save_event(event)
    assert sorted(await outbox.get_pending_aggregate_keys()) == ["a", "b"]
    (unordered,) = await outbox.get_pending_unordered_events(limit=10)
    assert unordered["payload"] == b"u1"
