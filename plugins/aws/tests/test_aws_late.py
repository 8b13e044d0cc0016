"""What Amazon's services do late, or not at all at first, and the emulator at once.

A client that passes on to the emulator acts so in their stead.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any

import pytest

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV
from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.driver import Kill, Receive
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.clock import SystemClock
from omnicloud.core.codec import BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    Outcome,
    PermissionDeniedError,
    SecretNotFoundError,
    ThrottledError,
    UnavailableError,
)
from omnicloud_aws.certify import kept_server, settings
from omnicloud_aws.client import Client
from omnicloud_aws.documents import open_documents
from omnicloud_aws.errors import RefusedError, refusal
from omnicloud_aws.kv import open_kv
from omnicloud_aws.messaging import open_messaging
from omnicloud_aws.places import Places
from omnicloud_aws.secrets import open_secrets
from omnicloud_tck.served import Lone

PLACE = ("t", "g")
_ASK = Client.ask
Acting = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | Exception | None]
"""By verb and request: what is answered in the emulator's place, if anything."""


class Impatient(SystemClock):
    """A clock on which waiting takes no time of the test's."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:  # type: ignore[override]  # a function there
        return time.monotonic() + self._slept

    async def sleep(self, seconds: float) -> None:
        self._slept += seconds
        await super().sleep(0)


class Account:
    """Names of its own in the emulator, and requests that somebody else answers."""

    def __init__(self, port: int, lone: Lone, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lone = lone
        self.name = f"late-{uuid.uuid4().hex}"
        self.config = settings(port, self.name)
        self.places = Places(self.name)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._patch = monkeypatch

    def acting(self, act: Acting) -> None:
        """Let it answer from now on what it wants to."""
        self.asked.clear()

        async def ask(
            client: Client, verb: str, expecting: Collection[str] = (), **asked: Any
        ) -> Mapping[str, Any]:
            self.asked.append((verb, asked))
            said = act(verb, asked)
            if isinstance(said, RefusedError) and said.code not in expecting:
                raise refusal(said)
            if isinstance(said, Exception):
                raise said
            return await _ASK(client, verb, expecting, **asked) if said is None else said

        self._patch.setattr(Client, "ask", ask)

    def count(self, verb: str) -> int:
        """How often that was asked."""
        return sum(one == verb for one, _ in self.asked)

    async def messaging(self) -> Messaging:
        return Messaging(Pipeline(await open_messaging(self.config, self.lone)))

    async def secrets(self) -> Secrets:
        return Secrets(Pipeline(await open_secrets(self.config, self.lone)))

    async def kv(self) -> KV[bytes]:
        return KV(Pipeline(await open_kv(self.config, self.lone)), BYTES)

    async def documents(self) -> Documents:
        return Documents(Pipeline(await open_documents(self.config, self.lone)))


@pytest.fixture
async def account(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Account]:
    server = kept_server()
    await server.start()
    account = Account(server.port, Lone(), monkeypatch)
    try:
        yield account
    finally:
        monkeypatch.undo()
        await account.lone.aclose()
        server.remove()


def refused(code: str) -> RefusedError:
    return RefusedError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}},
    )


def a_few(code: str, verb: str, times: int, **fits: Any) -> Acting:
    """Refuse the first few of such requests."""
    left = [times]

    def act(asked: str, request: Mapping[str, Any]) -> Exception | None:
        if asked != verb or not fits.items() <= request.items() or not left[0]:
            return None
        left[0] -= 1
        return refused(code)

    return act


# Messaging.


async def test_a_new_group_is_there_once_it_gets_what_is_published(account: Account) -> None:
    lost = iter([{"MessageId": "lost"}] * 2)
    account.acting(lambda verb, _: next(lost, None) if verb == "publish" else None)
    messaging = await account.messaging()
    await messaging.subscribe(*PLACE)
    await messaging.publish("t", b"x")
    assert not list(lost)
    (got,) = await messaging.pipeline.send(Receive(*PLACE, 1, 2.0, 20.0))
    assert (got.payload, got.attempt) == (b"x", 1)
    assert (await messaging.depth(*PLACE)).ready == 0
    await messaging.aclose()


async def test_a_group_that_is_known_costs_no_note(account: Account) -> None:
    one, two = await account.messaging(), await account.messaging()
    await one.subscribe(*PLACE)
    account.acting(lambda _verb, _asked: None)
    await two.subscribe(*PLACE)
    assert (account.count("publish"), account.count("subscribe")) == (0, 1)
    await one.aclose()
    await two.aclose()


async def test_a_group_that_gets_nothing_is_not_there_and_is_looked_at_again(
    account: Account,
) -> None:
    account.lone.clock = Impatient()
    away = [True]

    def act(verb: str, asked: Mapping[str, Any]) -> Mapping[str, Any] | Exception | None:
        if verb == "receive_message" and away[0]:
            return refused("QueueDoesNotExist")
        return {} if verb == "publish" and away[0] else None

    account.acting(act)
    messaging = await account.messaging()
    for _ in range(2):
        with pytest.raises(UnavailableError, match="does not get") as told:
            await messaging.subscribe(*PLACE)
        assert told.value.outcome is Outcome.NOT_DONE
    away[0] = False
    await messaging.subscribe(*PLACE)
    await messaging.aclose()


async def test_a_new_group_gives_a_message_that_came_first_back_as_it_was(
    account: Account,
) -> None:
    messaging, other = await account.messaging(), await account.messaging()
    await other.subscribe(*PLACE)
    await other.publish("t", b"x")
    driver = messaging.pipeline.driver
    assert await driver._topics._has_got(account.places.group(*PLACE))  # type: ignore[attr-defined]
    got = [
        one
        for _ in range(2)
        for one in await messaging.pipeline.send(Receive(*PLACE, 1, 1.0, 20.0))
    ]
    assert [(one.payload, one.attempt) for one in got] == [(b"x", 1)]
    await messaging.aclose()
    await other.aclose()


async def test_the_note_of_a_new_group_hides_nothing_from_the_others(account: Account) -> None:
    messaging = await account.messaging()
    await messaging.subscribe("t", "old")
    await messaging.subscribe("t", "new")
    await messaging.publish("t", b"x")
    account.acting(lambda _verb, _asked: None)
    (got,) = await messaging.pipeline.send(Receive("t", "old", 1, 0.0, 20.0))
    assert (got.payload, got.attempt) == (b"x", 1)
    later = account.places.later("t")
    looks = [asked for verb, asked in account.asked if verb == "receive_message"]
    assert sum(asked["QueueUrl"].endswith(later) for asked in looks) <= 1
    await messaging.aclose()


async def test_the_groups_of_a_topic_that_was_deleted_get_what_is_published_anew(
    account: Account,
) -> None:
    messaging, publisher = await account.messaging(), await account.messaging()
    for group in ("g", "h"):
        await messaging.subscribe("t", group)
    await publisher.publish("t", b"before", delay_seconds=600)
    sns = publisher.pipeline.driver._sns  # type: ignore[attr-defined]
    topic = await sns.ask("create_topic", Name=account.places.topic("t"))
    await sns.ask("delete_topic", TopicArn=topic["TopicArn"])
    with pytest.raises(UnavailableError, match="did not acknowledge"):
        await publisher.publish("t", b"x")
    await publisher.publish("t", b"y")
    for group in ("g", "h"):
        (got,) = await messaging.pipeline.send(Receive("t", group, 1, 2.0, 20.0))
        assert got.payload == b"y"
    told = await sns.ask("list_subscriptions_by_topic", TopicArn=topic["TopicArn"])
    assert len(told["Subscriptions"]) == 2
    await messaging.aclose()
    await publisher.aclose()


async def test_a_message_for_later_goes_into_its_queue_once_that_is_there(
    account: Account,
) -> None:
    messaging = await account.messaging()
    await messaging.subscribe(*PLACE)
    account.acting(a_few("QueueDoesNotExist", "send_message", 3))
    await messaging.publish("t", b"x", delay_seconds=600)
    assert (await messaging.depth(*PLACE)).scheduled == 1
    await messaging.aclose()


async def test_a_new_queue_that_does_not_come_is_unavailable_and_nothing_was_done(
    account: Account,
) -> None:
    account.lone.clock = Impatient()
    messaging = await account.messaging()
    account.acting(a_few("QueueDoesNotExist", "send_message", 1_000))
    with pytest.raises(UnavailableError) as told:
        await messaging.publish("t", b"x", delay_seconds=600)
    assert told.value.outcome is Outcome.NOT_DONE
    await messaging.aclose()


async def test_a_letter_goes_into_a_queue_that_has_to_be_made_anew(account: Account) -> None:
    messaging = await account.messaging()
    await messaging.subscribe(*PLACE)
    await messaging.publish("t", b"x")
    (got,) = await messaging.pipeline.send(Receive(*PLACE, 1, 2.0, 20.0))
    account.acting(a_few("QueueDoesNotExist", "send_message", 3))
    assert await messaging.pipeline.send(Kill(*PLACE, got.receipt, "on purpose"))
    assert (await messaging.depth(*PLACE)).dead == 1
    await messaging.aclose()


@pytest.mark.parametrize("wait", [1.0, 2.0])
async def test_a_wait_of_whole_seconds_is_one_request(account: Account, wait: float) -> None:
    messaging = await account.messaging()
    await messaging.subscribe(*PLACE)
    account.acting(lambda _verb, _asked: None)
    assert await messaging.pipeline.driver._desk(*PLACE).receive(1, wait, 20.0) == ()  # type: ignore[attr-defined]
    (asked,) = [asked for verb, asked in account.asked if verb == "receive_message"]
    assert asked["WaitTimeSeconds"] == wait
    await messaging.aclose()


# Secrets.


async def test_a_secret_that_describe_does_not_show_yet_is_deleted(account: Account) -> None:
    secrets = await account.secrets()
    secrets.pipeline.driver._client.at_amazon = True  # type: ignore[attr-defined]
    await secrets.set("k", "value")
    account.acting(a_few("ResourceNotFoundException", "describe_secret", 1))
    assert not await secrets.delete("k")
    with pytest.raises(SecretNotFoundError):
        await secrets.get("k")


async def test_a_value_that_was_just_written_is_read_although_the_service_is_late(
    account: Account,
) -> None:
    secrets = await account.secrets()
    account.acting(a_few("ResourceNotFoundException", "get_secret_value", 2))
    version = await secrets.set("k", "one")
    assert await secrets.get("k") == "one"
    account.acting(a_few("ResourceNotFoundException", "get_secret_value", 1))
    assert await secrets.get("k", version=version) == "one"


async def test_an_older_value_is_not_read_after_a_newer_one_was_written(account: Account) -> None:
    secrets = await account.secrets()
    await secrets.set("k", "one")
    old = await secrets.pipeline.driver._version("k", None)  # type: ignore[attr-defined]
    await secrets.set("k", "two")
    late = iter([old])
    account.acting(
        lambda verb, asked: next(late, None) if verb == "get_secret_value" else None,
    )
    assert await secrets.get("k") == "two"


async def test_a_secret_that_was_just_deleted_is_not_read(account: Account) -> None:
    secrets = await account.secrets()
    await secrets.set("k", "one")
    old = await secrets.pipeline.driver._version("k", None)  # type: ignore[attr-defined]
    assert await secrets.delete("k")
    late = iter([old] * 2)
    account.acting(lambda verb, _: next(late, None) if verb == "get_secret_value" else None)
    with pytest.raises(SecretNotFoundError):
        await secrets.get("k")


async def test_what_others_wrote_since_is_read_and_asked_for_once(account: Account) -> None:
    mine, other = await account.secrets(), await account.secrets()
    await mine.set("k", "mine")
    await other.set("k", "theirs")
    account.acting(lambda _verb, _asked: None)
    assert await mine.get("k") == "theirs"
    assert account.count("get_secret_value") == 1
    await other.delete("k")
    with pytest.raises(SecretNotFoundError):
        await mine.get("k")


# DynamoDB.


async def _large(account: Account) -> Documents:
    documents = await account.documents()
    for n in range(4):
        await documents.insert_one("c", {"_id": f"k{n}", "text": "x" * 380_000})
    return documents


def _second_page(error: Exception, times: int) -> Acting:
    left = [times]

    def act(verb: str, asked: Mapping[str, Any]) -> Exception | None:
        if verb != "query" or "ExclusiveStartKey" not in asked or not left[0]:
            return None
        left[0] -= 1
        return error

    return act


@pytest.mark.parametrize(
    "error",
    [refused("ProvisionedThroughputExceededException"), UnavailableError("the service failed")],
)
async def test_a_page_that_fails_does_not_throw_those_before_it_away(
    account: Account, error: Exception
) -> None:
    documents = await _large(account)
    account.acting(_second_page(error, 2))
    assert await documents.count("c") == 4
    assert account.count("query") == 4, "two pages, the second three times"
    account.acting(_second_page(error, 2))
    found = await documents.find_many("c", {"text": {"$ne": ""}}, sort=["text"])
    assert len(found) == 4


async def test_a_page_that_fails_for_long_is_told(account: Account) -> None:
    account.lone.clock = Impatient()
    documents = await _large(account)
    account.acting(_second_page(refused("ThrottlingException"), 1_000))
    with pytest.raises(ThrottledError):
        await documents.count("c")
    assert 5 < account.count("query") < 50


async def test_a_first_page_is_asked_for_once(account: Account) -> None:
    documents = await account.documents()
    account.acting(a_few("ThrottlingException", "query", 1))
    with pytest.raises(ThrottledError):
        await documents.count("c")


async def test_a_table_that_is_being_made_is_waited_for(account: Account) -> None:
    kv = await account.kv()
    table = await kv.pipeline.driver._client.ask("describe_table", TableName=account.name)  # type: ignore[attr-defined]
    making = {"Table": {**table["Table"], "TableStatus": "CREATING"}}
    answers = iter([making] * 3)
    account.acting(lambda verb, _: next(answers, None) if verb == "describe_table" else None)
    account.config = account.config.model_copy(update={"create_table": False})
    account.lone.clock = Impatient()
    await account.kv()
    assert not list(answers)


async def test_a_table_that_was_made_by_half_gets_its_times_to_live(account: Account) -> None:
    account.acting(lambda verb, _: {} if verb == "update_time_to_live" else None)
    await account.kv()
    account.acting(lambda _verb, _asked: None)
    kv = await account.kv()
    ask = kv.pipeline.driver._client.ask  # type: ignore[attr-defined]
    told = await ask("describe_time_to_live", TableName=account.name)
    assert told["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"


async def test_who_may_not_make_the_table_is_told_so(account: Account) -> None:
    account.acting(a_few("AccessDeniedException", "create_table", 1))
    with pytest.raises(PermissionDeniedError):
        await account.kv()


@pytest.mark.parametrize("verb", ["describe_table", "describe_time_to_live"])
async def test_who_may_not_look_at_the_table_is_let_through(account: Account, verb: str) -> None:
    await account.kv()
    account.acting(a_few("AccessDeniedException", verb, 1))
    await account.kv()
