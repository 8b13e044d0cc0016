"""The consumer loop over the memory broker, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from omnicloud.contracts.messaging import (
    Consumer,
    ConsumerState,
    Message,
    Messaging,
    MessagingFeature,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.driver import Receive, Subscribe
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CorruptedError, InvalidArgumentError, PublishError, UnsupportedError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual

SUCCESS, RETRY, FAIL = ProcessingOutcome.SUCCESS, ProcessingOutcome.RETRY, ProcessingOutcome.FAIL


class Bench:
    """A broker, a client, and consumers that are cancelled at the end."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.messaging = self.client()
        self.tasks: list[asyncio.Task[None]] = []
        self.seen: list[Message] = []

    def client(self) -> Messaging:
        return Messaging(Pipeline(MemoryMessaging(self.store)), self.clock)

    def consume(self, handler: Callable[[Message], Awaitable[Any]], **options: Any) -> Consumer:
        consumer = self.client().consumer("t", handler, **{"backoff": 0.1, **options})
        self.tasks.append(asyncio.create_task(consumer.run()))
        return consumer

    async def succeed(self, message: Message) -> ProcessingOutcome:
        self.seen.append(message)
        return SUCCESS

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.seen]

    async def dead(self) -> list[Any]:
        return [letter async for letter in self.messaging.dead_letters("t")]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()


def virtual(test: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in virtual time with a bench of its own."""

    async def main() -> None:
        bench = Bench()
        try:
            async with asyncio.timeout(3600):
                await test(bench)
        finally:
            await bench.stop()

    def run() -> None:
        run_virtual(main())

    run.__name__ = test.__name__
    return run


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
