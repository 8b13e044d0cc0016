"""The consumer loop over the memory broker, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from consumer_bench import FAIL, RETRY, SUCCESS, Bench, virtual

from omnicloud.contracts.messaging import (
    ConsumerState,
    Message,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.driver import Receive, Subscribe
from omnicloud.errors import PublishError
from omnicloud.memory.messaging import MemoryMessaging


@virtual
async def test_a_published_message_reaches_the_handler_whole(bench: Bench) -> None:
    bench.consume(bench.succeed)
    message_id = await bench.messaging.publish("t", b"\xff\0", key="k", headers={"A": "é"})
    await asyncio.sleep(1)
    (message,) = bench.seen
    assert (message.payload, message.key, message.headers) == (b"\xff\0", "k", {"A": "é"})
    assert (message.id, message.topic, message.attempt) == (message_id, "t", 1)
    assert (await bench.messaging.depth("t")).in_flight == 0


@virtual
async def test_retry_comes_back_and_success_ends_it(bench: Bench) -> None:
    outcomes = [RETRY, SUCCESS]

    async def handler(message: Message) -> ProcessingOutcome:
        bench.seen.append(message)
        message.headers["mine"] = "changed"
        return outcomes[len(bench.seen) - 1]

    bench.consume(handler, max_attempts=2)
    await bench.messaging.publish("t", b"x", headers={"a": "1"})
    await asyncio.sleep(5)
    assert [message.attempt for message in bench.seen] == [1, 2]
    assert await bench.dead() == []


@virtual
async def test_exhausted_retries_are_a_whole_dead_letter_with_its_reason(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        bench.seen.append(message)
        message.headers.clear()
        raise ValueError("the payload is secret")

    consumer = bench.consume(handler, max_attempts=3, group="g")
    await bench.messaging.publish("t", b"x", key="k", headers={"a": "1"})
    await asyncio.sleep(5)
    (letter,) = await bench.dead()
    assert len(bench.seen) == letter.attempts == 3
    assert (letter.payload, letter.key, letter.headers) == (b"x", "k", {"a": "1"})
    assert (letter.topic, letter.group) == ("t", "g")
    assert "ValueError" in letter.reason
    assert "secret" not in letter.reason
    assert consumer.health.retried == 2
    assert consumer.health.dead_lettered == 1


@virtual
async def test_a_message_whose_deliveries_all_end_without_an_outcome_is_given_up(
    bench: Bench,
) -> None:
    driver = MemoryMessaging(bench.store)
    await driver.subscribe(Subscribe("t", "default"))
    await bench.messaging.publish("t", b"poison")
    for _ in range(22):  # consumers that die with it
        lent = await driver.receive(Receive("t", "default", 1, lease=1.0))
        assert len(lent) == 1
        await asyncio.sleep(2)
    bench.consume(bench.succeed, max_attempts=2)
    await asyncio.sleep(1)
    assert not bench.seen
    (letter,) = await bench.dead()
    assert (letter.payload, letter.reason) == (
        b"poison",
        "too many deliveries ended without an outcome",
    )


@virtual
async def test_fail_is_a_dead_letter_at_once(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        bench.seen.append(message)
        return FAIL

    bench.consume(handler, max_attempts=5)
    await bench.messaging.publish("t", b"x")
    await asyncio.sleep(60)
    assert len(bench.seen) == 1
    assert [letter.attempts for letter in await bench.dead()] == [1]


@virtual
async def test_a_handler_that_returns_nothing_or_is_cancelled_from_inside_is_retried(
    bench: Bench,
) -> None:
    async def handler(message: Message) -> Any:
        bench.seen.append(message)
        if len(bench.seen) == 1:
            return None
        if len(bench.seen) == 2:
            raise asyncio.CancelledError
        return SUCCESS

    consumer = bench.consume(handler)
    await bench.messaging.publish("t", b"x")
    await asyncio.sleep(5)
    assert [message.attempt for message in bench.seen] == [1, 2, 3]
    assert consumer.health.healthy


@virtual
async def test_a_retrying_message_holds_its_own_key_and_no_other(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        bench.seen.append(message)
        return RETRY if message.payload == b"a1" and message.attempt < 3 else SUCCESS

    for name in ("a1", "a2", "b1", "b2"):
        await bench.messaging.publish("t", name.encode(), key=name[0])
    bench.consume(handler, concurrency=4, backoff=1.0)
    await asyncio.sleep(10)
    order = bench.payloads()
    assert [p for p in order if p[:1] == b"a"] == [b"a1", b"a1", b"a1", b"a2"]
    assert order.index(b"b2") < order.index(b"a2")
    assert [p for p in order if p[:1] == b"b"] == [b"b1", b"b2"]


@virtual
async def test_a_slow_key_does_not_block_the_others(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        if message.key == "slow":
            await asyncio.sleep(600)
        return await bench.succeed(message)

    bench.consume(handler, concurrency=2)
    for number in range(20):
        await bench.messaging.publish("t", b"s", key="slow")
        await bench.messaging.publish("t", b"%d" % number, key="fast")
    await asyncio.sleep(5)
    assert bench.payloads() == [b"%d" % number for number in range(20)]


@virtual
async def test_a_long_handler_keeps_its_message(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        await asyncio.sleep(100)
        return await bench.succeed(message)

    bench.consume(handler, lease=3.0)
    bench.consume(handler, lease=3.0)
    await bench.messaging.publish("t", b"x")
    await asyncio.sleep(400)
    assert len(bench.seen) == 1


@virtual
async def test_cancelling_lets_handlers_finish_and_gives_back_what_was_not_started(
    bench: Bench,
) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        await asyncio.sleep(5)
        return await bench.succeed(message)

    bench.consume(handler, prefetch=10, grace=10.0)
    for number in range(4):
        await bench.messaging.publish("t", b"%d" % number)
    await asyncio.sleep(1)
    (task,) = bench.tasks
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.payloads() == [b"0"]
    assert (await bench.messaging.depth("t")).ready == 3
    assert await bench.dead() == []
    bench.tasks.clear()
    bench.consume(bench.succeed)
    await asyncio.sleep(1)
    assert [(m.payload, m.attempt) for m in bench.seen[1:]] == [(b"1", 1), (b"2", 1), (b"3", 1)]


@virtual
async def test_a_handler_beyond_the_grace_is_cancelled_and_its_message_comes_back(
    bench: Bench,
) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        await asyncio.sleep(500)
        return await bench.succeed(message)

    consumer = bench.consume(handler, grace=2.0, lease=30.0)
    await bench.messaging.publish("t", b"x")
    await asyncio.sleep(1)
    started = bench.clock.monotonic()
    await bench.stop()
    assert bench.clock.monotonic() - started == pytest.approx(2.0, abs=0.1)
    assert consumer.health.state is ConsumerState.STOPPED
    assert await bench.dead() == []
    bench.consume(bench.succeed)
    await asyncio.sleep(60)
    assert [message.attempt for message in bench.seen] == [2]


@virtual
async def test_the_loop_survives_an_outage_and_says_so(bench: Bench) -> None:
    consumer = bench.consume(bench.succeed)
    await asyncio.sleep(1)
    bench.store.down = True
    bench.store.tell()
    await asyncio.sleep(30)
    assert consumer.health.state is ConsumerState.RECONNECTING
    assert consumer.health.last_error == "UnavailableError"
    with pytest.raises(PublishError):
        await bench.messaging.publish("t", b"lost")
    bench.store.down = False
    await bench.messaging.publish("t", b"after")
    await asyncio.sleep(10)
    assert bench.payloads() == [b"after"]
    assert consumer.health.healthy


@virtual
async def test_an_acknowledgement_during_an_outage_is_sent_again(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        bench.store.down = True
        asyncio.get_running_loop().call_later(3, setattr, bench.store, "down", False)
        return await bench.succeed(message)

    bench.consume(handler)
    await bench.messaging.publish("t", b"x")
    await asyncio.sleep(120)
    assert len(bench.seen) == 1


@virtual
async def test_closing_the_service_ends_its_consumers(bench: Bench) -> None:
    messaging = bench.client()
    task = asyncio.create_task(messaging.consume("t", bench.succeed))
    await asyncio.sleep(1)
    await messaging.aclose()
    await asyncio.wait_for(task, 60)
