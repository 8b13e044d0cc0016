"""What the Open Omni-Cloud standard asks of outboxes and saga states, restated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.sagas import SagaState, SagaStates, SagaStepHistory
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SagaStateConflictError
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore
from omnicloud_local.certify import Alone
from omnicloud_local.config import LocalConfig
from omnicloud_local.outbox import open_outbox
from omnicloud_local.sagas import open_sagas


@pytest.fixture(params=["memory", "local"])
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    if request.param == "memory":
        yield Outbox(Pipeline(MemoryOutbox(MemoryStore())))
        return
    opening = Alone()
    yield Outbox(Pipeline(await open_outbox(LocalConfig(path=tmp_path), opening)))
    await opening.aclose()


@pytest.fixture(params=["memory", "local"])
async def states(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SagaStates]:
    if request.param == "memory":
        yield SagaStates(Pipeline(MemorySagas(MemoryStore())))
        return
    opening = Alone()
    yield SagaStates(Pipeline(await open_sagas(LocalConfig(path=tmp_path), opening)))
    await opening.aclose()


async def test_an_unordered_event_is_pending_until_it_is_processed(outbox: Outbox) -> None:
    await outbox.save_event(OutboxEvent("topic", b"payload", message_key="k"))
    (event,) = await outbox.get_pending_unordered_events(10)
    assert (event["payload"], event["destination_topic"]) == (b"payload", "topic")
    await outbox.mark_as_processed(event)
    await outbox.mark_as_processed(event)
    assert await outbox.get_pending_unordered_events(10) == []


async def test_aggregates_are_numbered_and_ordered_for_themselves(outbox: Outbox) -> None:
    for number in range(3):
        for key in ("a", "b"):
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key=key))
    assert set(await outbox.get_pending_aggregate_keys()) == {"a", "b"}
    for key in ("a", "b"):
        events = await outbox.get_pending_events_for_aggregate(key)
        assert [event["sequence_id"] for event in events] == [1, 2, 3]
        assert [event["payload"] for event in events] == [b"0", b"1", b"2"]
    assert await outbox.get_pending_unordered_events(10) == []


async def test_a_saga_is_created_with_version_1_and_updated_to_2(states: SagaStates) -> None:
    history = [SagaStepHistory("reserve", "DONE")]
    await states.create_state(SagaState("s", "RUNNING", "reserve", history, {"n": 1}, 0))
    state = await states.get_state("s")
    assert state == SagaState("s", "RUNNING", "reserve", history, {"n": 1}, 1)
    await states.update_state(state._replace(status="COMPLETED", payload={"n": 2}))
    changed = await states.get_state("s")
    assert changed is not None
    assert (changed.version, changed.status, changed.payload) == (2, "COMPLETED", {"n": 2})


async def test_a_stale_version_conflicts_and_writes_nothing(states: SagaStates) -> None:
    await states.create_state(SagaState("s", "RUNNING", None, [], {}, 0))
    await states.update_state(SagaState("s", "RUNNING", "two", [], {"kept": True}, 1))
    with pytest.raises(SagaStateConflictError):
        await states.update_state(SagaState("s", "LOST", "two", [], {}, 1))
    state = await states.get_state("s")
    assert state is not None
    assert (state.version, state.payload) == (2, {"kept": True})
    assert await states.get_state("missing") is None
