"""The outbox and its relay over memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from omnicloud.contracts.kv import KV
from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.outbox import Outbox, OutboxEvent, Relay
from omnicloud.contracts.outbox.driver import Fail, Keep, ListEvents
from omnicloud.contracts.outbox.models import EventStatus
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.core.backoff import Backoff
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, PublishError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual

QUICK = Backoff(0.1, 0.4, 0.0)


class Bench:
    """An outbox, and a publisher that notes what it is given."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.outbox = Outbox(Pipeline(MemoryOutbox(self.store)))
        self.published: list[tuple[bytes, str | None, str]] = []
        self.fails: Callable[[bytes], Exception | None] = lambda _: None

    async def publish(
        self, topic: str, payload: bytes, /, *, key: str | None, headers: Any, message_id: str
    ) -> None:
        await asyncio.sleep(0.001)
        error = self.fails(payload)
        if error is not None:
            raise error
        assert headers == {"outbox-event-id": message_id}
        self.published.append((payload, key, message_id))

    def relay(self, **options: Any) -> Relay:
        given = {"backoff": QUICK, **options}
        return Relay(self.outbox, self.publish, clock=self.clock, **given)

    def payloads(self) -> list[bytes]:
        return [payload for payload, _, _ in self.published]


async def _relaying(relay: Relay, seconds: float) -> None:
    task = asyncio.create_task(relay.run())
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _failing_transaction(outbox: Outbox) -> None:
    async with outbox.transaction() as events:
        await events.save_event(OutboxEvent("t", b"lost", aggregate_key="order"))
        raise ArithmeticError


def test_the_business_write_and_its_event_happen_together_or_not_at_all() -> None:
    async def main() -> None:
        bench = Bench()
        kv = KV(Pipeline(MemoryKV(bench.store)), TEXT)
        async with kv.transaction() as inside:
            transaction = inside.pipeline.driver._transaction  # type: ignore[attr-defined]  # memory
            await inside.set("order", "paid")
            await bench.outbox.within(transaction).save_event(
                OutboxEvent("t", b"1", aggregate_key="order")
            )
        with pytest.raises(ArithmeticError):
            await _failing_transaction(bench.outbox)
        await bench.outbox.save_event(OutboxEvent("t", b"2", aggregate_key="order"))
        found = await bench.outbox.get_pending_events_for_aggregate("order")
        assert [(e["sequence_id"], e["payload"]) for e in found] == [(1, b"1"), (2, b"2")]
        assert await kv.get("order") == "paid"
        with pytest.raises(InvalidArgumentError):
            bench.outbox.within(object())

    run_virtual(main())


def test_a_new_event_is_published_at_once_and_many_do_not_wait_for_polls() -> None:
    async def main() -> None:
        bench = Bench()
        task = asyncio.create_task(bench.relay().run())
        await asyncio.sleep(100)
        for number in range(3000):
            await bench.outbox.save_event(OutboxEvent("t", b"%d" % number))
        await asyncio.sleep(0.5)
        assert len(bench.published) == 3000
        task.cancel()
        await asyncio.wait({task})
        assert (await bench.outbox.lag()).pending == 0

    run_virtual(main())


def test_an_aggregate_waits_for_its_failed_event_and_the_others_do_not() -> None:
    async def main() -> None:
        bench = Bench()
        tries = 0

        def fails(payload: bytes) -> Exception | None:
            nonlocal tries
            tries += payload == b"a0"
            return ValueError() if payload == b"a0" and tries < 3 else None

        bench.fails = fails
        for payload, key in ((b"a0", "a"), (b"a1", "a"), (b"b0", "b"), (b"x", None)):
            await bench.outbox.save_event(OutboxEvent("t", payload, None, key))
        await _relaying(bench.relay(), 5)
        order = bench.payloads()
        assert sorted(order[:2]) == [b"b0", b"x"]
        assert order[2:] == [b"a0", b"a1"]
        assert (bench.published[2][1], bench.published[3][1]) == ("a", "a")

    run_virtual(main())


def test_poison_is_parked_and_goes_on_when_requeued_or_skipped() -> None:
    async def main() -> None:
        bench = Bench()
        bench.fails = lambda payload: ValueError() if payload.startswith(b"bad") else None
        for payload, key in ((b"bad", "a"), (b"a1", "a"), (b"bad too", None), (b"fine", None)):
            await bench.outbox.save_event(OutboxEvent("t", payload, None, key))
        relay = bench.relay(max_attempts=3)
        await _relaying(relay, 10)
        assert bench.payloads() == [b"fine"]
        assert relay.health.parked == 2
        first, second = [event async for event in bench.outbox.parked()]
        assert (first["payload"], first["attempts"]) == (b"bad", 3)
        await bench.outbox.mark_as_processed(second)
        bench.fails = lambda _: None
        assert await bench.outbox.requeue(first["event_id"]) is True
        await _relaying(bench.relay(), 5)
        assert bench.payloads() == [b"fine", b"bad", b"a1"]

    run_virtual(main())


