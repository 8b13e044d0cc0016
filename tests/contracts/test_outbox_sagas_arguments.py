"""What outbox and saga states refuse before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from omnicloud.contracts.outbox import Outbox, OutboxEvent, Relay
from omnicloud.contracts.sagas import SagaEngine, SagaState, SagaStates, SagaStepHistory, step
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, UnavailableError
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore


def _state(**changes: Any) -> SagaState:
    return SagaState("s", "RUNNING", None, [], {}, 0)._replace(**changes)


@pytest.mark.parametrize(
    "event",
    [
        OutboxEvent("", b"x"),
        OutboxEvent("t", "text"),  # type: ignore[arg-type]  # on purpose
        OutboxEvent("t", b"x", message_key=""),
        OutboxEvent("t", b"x", aggregate_key="a" * 1025),
        OutboxEvent("t", b"x" * ((16 << 20) + 1)),
    ],
)
async def test_a_wrong_event_is_refused(event: OutboxEvent) -> None:
    store = MemoryStore()
    store.down = True
    with pytest.raises(InvalidArgumentError):
        await Outbox(Pipeline(MemoryOutbox(store))).save_event(event)


@pytest.mark.parametrize("limit", [0, -1, 10_001, True, 1.5])
async def test_a_wrong_limit_is_refused(limit: Any) -> None:
    outbox = Outbox(Pipeline(MemoryOutbox(MemoryStore())))
    with pytest.raises(InvalidArgumentError):
        await outbox.get_pending_unordered_events(limit)


async def test_anything_with_an_events_attributes_is_an_event() -> None:
    class Mine:
        destination_topic = "t"
        payload = b"x"
        message_key = None
        aggregate_key = "a"

    outbox = Outbox(Pipeline(MemoryOutbox(MemoryStore())))
    event_id = await outbox.save_event(Mine())
    (event,) = await outbox.get_pending_events_for_aggregate("a")
    assert event["event_id"] == event_id
    await outbox.mark_as_processed(event_id)
    assert (await outbox.lag()).pending == 0


_DEEP: dict[str, Any] = {}
for _ in range(200):
    _DEEP = {"d": _DEEP}


@pytest.mark.parametrize(
    "state",
    [
        _state(saga_id=""),
        _state(status=""),
        _state(current_step=1.5),
        _state(current_step=1 << 63),
        _state(version="1"),
        _state(payload=[]),
        _state(payload={"x": b"bytes"}),
        _state(payload={"x": math.nan}),
        _state(payload={1: "x"}),
        _state(payload={"x": "\ud800"}),
        _state(payload=_DEEP),
        _state(history=[SagaStepHistory("", "DONE")]),
    ],
)
async def test_a_wrong_state_is_refused(state: SagaState) -> None:
    store = MemoryStore()
    store.down = True
    states = SagaStates(Pipeline(MemorySagas(store)))
    for call in (states.create_state, states.update_state):
        with pytest.raises(InvalidArgumentError):
            await call(state)
    with pytest.raises(UnavailableError):
        await states.create_state(_state())


async def _nothing(_: object) -> None: ...


@pytest.mark.parametrize(
    "make",
    [
        lambda: step(_nothing, retries=-1),
        lambda: step(_nothing, timeout=0),
        lambda: step(_nothing, name="x" * 1025),
        lambda: SagaEngine(SagaStates(Pipeline(MemorySagas(MemoryStore()))), [], concurrency=0),
        lambda: SagaEngine(SagaStates(Pipeline(MemorySagas(MemoryStore()))), [], lease=0),
        lambda: Relay(Outbox(Pipeline(MemoryOutbox(MemoryStore()))), _nothing, batch=0),  # type: ignore[arg-type]
        lambda: Relay(Outbox(Pipeline(MemoryOutbox(MemoryStore()))), _nothing, lease=0),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_engine_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgumentError):
        make()
