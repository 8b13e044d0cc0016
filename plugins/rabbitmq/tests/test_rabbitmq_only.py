"""What holds of RabbitMQ alone: lost connections, messages of others, users, delays as digits."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from pamqp import commands
from pamqp.frame import marshal
from pydantic import SecretStr, ValidationError
from rabbit_bench import bench

from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Kill,
    Publish,
    Receive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.errors import (
    ConfigurationError,
    NotFoundError,
    Outcome,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.channel import Channel
from omnicloud_rabbitmq.config import RabbitConfig
from omnicloud_rabbitmq.envelope import Meta, opened, packed
from omnicloud_rabbitmq.later import _key, _units
from omnicloud_rabbitmq.messaging import RabbitMessaging
from omnicloud_rabbitmq.topology import Names, queue
from omnicloud_tck.servers import free_port
from omnicloud_tck.tls import certificate_in

_PLACE = ("t", "g")


@pytest.mark.parametrize("queues", ["classic", "quorum"])
async def test_what_was_lent_on_a_lost_connection_waits_for_the_end_of_its_lease(
    queues: str,
) -> None:
    async with bench() as place:
        one = await place.client(queues=queues)
        two = await place.client(direct=True, queues=queues)
        await one.pipeline.send(Subscribe(*_PLACE))
        await one.publish("t", b"x")
        (lent,) = await one.pipeline.send(Receive(*_PLACE, 1, 20.0, 6.0))
        place.proxy.reset()
        assert await two.pipeline.send(Receive(*_PLACE, 1, 1.0, 30.0)) == ()
        with pytest.raises(UnavailableError) as told:
            await one.pipeline.send(Ack(*_PLACE, lent.receipt))
        assert told.value.outcome is Outcome.NOT_DONE
        (again,) = await two.pipeline.send(Receive(*_PLACE, 1, 20.0, 30.0))
        assert (again.id, again.attempt) == (lent.id, 2)
        assert await one.pipeline.send(Ack(*_PLACE, lent.receipt)) is False


async def test_a_service_that_turns_to_quorum_queues_keeps_those_that_are_there() -> None:
    async with bench() as place:
        before = await place.client()
        await before.pipeline.send(Subscribe(*_PLACE))
        await before.publish("t", b"old")
        await _killed(before)
        after = await place.client(queues="quorum")
        await after.pipeline.send(Subscribe(*_PLACE))
        await after.pipeline.send(Subscribe("t", "new"))
        await after.publish("t", b"x")
        await _killed(after)
        letters = await after.pipeline.send(DeadLetters("t", None, None, 10))
        assert [letter.payload for letter in letters.letters] == [b"old", b"x"]
        (lent,) = await after.pipeline.send(Receive("t", "new", 1, 2.0, 30.0))
        assert await after.pipeline.send(Ack("t", "new", lent.receipt))
        other = Broker(place.config(), SYSTEM_CLOCK)
        for group, kind in (("g", "classic"), ("new", "quorum")):
            for name in (place.names.group, place.names.notes, place.names.lent):
                assert await other.made(queue(name("t", group), {"x-queue-type": kind}))
        await other.aclose()


async def test_dead_letters_in_quorum_queues_stay_however_often_they_are_looked_at() -> None:
    async with bench() as place:
        one = await place.client(queues="quorum")
        await one.pipeline.send(Subscribe(*_PLACE))
        await one.publish("t", b"x")
        await _killed(one)
        for _ in range(25):
            page = await one.pipeline.send(DeadLetters(*_PLACE, None, 10))
            assert len(page.letters) == 1


@pytest.mark.parametrize(
    ("kind", "version", "limit"),
    [
        ("quorum", "3.13.7", None),
        ("quorum", "4.0.0", -1),
        ("quorum", "", None),
        ("classic", "4.1.0", None),
    ],
)
def test_no_broker_counts_how_often_a_message_came_back(
    kind: str, version: str, limit: int | None
) -> None:
    kept = Names("service", kind).kept(version)
    assert (kept["x-queue-type"], kept.get("x-delivery-limit")) == (kind, limit)


async def test_a_publish_that_is_not_confirmed_ends_its_channel_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bench() as place:
        broker = Broker(place.config(), SYSTEM_CLOCK)
        link = await broker.link()
        await broker.declare(queue(place.names.making, {}))
        with monkeypatch.context() as patched:
            patched.setattr(Channel, "_on_confirm", lambda *_: None)
            link.timeout = 0.3
            with pytest.raises(UnavailableError, match="in time") as told:
                await broker.publish("", place.names.making, b"x")
            assert told.value.outcome is Outcome.UNKNOWN
        link.timeout = 10.0
        await broker.publish("", place.names.making, b"y", mandatory=True)
        await asyncio.sleep(0.5)
        assert await broker.count(place.names.making) == 2
        assert await broker.link() is link
        await broker.ask(commands.Queue.Delete(queue=place.names.making))
        await broker.aclose()


async def test_a_broker_that_is_silent_altogether_loses_the_connection() -> None:
    async with bench() as place:
        broker = Broker(place.config(answer_timeout=0.5), SYSTEM_CLOCK)
        await broker.publish("", "anywhere", b"x")
        link = await broker.link()
        place.proxy.weather.blackhole = True
        with pytest.raises(UnavailableError):
            await broker.publish("", "anywhere", b"x")
        await asyncio.sleep(1.0)
        assert not link.open
        await broker.aclose()


async def _killed(one: Messaging) -> None:
    (lent,) = await one.pipeline.send(Receive(*_PLACE, 1, 5.0, 30.0))
    assert await one.pipeline.send(Kill(*_PLACE, lent.receipt, "bad"))


async def test_a_cancelled_receiver_costs_no_attempt() -> None:
    async with bench() as place:
        one = await place.client()
        await one.pipeline.send(Subscribe(*_PLACE))
        await one.publish("t", b"x")
        for turns in range(12):
            receiving = asyncio.ensure_future(one.pipeline.send(Receive(*_PLACE, 1, 0.0, 30.0)))
            for _ in range(turns):
                await asyncio.sleep(0)
            receiving.cancel()
            await asyncio.wait({receiving})
            if not receiving.cancelled():
                break
            await asyncio.sleep(0.05)
        else:
            (lent,) = await one.pipeline.send(Receive(*_PLACE, 1, 2.0, 30.0))
            assert lent.attempt == 1


async def test_a_message_of_others_is_all_payload() -> None:
    async with bench() as place:
        one = await place.client()
        await one.pipeline.send(Subscribe(*_PLACE))
        other = Broker(place.config(), SYSTEM_CLOCK)
        try:
            await other.publish(place.names.topic("t"), "", b"from elsewhere")
        finally:
            await other.aclose()
        (lent,) = await one.pipeline.send(Receive(*_PLACE, 1, 2.0, 30.0))
        assert (lent.payload, lent.key, dict(lent.headers)) == (b"from elsewhere", None, {})
        assert await one.pipeline.send(Ack(*_PLACE, lent.receipt))


async def test_a_group_that_nobody_subscribed_is_not_found() -> None:
    async with bench() as place:
        one = await place.client()
        with pytest.raises(NotFoundError, match="group"):
            await one.pipeline.send(Receive("t", "nobody", 1, 0.0, 1.0))
        await one.pipeline.send(Subscribe("t", "nobody"))
        assert await one.pipeline.send(Receive("t", "nobody", 1, 0.0, 1.0)) == ()


async def test_wrong_credentials_and_hosts_are_told_apart() -> None:
    async with bench() as place:
        for options, error in (
            ({"password": SecretStr("wrong-secret")}, UnauthenticatedError),
            ({"vhost": "nowhere"}, ConfigurationError),
            ({"urls": (f"amqp://127.0.0.1:{free_port()}",)}, UnavailableError),
        ):
            broker = Broker(place.config(**options), SYSTEM_CLOCK)
            with pytest.raises(error) as told:
                await broker.link()
            assert told.value.outcome is Outcome.NOT_DONE
            assert "wrong-secret" not in str(told.value)
            await broker.aclose()


async def test_a_node_that_is_down_is_passed_over() -> None:
    async with bench() as place:
        urls = (f"amqp://127.0.0.1:{free_port()}", *place.config().urls)
        broker = Broker(place.config(urls=urls), SYSTEM_CLOCK)
        await broker.link()
        assert broker.version
        await broker.aclose()


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"AMQP\0\0\x09\x01", b""])
async def test_what_does_not_speak_the_protocol_is_an_error(said: bytes) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(said)
        writer.close()

    listening = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        broker = Broker(RabbitConfig(urls=(f"amqp://127.0.0.1:{port}",)), SYSTEM_CLOCK)
        with pytest.raises(UnavailableError):
            await broker.link()
        await broker.aclose()


async def test_a_broker_that_is_full_is_exhausted_until_it_takes_messages_again() -> None:
    async with bench() as place:
        broker = Broker(place.config(), SYSTEM_CLOCK)
        messaging = RabbitMessaging(broker, place.names)
        link = await broker.link()
        link.data_received(marshal(commands.Connection.Blocked("low on memory"), 0))
        for call in (Subscribe(*_PLACE), Publish("t", (Outgoing("i", b"x"),))):
            with pytest.raises(ResourceExhaustedError, match="memory or disk") as told:
                await call.run(messaging)
            assert told.value.outcome is Outcome.NOT_DONE
        link.timeout = 0.01
        with pytest.raises(ResourceExhaustedError) as told:  # what was on its way is not read yet
            await link.answer(asyncio.get_running_loop().create_future())
        assert told.value.outcome is Outcome.UNKNOWN
        link.timeout = 10.0
        link.data_received(marshal(commands.Connection.Unblocked(), 0))
        await Subscribe(*_PLACE).run(messaging)
        assert await broker.link() is link
        await messaging.aclose()
        await broker.aclose()


async def test_tls_is_spoken_to_whom_the_authority_vouches_for(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    public, private = certificate_in(tmp_path)
    stranger, _ = certificate_in(tmp_path / "other")
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(public, private)

    async def greeted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"AMQP\0\0\x09\x01")
        writer.close()

    for context, authority, error in (
        (secure, public, UnavailableError),  # TLS stands; what follows is no greeting
        (secure, stranger, ConfigurationError),
        (None, public, ConfigurationError),
    ):
        listening = await asyncio.start_server(greeted, "127.0.0.1", 0, ssl=context)
        async with listening:
            url = f"amqps://localhost:{listening.sockets[0].getsockname()[1]}"
            config = RabbitConfig(urls=(url,), tls_ca_file=authority, connect_timeout=30.0)
            broker = Broker(config, SYSTEM_CLOCK)
            with pytest.raises(error) as told:
                await broker.link()
            assert ("TLS" in str(told.value)) is (error is ConfigurationError)
            await broker.aclose()


@pytest.mark.parametrize(
    ("product", "version", "why"),
    [
        ("RabbitMQ", "3.9.29", r"RabbitMQ 3\.9\.29, too old"),
        ("RabbitMQ", "new", "not RabbitMQ"),
        ("QuickMQ", "4.0.0", "not RabbitMQ"),
    ],
)
async def test_a_broker_of_another_version_is_refused_by_name(
    product: str, version: str, why: str
) -> None:
    start = commands.Connection.Start(server_properties={"product": product, "version": version})

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = (start, commands.Connection.Tune(0, 131_072, 0), commands.Connection.OpenOk())
        try:
            await reader.read(8)
            for answer in answers:
                writer.write(marshal(answer, 0))
                await reader.read(4096)
        except OSError:
            return
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(old, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        broker = Broker(RabbitConfig(urls=(f"amqp://127.0.0.1:{port}",)), SYSTEM_CLOCK)
        with pytest.raises(ConfigurationError, match=why):
            await broker.link()
        await broker.aclose()


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 0.3, 1.26, 86_400.0, 604_800.0])
def test_the_digits_of_a_delay_are_as_long_as_the_delay(seconds: float) -> None:
    digits = _key(_units(seconds)).split(".")
    assert len(digits) == 24
    kept = sum(0.05 * 2 ** (23 - at) for at, digit in enumerate(digits) if digit == "1")
    assert seconds <= kept + 1e-9
    assert kept < seconds + 0.05 + 1e-9


@pytest.mark.parametrize("topic", ["t", "../climb", "x" * 1024, "🦀" * 256, "a/b", "%2e", "nul\0"])
def test_names_are_those_of_amqp_and_unlike(topic: str) -> None:
    names = Names("service")
    made = [names.topic(topic), names.group(topic, topic), names.dead(topic, topic)]
    assert all(len(name.encode()) <= 240 and name.isascii() for name in made)
    assert names.topic(topic) != names.topic(topic + "a")
    assert names.group("a", "b/c") != names.group("a/b", "c")


def test_a_body_that_begins_as_ours_and_is_not_is_all_payload() -> None:
    whole = packed(Meta("id", "k", {"a": "1"}, 1.0), b"payload")
    assert opened(whole, "", 0.0)[1] == b"payload"
    for broken in (whole[:5], whole[:7], whole[:9], b"omni\1\0\0\0\4junkrest", b""):
        meta, payload = opened(broken, "given", 2.0)
        assert (meta.id, payload) == ("given", broken)


@pytest.mark.parametrize(
    "wrong",
    [
        {"urls": ()},
        {"urls": ("http://h",)},
        {"urls": ("amqp://user:secret@h",)},
        {"urls": ("amqp://h/vhost",)},
        {"tls_ca_file": "ca.pem"},
        {"urls": ("amqps://h",), "tls_key_file": "k.pem"},
        {"queues": "mirrored"},
        {"colour": "blue"},
    ],
)
def test_settings_that_do_not_fit_are_refused_without_telling_secrets(wrong: Any) -> None:
    with pytest.raises(ValidationError) as told:
        RabbitConfig(**wrong)
    assert "secret" not in str(told.value)