class SlowToAnswer(MemoryOutbox):
    """Does at once what became of a claim, and answers late."""

    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        await asyncio.sleep(0.3)

    async def keep(self, op: Keep, /) -> None:
        await super().keep(op)
        await asyncio.sleep(0.3)


def test_what_is_claimed_again_before_the_failure_is_answered_is_tried_again() -> None:
    async def main() -> None:
        bench, tried = Bench(), list[bytes]()
        bench.outbox = Outbox(Pipeline(SlowToAnswer(bench.store)))

        def fails(payload: bytes) -> Exception | None:
            tried.append(payload)
            return ValueError("on purpose") if payload == b"bad" else None

        bench.fails = fails
        for payload in (b"bad", b"behind"):
            await bench.outbox.save_event(OutboxEvent("t", payload, aggregate_key="one"))
        await _relaying(bench.relay(max_attempts=3, lease=300.0), 5.0)
        assert tried == [b"bad"] * 3
        assert (await bench.outbox.lag()).parked == 1

    run_virtual(main())


def test_a_broker_that_is_away_parks_nothing() -> None:
    async def main() -> None:
        bench = Bench()
        away = True
        bench.fails = lambda _: PublishError("away") if away else None
        for number in range(20):
            await bench.outbox.save_event(OutboxEvent("t", b"%d" % number))
        relay = bench.relay(max_attempts=3)
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(600)
        assert relay.health.parked == 0
        assert relay.health.last_error == "PublishError"
        away = False
        await asyncio.sleep(5)
        assert len(bench.published) == 20
        task.cancel()
        await asyncio.wait({task})

    run_virtual(main())


def test_a_broker_that_was_away_for_long_is_soon_found_to_be_back() -> None:
    async def main() -> None:
        bench = Bench()
        away = True
        bench.fails = lambda _: PublishError("away") if away else None
        for number in range(20):
            await bench.outbox.save_event(OutboxEvent("t", b"%d" % number))
        task = asyncio.create_task(bench.relay(backoff=Backoff()).run())
        await asyncio.sleep(600)
        away = False
        await asyncio.sleep(12)
        assert len(bench.published) == 20
        task.cancel()
        await asyncio.wait({task})

    run_virtual(main())


def test_a_store_that_is_away_is_waited_out() -> None:
    async def main() -> None:
        bench = Bench()
        relay = bench.relay()
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(1)
        bench.store.down = True
        bench.store.tell()
        await asyncio.sleep(100)
        assert not relay.health.running
        bench.store.down = False
        await bench.outbox.save_event(OutboxEvent("t", b"x"))
        await asyncio.sleep(10)
        assert bench.payloads() == [b"x"]
        task.cancel()
        await asyncio.wait({task})

    run_virtual(main())


def test_what_a_killed_relay_published_is_told_by_its_id_when_it_comes_again() -> None:
    async def main() -> None:
        bench = Bench()
        messaging = Messaging(Pipeline(MemoryMessaging(bench.store)), bench.clock)
        await bench.outbox.save_event(OutboxEvent("t", b"x"))
        (event,) = await bench.outbox.get_pending_unordered_events(1)
        await messaging.publish("t", b"x", message_id=event["event_id"])  # and died unmarked
        await _relaying(Relay(bench.outbox, messaging.publish, clock=bench.clock), 2)
        assert (await bench.outbox.lag()).pending == 0
        assert await messaging.replay("t", since=0) == 0
        assert (await messaging.depth("t")).ready == 1

    run_virtual(main())


def test_cancelling_finishes_what_is_published_and_gives_the_rest_free() -> None:
    async def main() -> None:
        bench = Bench()

        async def slow(topic: str, payload: bytes, /, **_: Any) -> None:
            await asyncio.sleep(1)
            bench.published.append((payload, None, ""))

        for number in range(4):
            await bench.outbox.save_event(OutboxEvent("t", b"%d" % number, None, "a"))
        await _relaying(Relay(bench.outbox, slow, clock=bench.clock), 1.5)
        assert bench.payloads() == [b"0", b"1"]
        await _relaying(bench.relay(), 1)
        assert bench.payloads() == [b"0", b"1", b"2", b"3"]

    run_virtual(main())


async def test_a_list_goes_on_behind_what_has_left_it_meanwhile() -> None:
    bench = Bench()
    for number in range(4):
        await bench.outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="a"))
    ask = ListEvents(SPACE, EventStatus.PENDING, "a", limit=2)
    page = await bench.outbox.pipeline.send(ask)
    await bench.outbox.mark_as_processed(page[-1].event_id)
    rest = await bench.outbox.pipeline.send(replace(ask, after=page[-1].event_id))
    assert [one.payload for one in (*page, *rest)] == [b"0", b"1", b"2", b"3"]
