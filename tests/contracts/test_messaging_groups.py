"""What consumers are given: groups, delays, ids, what is redriven, refused and sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from consumer_bench import FAIL, SUCCESS, Bench, virtual

from omnicloud.contracts.messaging import (
    Message,
    Messaging,
    MessagingFeature,
    ProcessingOutcome,
)
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CorruptedError, InvalidArgumentError, UnsupportedError
from omnicloud.memory.messaging import MemoryMessaging


@virtual
async def test_groups_share_and_each_group_gets_all(bench: Bench) -> None:
    hits: dict[str, list[bytes]] = {"one": [], "two": []}

    def of(group: str) -> Callable[[Message], Awaitable[ProcessingOutcome]]:
        async def handler(message: Message) -> ProcessingOutcome:
            hits[group].append(message.payload)
            return SUCCESS

        return handler

    for group in ("one", "one", "two"):
        bench.consume(of(group), group=group)
    for number in range(30):
        await bench.messaging.publish("t", b"%d" % number)
    await asyncio.sleep(1)
    assert sorted(hits["one"]) == sorted(hits["two"]) == sorted(b"%d" % n for n in range(30))


@virtual
async def test_redrive_and_replay_and_cancel(bench: Bench) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        bench.seen.append(message)
        return FAIL if len(bench.seen) == 1 else SUCCESS

    bench.consume(handler)
    start = bench.clock.wall()
    await bench.messaging.publish("t", b"x", key="k")
    await asyncio.sleep(1)
    assert await bench.messaging.redrive("t") == 1
    assert await bench.messaging.redrive("t") == 0
    await asyncio.sleep(1)
    assert [(m.payload, m.attempt) for m in bench.seen] == [(b"x", 1), (b"x", 1)]
    assert await bench.messaging.replay("t", since=start) == 1
    await asyncio.sleep(1)
    assert len(bench.seen) == 3
    late = await bench.messaging.publish("t", b"never", delay_seconds=10)
    assert await bench.messaging.cancel("t", late) is True
    assert await bench.messaging.cancel("t", late) is False
    await asyncio.sleep(20)
    assert len(bench.seen) == 3


@virtual
async def test_a_delay_is_never_early_and_hardly_late(bench: Bench) -> None:
    came: dict[bytes, float] = {}

    async def handler(message: Message) -> ProcessingOutcome:
        came[message.payload] = bench.clock.monotonic()
        return SUCCESS

    bench.consume(handler)
    start = bench.clock.monotonic()
    for delay in (2.9, 0.5, 0, 86400, 7 * 86400):
        await bench.messaging.publish("t", str(delay).encode(), delay_seconds=delay)
    bench.clock.step_wall(-5000)
    await asyncio.sleep(3000)
    for payload in (b"2.9", b"0.5", b"0"):
        assert float(payload) <= came[payload] - start <= float(payload) + 0.05
    assert len(came) == 3


@virtual
async def test_a_message_id_is_delivered_once(bench: Bench) -> None:
    bench.consume(bench.succeed)
    for _ in range(3):
        assert await bench.messaging.publish("t", b"x", message_id="one") == "one"
    batch = [Message(b"y", id="two"), Message(b"x", id="one")]
    await bench.messaging.publish_many("t", batch)
    await asyncio.sleep(1)
    assert bench.payloads() == [b"x", b"y"]


class Plain(MemoryMessaging):
    """Declares nothing."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()


@virtual
async def test_what_is_not_declared_is_refused(bench: Bench) -> None:
    plain = Messaging(Pipeline(Plain(bench.store)), bench.clock)
    for call in (
        plain.publish("t", b"x", message_id="one"),
        plain.publish("t", b"x", delay_seconds=0),
        plain.publish_many("t", [Message(b"x"), Message(b"y")]),
        plain.cancel("t", "one"),
        plain.replay("t", since=0),
    ):
        with pytest.raises(UnsupportedError):
            await call


