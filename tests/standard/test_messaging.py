"""What the Open Omni-Cloud standard asks of producers and consumers, restated."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from omnicloud.contracts.messaging import DeadLetter, Message, Messaging, ProcessingOutcome
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import PublishError
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.store import MemoryStore
from omnicloud_local.certify import Alone
from omnicloud_local.config import LocalConfig
from omnicloud_local.messaging import open_messaging

Start = Callable[..., Awaitable[None]]


@pytest.fixture(params=["memory", "local"])
async def messaging(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Messaging]:
    if request.param == "memory":
        yield Messaging(Pipeline(MemoryMessaging(MemoryStore())))
        return
    opening = Alone()
    driver = await open_messaging(LocalConfig(path=tmp_path), opening)
    yield Messaging(Pipeline(driver))
    await opening.aclose()


@pytest.fixture
async def start(messaging: Messaging) -> AsyncIterator[Start]:
    tasks: list[asyncio.Task[None]] = []

    async def consume(topic: str, handler: Any, **options: Any) -> None:
        options = {"backoff": 0.02, **options}
        tasks.append(asyncio.create_task(messaging.consume(topic, handler, **options)))

    yield consume
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _letters(messaging: Messaging, topic: str) -> list[DeadLetter]:
    async with asyncio.timeout(5):
        while True:
            found = [letter async for letter in messaging.dead_letters(topic)]
            if found:
                return found
            await asyncio.sleep(0.02)


async def test_a_consumer_receives_payload_key_and_headers(
    messaging: Messaging, start: Start
) -> None:
    got: asyncio.Queue[Message] = asyncio.Queue()

    async def handler(message: Message) -> ProcessingOutcome:
        got.put_nowait(message)
        return ProcessingOutcome.SUCCESS

    await start("orders", handler)
    await messaging.publish("orders", payload=b"paid", key="o-1", headers={"kind": "order"})
    message = await asyncio.wait_for(got.get(), 5)
    assert (message.payload, message.key, message.headers) == (b"paid", "o-1", {"kind": "order"})


async def test_retry_is_called_again_until_it_succeeds(messaging: Messaging, start: Start) -> None:
    calls = 0
    done = asyncio.Event()

    async def handler(message: Message) -> ProcessingOutcome:
        nonlocal calls
        calls += 1
        if calls == 1:
            return ProcessingOutcome.RETRY
        done.set()
        return ProcessingOutcome.SUCCESS

    await start("orders", handler, max_attempts=2)
    await messaging.publish("orders", b"x")
    await asyncio.wait_for(done.wait(), 5)
    await asyncio.sleep(0.2)
    assert calls == 2


async def test_fail_lands_in_the_dead_letters(messaging: Messaging, start: Start) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        return ProcessingOutcome.FAIL

    await start("orders", handler, max_attempts=1)
    await messaging.publish("orders", b"poison", key="o-2", headers={"a": "b"})
    (letter,) = await _letters(messaging, "orders")
    assert (letter.payload, letter.key, letter.headers) == (b"poison", "o-2", {"a": "b"})


@pytest.mark.slow
async def test_a_delayed_message_is_not_early_and_not_a_second_late(
    messaging: Messaging, start: Start
) -> None:
    came: asyncio.Queue[float] = asyncio.Queue()

    async def handler(message: Message) -> ProcessingOutcome:
        came.put_nowait(time.monotonic())
        return ProcessingOutcome.SUCCESS

    await start("later", handler)
    begun = time.monotonic()
    await messaging.publish("later", b"x", headers={"h": "1"}, delay_seconds=2.0)
    assert 2.0 <= await asyncio.wait_for(came.get(), 6) - begun < 3.0
    begun = time.monotonic()
    await messaging.publish("later", b"x", delay_seconds=None)
    assert await asyncio.wait_for(came.get(), 6) - begun < 1.0


async def test_an_unreachable_broker_is_a_publish_error() -> None:
    store = MemoryStore()
    store.down = True
    with pytest.raises(PublishError):
        await Messaging(Pipeline(MemoryMessaging(store))).publish("orders", b"x")
