"""What only a server can do to its clients: refuse, hang, cut, forget, fill up."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import nats
import nkeys
import pytest
from nats_bench import bench

from omnicloud.contracts.kv.driver import Get, Scan, Set
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.messaging.driver import Ack, Measure, Publish, Receive, Subscribe
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.contracts.objects.driver import GetRange, Put
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    CorruptedError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_nats.certify import program
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.kv import open_kv
from omnicloud_nats.messaging import open_messaging
from omnicloud_nats.objects import open_objects
from omnicloud_nats.who import credentials_of
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import ServerProcess, free_port
from omnicloud_tck.tls import certificate_in


async def test_a_call_cancelled_half_way_leaves_the_others_their_answers() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        for name in ("a", "b"):
            await kv.set(Set(name, name.encode() * 9))
        one.proxy.weather.latency = 0.01
        for turns in range(2, 8):
            asked, kept = (asyncio.ensure_future(kv.get(Get(name))) for name in ("a", "b"))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            record = await kept
            assert record is not None
            assert record.value == b"b" * 9


async def test_a_partition_ends_a_call_in_time_as_unknown_and_heals() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, answer_timeout=0.5)
        await kv.set(Set("k", b"before"))
        one.proxy.weather.blackhole = True
        started = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            await kv.set(Set("k", b"during"))
        assert 0.4 < time.monotonic() - started < 6.0
        assert caught.value.outcome is Outcome.UNKNOWN
        one.proxy.clear()
        assert await kv.get(Get("k")) is not None


async def test_a_lost_connection_ends_calls_at_once_and_not_when_their_time_is_over() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, answer_timeout=30.0)
        one.proxy.weather.half_open = True
        asked = asyncio.ensure_future(kv.get(Get("k")))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        one.proxy.reset()
        with pytest.raises(UnavailableError):
            await asked
        assert time.monotonic() - started < 5.0


async def test_an_answer_cut_in_its_middle_is_an_error_and_not_a_value() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x" * 200_000))
        for cut in (0, 1, 7, 150_000):
            one.proxy.weather.cut_after = cut
            with pytest.raises(UnavailableError):
                await kv.get(Get("k"))
            one.proxy.clear()
            record = await kv.get(Get("k"))
            assert record is not None
            assert record.value == b"x" * 200_000


async def test_what_could_not_be_sent_is_known_to_be_not_done() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, url=f"nats://127.0.0.1:{one.server.port}")
        one.server.kill()
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError) as caught:
            await kv.set(Set("k", b"y"))
        assert caught.value.outcome is Outcome.NOT_DONE


async def test_wrong_credentials_are_unauthenticated_and_not_quoted() -> None:
    users = "{ users: [{ user: ann, password: right-horse }] }"
    async with bench(authorization=users) as one:
        for options in ({}, {"username": "ann", "password": "wrong-horse"}, {"token": "t-horse"}):
            with pytest.raises(UnauthenticatedError) as caught:
                await one.open(open_kv, **options)
            assert "horse" not in str(caught.value)
        kv = await one.open(open_kv, username="ann", password="right-horse")
        await kv.set(Set("k", b"x"))


async def test_a_token_lets_in() -> None:
    async with bench(authorization='{ token: "s3cret" }') as one:
        kv = await one.open(open_kv, token="s3cret")
        await kv.set(Set("k", b"x"))


async def test_a_user_that_may_not_write_is_denied_at_once() -> None:
    denied = '{ publish: { deny: ["omnicloud-kv-tck.k.secret.>"] } }'
    users = f"{{ users: [{{ user: ann, password: pw, permissions: {denied} }}] }}"
    async with bench(authorization=users) as one:
        kv = await one.open(open_kv, username="ann", password="pw", answer_timeout=30.0)
        with pytest.raises(PermissionDeniedError) as caught:
            await kv.set(Set("secret", b"x"))
        assert "secret" not in str(caught.value)
        await kv.set(Set("other", b"x"))


async def test_a_server_without_jetstream_is_a_configuration_error() -> None:
    async with bench(accounts="{ A: { users: [{ user: ann, password: pw }] } }") as one:
        with pytest.raises(ConfigurationError, match="JetStream"):
            await one.open(open_kv, username="ann", password="pw")


async def test_a_server_that_was_started_without_streams_is_told_by_name() -> None:
    port = free_port()
    server = ServerProcess(lambda _, __: (program(), "-a", "127.0.0.1", "-p", str(port)), _listens)
    server.port, lone = port, Lone()
    try:
        await server.start()
        with pytest.raises(ConfigurationError, match="runs without JetStream") as caught:
            await open_kv(NatsConfig(url=f"nats://127.0.0.1:{port}"), lone)
        assert "-js" in str(caught.value.hint)
    finally:
        await lone.aclose()
        server.remove()


async def _listens(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def test_a_full_server_is_exhausted_and_reads_on() -> None:
    async with bench(jetstream="{ store_dir: STREAMS, max_file_store: 3MB }") as one:
        kv = await one.open(open_kv)
        await kv.set(Set("first", b"x"))
        big = [kv.set(Set(f"k{number}", b"x" * 100_000)) for number in range(60)]
        with pytest.raises(ResourceExhaustedError) as caught:
            await asyncio.gather(*big)
        assert caught.value.outcome is Outcome.NOT_DONE
        assert await kv.get(Get("first")) is not None


async def test_tls_is_checked_against_the_given_authority_and_no_other(tmp_path: Path) -> None:
    certificate, key = certificate_in(tmp_path)
    async with bench(tls=f'{{ cert_file: "{certificate}", key_file: "{key}" }}') as one:
        url = f"tls://localhost:{one.server.port}"
        kv = await one.open(open_kv, url=url, tls_ca_file=certificate)
        await kv.set(Set("k", b"x"))
        for wrong in ({"url": url}, {"url": url.replace("tls:", "nats:")}):
            with pytest.raises(ConfigurationError, match="TLS"):
                await one.open(open_kv, **wrong)
        by_address = f"tls://127.0.0.1:{one.server.port}"
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, url=by_address, tls_ca_file=certificate)


async def test_tls_is_insisted_on_where_the_server_does_not_offer_it() -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, url=f"tls://127.0.0.1:{one.server.port}")


async def test_what_is_no_nats_server_is_told_as_unavailable() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(UnavailableError, match="not a NATS server"):
            await open_kv(NatsConfig(url=f"nats://127.0.0.1:{port}"), Lone())
    finally:
        server.close()
        await server.wait_closed()


async def test_a_server_that_is_too_old_is_refused_by_name() -> None:
    gone = asyncio.Event()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"version":"2.10.7","headers":true}\r\n')
        try:
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
                if line.startswith(b"PUB"):
                    writer.write(b"MSG %b 1 2\r\n{}\r\n" % line.split()[2])
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
            gone.set()

    server = await asyncio.start_server(pretend, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(ConfigurationError, match=r"2\.10\.7"):
            await open_kv(NatsConfig(url=f"nats://127.0.0.1:{port}"), Lone())
        await gone.wait()
    finally:
        server.close()
        await server.wait_closed()


async def test_a_stream_that_is_kept_in_another_way_is_refused() -> None:
    async with bench() as one:
        client = await nats.connect(f"nats://127.0.0.1:{one.server.port}")
        await client.jetstream().add_stream(
            name="omnicloud-kv-tck", subjects=["omnicloud-kv-tck.>"]
        )
        await client.close()
        with pytest.raises(ConfigurationError, match="omnicloud-kv-tck"):
            await one.open(open_kv)


async def test_services_of_two_namespaces_do_not_meet() -> None:
    async with bench() as one:
        names = ("a", "a.b", "a*", "x" * 600, "x" * 601)
        services = [await one.open(open_kv, namespace=name) for name in names]
        for kv, name in zip(services, names, strict=True):
            await kv.set(Set("k", name.encode()))
        for kv, name in zip(services, names, strict=True):
            record = await kv.get(Get("k"))
            assert record is not None
            assert record.value == name.encode()
            assert (await kv.scan(Scan())).keys == ("k",)


async def test_durable_is_declared_only_where_it_is_vouched_for() -> None:
    async with bench() as one:
        assert KVFeature.DURABLE not in (await one.open(open_kv)).features
        assert KVFeature.DURABLE in (await one.open(open_kv, durability="fsync")).features


async def test_versions_go_on_where_the_stream_was_lost() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        before = int((await kv.set(Set("k", b"x")))[1:])
        await kv._stream.store.api(f"STREAM.DELETE.{kv._stream.name}")
        again = await one.open(open_kv)
        assert int((await again.set(Set("k", b"x")))[1:]) > before


async def test_another_client_of_the_server_reads_the_payload_as_it_is() -> None:
    async with bench() as one:
        messaging = await one.open(open_messaging)
        await messaging.publish(Publish("orders", (Outgoing("id", b"\0payload", "key"),)))
        client = await nats.connect(f"nats://127.0.0.1:{one.server.port}")
        try:
            stream = client.jetstream()
            subject = messaging._places.message("orders", "id")
            name = await stream.find_stream_name_by_subject(subject)
            assert (await stream.get_last_msg(name, subject)).data == b"\0payload"
        finally:
            await client.close()


async def test_what_all_groups_have_settled_is_taken_away() -> None:
    async with bench() as one:
        messaging = await one.open(open_messaging)
        messaging._kept = 0.0
        for group in ("g", "h"):
            await messaging.subscribe(Subscribe("t", group))
        for number in range(10):
            await messaging.publish(Publish("t", (Outgoing(f"id-{number}", b"x"),)))
        subject = messaging._places.topic("t")
        for group, left in (("g", 10), ("h", 0)):
            for delivery in await messaging.receive(Receive("t", group, 10)):
                messaging._tidied["t"] = 0.0
                assert await messaging.ack(Ack("t", group, delivery.receipt))
            assert await messaging._stream.count_after(0, subject) == left
        assert (await messaging.measure(Measure("t", "g"))).ready == 0


async def test_content_that_was_taken_away_is_corrupted_and_not_shorter() -> None:
    async with bench() as one:
        objects = await one.open(open_objects)
        await objects.put(Put("o", b"x" * 700_000))
        await objects._stream.purge(f"{objects._stream.name}.c.*.1")
        with pytest.raises(CorruptedError):
            await objects.get_range(GetRange("o"))


async def test_a_closed_store_refuses_calls_and_leaves_no_connection() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        store = kv._stream.store
        await store.aclose()
        await store.aclose()
        await asyncio.sleep(0.05)
        assert one.proxy.connections == 0
        with pytest.raises(ClosedError):
            await kv.get(Get("k"))


def test_a_file_of_credentials_signs_what_the_server_asks_for(tmp_path: Path) -> None:
    seed = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)
    file = tmp_path / "ann.creds"
    file.write_text(
        "-----BEGIN NATS USER JWT-----\nthe.j-w_t\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed.decode()}\n------END USER NKEY SEED------\n"
    )
    said = credentials_of(NatsConfig(credentials_file=file)).of("nonce")
    assert said["jwt"] == "the.j-w_t"
    signature = base64.urlsafe_b64decode(said["sig"] + "==")
    assert nkeys.from_seed(seed).verify(b"nonce", signature)
    assert seed.decode() not in json.dumps(dict(said))


def test_a_file_that_holds_no_credentials_is_refused_without_quoting_it(tmp_path: Path) -> None:
    file = tmp_path / "ann.creds"
    file.write_text("hidden-horse")
    with pytest.raises(ConfigurationError) as caught:
        credentials_of(NatsConfig(credentials_file=file))
    assert "horse" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://127.0.0.1"},
        {"url": "nats://"},
        {"url": "nats://a:1,redis://b:2"},
        {"url": "nats://user:hidden@127.0.0.1"},
        {"tls_cert_file": "c.pem"},
        {"username": "ann", "token": "t"},
        {"replicas": 2},
        {"answer_timeout": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_run_are_refused_without_quoting_them(
    options: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="NatsConfig") as caught:
        NatsConfig.model_validate(options)
    assert "hidden" not in str(caught.value)