@virtual
async def test_bad_arguments_are_refused_before_anything_is_sent(bench: Bench) -> None:
    bench.store.down = True
    messaging = bench.messaging
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: messaging.publish("", b"x"),
        lambda: messaging.publish("t", "text"),  # type: ignore[arg-type]  # on purpose
        lambda: messaging.publish("t", b"x", key=""),
        lambda: messaging.publish("t", b"x", headers={"a": 1}),  # type: ignore[dict-item]  # so
        lambda: messaging.publish("t", b"x", headers={"omnicloud-a": "1"}),
        lambda: messaging.publish("t", b"x", delay_seconds=-1),
        lambda: messaging.publish("t", b"x", delay_seconds=8 * 86400),
        lambda: messaging.publish("t", b"x" * ((16 << 20) + 1)),
        lambda: messaging.publish_many("t", [Message(b"x"), Message(b"x", id="i")]),
        lambda: messaging.consume("t", bench.succeed, concurrency=0),
        lambda: messaging.consume("t", bench.succeed, max_attempts=0),
        lambda: messaging.consume("t", bench.succeed, lease=0),
        lambda: messaging.replay("t", since=float("nan")),
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError):
            await call()


class Locked:
    """A layer whose seal opens nothing but what says so."""

    async def handle(self, call: Any, proceed: Any) -> Any:
        return call.op.unsealed(await proceed(call), self)

    @property
    def overhead(self) -> int:
        return 0

    def close(self, payload: bytes, bound_to: str) -> bytes:
        return payload

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        if sealed == b"damaged":
            raise CorruptedError("changed")
        return sealed


@virtual
async def test_a_payload_that_does_not_open_is_a_dead_letter_and_holds_up_no_other(
    bench: Bench,
) -> None:
    sealed = Messaging(Pipeline(MemoryMessaging(bench.store), [Locked()]), bench.clock)
    for payload in (b"damaged", b"fine"):
        await bench.messaging.publish("t", payload, key="k")
    bench.tasks.append(asyncio.create_task(sealed.consume("t", bench.succeed)))
    await asyncio.sleep(1)
    assert bench.payloads() == [b"fine"]
    (letter,) = [letter async for letter in sealed.dead_letters("t")]
    assert letter.damaged
    assert letter.payload == b""
    assert letter.reason == "the payload could not be opened"
    assert [whole.payload for whole in await bench.dead()] == [b"damaged"]


@virtual
async def test_a_group_that_subscribed_gets_what_was_published_before_its_first_consumer(
    bench: Bench,
) -> None:
    await bench.messaging.subscribe("t", "early")
    await bench.messaging.subscribe("t", "early")
    await bench.messaging.publish("t", b"first")
    assert (await bench.messaging.depth("t", "early")).ready == 1
    bench.consume(bench.succeed, group="early")
    await asyncio.sleep(1)
    assert bench.payloads() == [b"first"]


@virtual
async def test_what_is_forwarded_twice_is_delivered_once_or_twice_by_its_id(bench: Bench) -> None:
    bench.consume(bench.succeed)
    for _ in range(2):
        await bench.messaging.forward("t", b"event", "k", {"a": "b"}, message_id="e-1")
    await asyncio.sleep(1)
    (message,) = bench.seen
    assert (message.id, message.key, message.headers) == ("e-1", "k", {"a": "b"})


@virtual
async def test_a_broker_without_dedupe_takes_forwarded_messages_and_says_no_to_ids(
    bench: Bench,
) -> None:
    class Plain(MemoryMessaging):
        @property
        def features(self) -> frozenset[Feature]:
            return super().features - {MessagingFeature.DEDUPE}

    plain = Messaging(Pipeline(Plain(bench.store)), bench.clock)
    bench.consume(bench.succeed)
    with pytest.raises(UnsupportedError):
        await plain.publish("t", b"event", message_id="e-1")
    for _ in range(2):
        await plain.forward("t", b"event", message_id="e-1")
    await asyncio.sleep(1)
    assert {message.id for message in bench.seen} == {"e-1"}
