"""What the laws of messaging do not ask: messages of other programs, calls that are cancelled."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.driver import Ack, Kill, Receive, Subscribe
from omnicloud.core.moments import ServiceTime
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    InvalidArgumentError,
    NotFoundError,
    Outcome,
    UnavailableError,
)
from omnicloud_aws.certify import kept_server, settings
from omnicloud_aws.client import Client, opened
from omnicloud_aws.envelope import Meta, packed
from omnicloud_aws.messaging import open_messaging
from omnicloud_aws.places import Places
from omnicloud_aws.queues import Counts, Queues
from omnicloud_aws.topics import Topics
from omnicloud_tck.served import Lone

PLACE = ("letters", "g")


class Account:
    """Names of its own in the emulator."""

    def __init__(self, port: int, lone: Lone) -> None:
        self.port = port
        self.lone = lone
        self.name = f"only-{uuid.uuid4().hex}"
        self.places = Places(self.name)

    async def messaging(self, **options: Any) -> Messaging:
        config = settings(self.port, self.name, **options)
        return Messaging(Pipeline(await open_messaging(config, self.lone)))

    async def native(self, service: str) -> Client:
        """What another program has."""
        config = settings(self.port, self.name)

        async def open_() -> Client:
            return await opened(service, config, ServiceTime(self.lone.clock))

        client: Client = await self.lone.share("native", open_)
        return client

    async def queues(self) -> Queues:
        return Queues(await self.native("sqs"))


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    server, lone = kept_server(), Lone()
    await server.start()
    try:
        yield Account(server.port, lone)
    finally:
        await lone.aclose()
        server.remove()


async def test_what_other_programs_publish_arrives_as_it_is(account: Account) -> None:
    mine, other = await account.messaging(), await account.native("sns")
    await mine.subscribe(*PLACE)
    topic = await other.ask("create_topic", Name=account.places.topic("letters"))
    await other.ask("publish", TopicArn=topic["TopicArn"], Message='{"from": "théirs"}')
    (got,) = await mine.pipeline.send(Receive(*PLACE, 1, 2.0, 20.0))
    assert got.payload == '{"from": "théirs"}'.encode()
    assert (got.key, dict(got.headers), got.attempt) == (None, {}, 1)
    assert got.id
    assert await mine.pipeline.send(Kill(*PLACE, got.receipt, "on purpose"))
    (letter,) = [letter async for letter in mine.dead_letters("letters")]
    assert (letter.payload, letter.reason) == (got.payload, "on purpose")
    await mine.aclose()


async def test_what_others_put_among_dead_letters_is_listed_and_redriven(account: Account) -> None:
    mine, queues = await account.messaging(), await account.queues()
    await mine.subscribe(*PLACE)
    dead = account.places.dead(account.places.group(*PLACE))
    await queues.send(dead, "moved by the console")
    (letter,) = [letter async for letter in mine.dead_letters("letters", group="g")]
    assert (letter.payload, letter.group) == (b"moved by the console", "g")
    assert await mine.redrive("letters", group="g", ids=[letter.id]) == 1
    (got,) = await mine.pipeline.send(Receive(*PLACE, 1, 2.0, 20.0))
    assert (got.payload, got.attempt) == (b"moved by the console", 1)
    await mine.aclose()


async def test_a_message_that_a_cancelled_receiver_was_given_comes_to_another_as_new(
    account: Account,
) -> None:
    mine, other = await account.messaging(), await account.messaging()
    await mine.subscribe(*PLACE)
    waiting = asyncio.ensure_future(mine.pipeline.send(Receive(*PLACE, 1, 20.0, 600.0)))
    await asyncio.sleep(0.5)
    waiting.cancel()
    await asyncio.wait({waiting})
    await other.publish("letters", b"x")
    (got,) = await other.pipeline.send(Receive(*PLACE, 1, 15.0, 20.0))
    assert (got.payload, got.attempt) == (b"x", 1)
    await mine.aclose()
    await other.aclose()


async def test_a_receiver_that_waits_is_told_that_its_client_was_closed(account: Account) -> None:
    mine = await account.messaging()
    await mine.subscribe(*PLACE)
    driver = mine.pipeline.driver
    waiting = asyncio.ensure_future(driver.receive(Receive(*PLACE, 1, 20.0, 20.0)))
    await asyncio.sleep(0.5)
    await driver.aclose()
    with pytest.raises(ClosedError):
        await waiting


async def test_what_is_due_much_later_goes_back_and_what_is_due_is_published(
    account: Account,
) -> None:
    mine, queues = await account.messaging(), await account.queues()
    later = account.places.later("letters")
    await mine.subscribe(*PLACE)
    await queues.make(later)
    for name, wait in (("next week", 600_000.0), ("tomorrow", 86_400.0), ("now", 0.1)):
        await queues.send(later, packed(Meta(name, None, {}, 0.0, wait=wait), b""))
    (got,) = await mine.pipeline.send(Receive(*PLACE, 1, 15.0, 20.0))
    assert got.id == "now"
    assert await mine.pipeline.send(Ack(*PLACE, got.receipt))
    async with asyncio.timeout(30):
        counts = await queues.count(later)
        while counts != Counts(ready=0, hidden=0, delayed=2):
            await asyncio.sleep(0.1)
            counts = await queues.count(later)
    assert (await mine.depth(*PLACE)).scheduled == 2
    await mine.aclose()


async def test_what_is_due_while_it_cannot_be_published_is_published_soon_after(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([UnavailableError("it is away", outcome=Outcome.NOT_DONE)])
    theirs = Topics.publish_many

    async def publish_many(topics: Topics, *given: Any) -> Any:
        for failure in failures:
            raise failure
        return await theirs(topics, *given)

    monkeypatch.setattr(Topics, "publish_many", publish_many)
    mine = await account.messaging()
    await mine.subscribe(*PLACE)
    await mine.publish("letters", b"x", delay_seconds=1.0)
    (got,) = await mine.pipeline.send(Receive(*PLACE, 1, 8.0, 20.0))
    assert got.payload == b"x"
    assert not list(failures)
    await mine.aclose()


async def test_a_group_whose_queue_was_deleted_is_said_to_be_gone_and_made_anew(
    account: Account,
) -> None:
    mine, other = await account.messaging(), await account.native("sqs")
    await mine.subscribe(*PLACE)
    name = account.places.group(*PLACE)
    url = (await other.ask("get_queue_url", QueueName=name))["QueueUrl"]
    await other.ask("delete_queue", QueueUrl=url)
    with pytest.raises(NotFoundError):
        await mine.pipeline.send(Receive(*PLACE))
    await mine.pipeline.send(Subscribe(*PLACE))
    await mine.publish("letters", b"x")
    (got,) = await mine.pipeline.send(Receive(*PLACE, 1, 5.0, 20.0))
    assert got.payload == b"x"
    await mine.aclose()


async def test_a_lease_longer_than_the_service_lends_for_is_refused_by_its_name(
    account: Account,
) -> None:
    messaging = await account.messaging()
    await messaging.subscribe("letters", "g")
    with pytest.raises(InvalidArgumentError, match="a lease of 43201 s is over the 43200 s"):
        await messaging.pipeline.send(Receive(*PLACE, 1, 0.0, 43_201.0))


async def test_what_is_not_sqs_is_found_out_at_opening(account: Account) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        elsewhere = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="is not"):
            await account.messaging(endpoint=elsewhere)
