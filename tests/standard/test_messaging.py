"""What the Open Omni-Cloud standard asks of producers, consumers and delays, restated."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from omnicloud import OmniCloud, PublishError
from omnicloud.contracts.messaging import DeadLetter, Message, Messaging, ProcessingOutcome
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.store import MemoryStore

TOPIC = "orders"


class Start(Protocol):
    def __call__(
        self, handler: Callable[[Message], Awaitable[ProcessingOutcome]], max_attempts: int = 5
    ) -> None: ...


@pytest.fixture
async def messaging(config: dict[str, object]) -> AsyncIterator[Messaging]:
    """Over a cloud in real time, for a consumer waits."""
    async with OmniCloud(config) as cloud:
        yield cloud.messaging("queue")


@pytest.fixture
async def start(messaging: Messaging) -> AsyncIterator[Start]:
    tasks: list[asyncio.Task[None]] = []

    def consume(
        handler: Callable[[Message], Awaitable[ProcessingOutcome]], max_attempts: int = 5
    ) -> None:
        running = messaging.consume(TOPIC, handler, max_attempts=max_attempts, backoff=0.02)
        tasks.append(asyncio.create_task(running))

    yield consume
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def arrivals(start: Start) -> asyncio.Queue[tuple[float, Message]]:
    """The messages that a consumer gets, each with when it came."""
    came: asyncio.Queue[tuple[float, Message]] = asyncio.Queue()

    async def handler(message: Message) -> ProcessingOutcome:
        await came.put((time.monotonic(), message))
        return ProcessingOutcome.SUCCESS

    start(handler)
    return came


async def _first_letter(messaging: Messaging) -> DeadLetter:
    async with asyncio.timeout(5):
        while True:
            async for letter in messaging.dead_letters(TOPIC):
                return letter
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("key", "headers"),
    [(None, None), ("o-1", None), (None, {"kind": "order"}), ("o-1", {"kind": "order", "n": "1"})],
)
async def test_a_message_arrives_with_payload_key_and_headers(
    messaging: Messaging,
    arrivals: asyncio.Queue[tuple[float, Message]],
    key: str | None,
    headers: dict[str, str] | None,
) -> None:
    await messaging.publish(topic=TOPIC, payload=b"\x00paid", key=key, headers=headers)
    _, message = await asyncio.wait_for(arrivals.get(), 5)
    assert (message.payload, message.key, message.headers) == (b"\x00paid", key, headers or {})


async def test_retry_is_called_again_until_it_succeeds(messaging: Messaging, start: Start) -> None:
    asked: list[tuple[int, bytes]] = []
    done = asyncio.Event()

    async def handler(message: Message) -> ProcessingOutcome:
        await asyncio.sleep(0)
        asked.append((message.attempt, message.payload))
        if message.payload == b"x" and message.attempt == 1:
            return ProcessingOutcome.RETRY
        if message.payload == b"x":
            await messaging.publish(TOPIC, b"what comes after")
        else:
            done.set()
        return ProcessingOutcome.SUCCESS

    start(handler, max_attempts=2)
    await messaging.publish(TOPIC, b"x")
    await asyncio.wait_for(done.wait(), 5)
    assert asked == [(1, b"x"), (2, b"x"), (1, b"what comes after")]


@pytest.mark.parametrize("outcome", [ProcessingOutcome.FAIL, ProcessingOutcome.RETRY])
async def test_what_never_succeeds_lands_in_the_dead_letters_whole(
    messaging: Messaging, start: Start, outcome: ProcessingOutcome
) -> None:
    async def handler(message: Message) -> ProcessingOutcome:
        await asyncio.sleep(0)
        return outcome

    start(handler, max_attempts=1)
    await messaging.publish(TOPIC, b"poison", key="o-2", headers={"a": "b"})
    letter = await _first_letter(messaging)
    assert (letter.payload, letter.key, letter.headers) == (b"poison", "o-2", {"a": "b"})


@pytest.mark.slow
async def test_a_delayed_message_is_not_early_not_a_second_late_and_whole(
    messaging: Messaging, arrivals: asyncio.Queue[tuple[float, Message]]
) -> None:
    begun = time.monotonic()
    await messaging.publish(TOPIC, b"late", key="k", headers={"h": "1"}, delay_seconds=2.0)
    await messaging.publish(TOPIC, b"at once", delay_seconds=None)
    came, message = await asyncio.wait_for(arrivals.get(), 5)
    assert message.payload == b"at once"
    assert came - begun < 1.0
    came, message = await asyncio.wait_for(arrivals.get(), 5)
    assert 2.0 <= came - begun < 3.0
    assert (message.payload, message.key, message.headers) == (b"late", "k", {"h": "1"})


async def test_a_broker_in_memory_that_is_down_is_a_publish_error() -> None:
    store = MemoryStore()
    store.down = True
    with pytest.raises(PublishError):
        await Messaging(Pipeline(MemoryMessaging(store))).publish(TOPIC, b"x")


async def test_a_folder_that_cannot_be_reached_is_a_publish_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        local = {"provider": "local", "options": {"path": str(path)}, "retry": {"attempts": 1}}
        async with OmniCloud({"defaults": local}) as cloud:
            with pytest.raises(PublishError):
                await cloud.messaging("queue").publish(TOPIC, b"x")
