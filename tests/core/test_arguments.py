"""Arguments of the wrong kind: refused by name, before anything is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from omnicloud import (
    InvalidArgumentError,
    Message,
    OmniCloud,
    OutboxEvent,
    ProcessingOutcome,
    Relay,
    Saga,
    SagaEngine,
    StepContext,
    acting_as,
    step,
)
from omnicloud.core.context import current
from omnicloud.errors import ClosedError, SagaFailedError

_WRONG: Any = print
_TEXT: Any = "3"
_TYPE: Any = 3
MEMORY = {"defaults": {"provider": "memory"}}


async def _nothing(_: object) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda c: c.kv("k").delete_many("abc"), "give a list, also of a single key"),
        (lambda c: c.kv("k").get_many(None), "keys must be a collection"),
        (lambda c: anext(c.kv("k").scan(page_size=1.5)), "page_size is 1.5, it must be an int"),
        (lambda c: anext(c.objects("o").list(page_size="3")), "page_size is '3'"),
        (lambda c: c.documents("d").find_many("a", limit="3"), "limit is '3'"),
        (lambda c: c.documents("d").update_one("a", {}, {"n": 1}), r'write {"\$set"'),
        (lambda c: c.iam("i").is_allowed("u", "a", "r", groups="staff"), "groups must be a coll"),
        (lambda c: c.kv("k").set_many("abc"), "items must be a mapping, not str"),
        (lambda c: c.documents("d").find_many("a", sort=3), "sort must be a collection"),
        (lambda c: c.documents("d").create_index("a", None), "fields must be a collection"),
        (lambda c: c.sagas("s").create_state({}), "a state must have saga_id"),
        (lambda c: c.cache("c").get_or_load("k", 3), "loader must be an async function"),
        (lambda c: c.cache("c").get_or_load("k", lambda: 3), "loader is not async"),
        (lambda c: c.messaging("m").publish_many("t", [b"x"]), "messages must all be Message"),
        (lambda c: c.messaging("m").publish_many("t", None), "must be a collection of Message"),
        (lambda c: c.messaging("m").publish("t", "text"), r"the payload must be bytes.*encode\(\)"),
        (lambda c: c.messaging("m").redrive("t", ids="abc"), "ids must be a collection"),
        (lambda c: c.outbox("e").save_event({}), "an event must have destination_topic"),
        (lambda c: c.outbox("e").mark_as_processed({}), "a stored event or its event_id"),
    ],
)
async def test_a_wrong_argument_is_told_by_its_name(
    asked: Callable[[Any], Awaitable[object]], told: str
) -> None:
    async with OmniCloud(MEMORY) as cloud:
        with pytest.raises(InvalidArgumentError, match=told):
            await asked(cloud)


async def test_a_type_that_cannot_be_written_is_refused_where_it_is_named() -> None:
    async with OmniCloud(MEMORY) as cloud:
        with pytest.raises(InvalidArgumentError, match="3 is no type that can be written"):
            cloud.kv("k", _TYPE)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda c: c.for_tenant(None), "tenant must be text, not NoneType"),
        (lambda c: Relay(c, c.messaging("m").forward), r'outbox must be an Outbox.*"events"'),
        (lambda c: Relay(c.outbox("e"), c.messaging("m")), "forward"),
        (lambda c: Relay(c.outbox("e"), _WRONG, batch=_TEXT), "batch is '3'"),
        (lambda c: Relay(c.outbox("e"), _WRONG, backoff=_TEXT), "backoff must be seconds"),
        (lambda _: step(_TEXT), "action must be an async function"),
        (lambda _: step(_nothing, _TEXT), "compensation must be an async function"),
        (lambda _: step(_nothing, backoff=-1), "backoff is -1"),
        (lambda _: step(_nothing, give_up_on=_TEXT), "types of errors"),
        (lambda _: Saga("x", [_WRONG]), "there is a builtin_function_or_method; Saga"),
        (lambda _: Saga("x", _TEXT), "there is a str"),
        (lambda c: SagaEngine(c, []), "states must be SagaStates"),
        (lambda c: SagaEngine(c.sagas("s"), [_WRONG]), "a list of Saga"),
        (lambda c: SagaEngine(c.sagas("s"), [], concurrency=_TEXT), "concurrency is '3'"),
    ],
)
async def test_a_wrong_worker_is_refused_when_it_is_made(
    made: Callable[[Any], object], told: str
) -> None:
    async with OmniCloud(MEMORY) as cloud:
        with pytest.raises(InvalidArgumentError, match=told):
            made(cloud)


@pytest.mark.parametrize("groups", ["staff", None, 3, [3], [""]])
def test_groups_that_are_no_collection_of_texts_never_act(groups: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="group"), acting_as("user:a", groups=groups):
        pytest.fail("the block ran")  # pragma: no cover


@pytest.mark.parametrize("tags", ["staff", 3, {"a": 3}])
def test_tags_that_are_no_texts_never_act(tags: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="tags"), acting_as("user:a", tags=tags):
        pytest.fail("the block ran")  # pragma: no cover


def test_groups_may_be_any_collection() -> None:
    groups = ["staff"]
    with acting_as("user:a", groups=groups):
        groups.append("root")
        assert current().groups == frozenset({"staff"})


async def test_seconds_are_a_back_off_of_relays_and_steps_as_of_consumers() -> None:
    assert step(_nothing, backoff=2).backoff.after(5) == 2.0
    async with OmniCloud(MEMORY) as cloud:
        Relay(cloud.outbox("e"), cloud.messaging("m").forward, backoff=2)


async def test_a_handler_that_is_not_async_is_told_of_and_keeps_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handled = asyncio.Event()

    def handle(_: Message) -> ProcessingOutcome:
        handled.set()
        return ProcessingOutcome.SUCCESS

    async with OmniCloud(MEMORY) as cloud:
        mail = cloud.messaging("mail")
        await mail.subscribe("t")
        await mail.publish("t", b"payload of a customer")
        not_async: Any = handle
        task = asyncio.create_task(mail.consume("t", not_async, max_attempts=1))
        await handled.wait()
        task.cancel()  # it ends after what it has begun
        await asyncio.wait({task})
        assert [one.payload async for one in mail.dead_letters("t")] == [b"payload of a customer"]
    assert "the handler of a message raised InvalidArgumentError (the handler is not async" in (
        caplog.text
    )
    assert "customer" not in caplog.text


async def test_a_step_that_raises_is_logged_with_its_place_and_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def charge(_: StepContext) -> None:
        await asyncio.sleep(0)
        raise ValueError("4111 1111 1111 1111")

    async with OmniCloud(MEMORY) as cloud:
        engine = SagaEngine(cloud.sagas("s"), [Saga("order", [step(charge, retries=0)])])
        with caplog.at_level(logging.WARNING), pytest.raises(SagaFailedError):
            await engine.execute("order", {})
    assert "step charge of a saga raised ValueError at " in caplog.text
    assert f"{Path(__file__).name}:" in caplog.text
    assert "4111" not in caplog.text


async def test_a_worker_of_a_closed_cloud_does_not_end_as_if_it_had_worked() -> None:
    async with OmniCloud(MEMORY) as cloud:
        mail, events, sagas = cloud.messaging("m"), cloud.outbox("e"), cloud.sagas("s")
        await events.save_event(OutboxEvent("t", b"x"))
    with pytest.raises(ClosedError):
        await mail.consume("t", _WRONG)
    with pytest.raises(ClosedError):
        await Relay(events, mail.forward).run()
    with pytest.raises(ClosedError):
        await SagaEngine(sagas, []).resume_pending()
