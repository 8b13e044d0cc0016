"""What only a server can do to its clients: refuse, hang, cut, forget, fill up."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from server import bench
from tls import tls_before

from omnicloud.contracts.cache.driver import Clear
from omnicloud.contracts.cache.driver import Get as CacheGet
from omnicloud.contracts.cache.driver import Set as CacheSet
from omnicloud.contracts.kv.driver import Get, Scan, Set
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud.contracts.messaging.driver import (
    Ack,
    Kill,
    Measure,
    Publish,
    Receive,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    CorruptedError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_redis import publishing_scripts as publishing
from omnicloud_redis.cache import open_cache
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.kv import open_kv
from omnicloud_redis.locks import open_locks
from omnicloud_redis.messaging import open_messaging
from omnicloud_tck.served import Lone

_PAGE = Path(__file__).parents[3] / "docs" / "providers" / "redis.md"


async def test_a_call_cancelled_half_way_costs_its_connection_and_nobody_s_answer() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=1)
        store = kv._store
        for name in ("a", "b"):
            await kv.set(Set(name, name.encode() * 9))
        for turns in range(2, 12):
            one.proxy.weather.latency = 0.01
            asked = asyncio.ensure_future(kv.get(Get("a")))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            assert store.open_connections == 0
            one.proxy.clear()
            record = await kv.get(Get("b"))
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


async def test_a_server_that_stops_talking_is_unavailable_as_well() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, answer_timeout=0.5)
        one.proxy.weather.half_open = True
        with pytest.raises(UnavailableError):
            await kv.get(Get("k"))


async def test_an_answer_cut_in_its_middle_is_an_error_and_not_a_value() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x" * 200_000))
        for cut in (0, 1, 7, 1000, 150_000):
            one.proxy.weather.cut_after = cut
            with pytest.raises(UnavailableError):
                await kv.get(Get("k"))
            one.proxy.clear()
            record = await kv.get(Get("k"))
            assert record is not None
            assert record.value == b"x" * 200_000


async def test_what_could_not_be_sent_is_known_to_be_not_done() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        one.server.kill()
        one.proxy.reset()
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError):
            await kv.set(Set("k", b"y"))
        store = await one.store(url=f"redis://127.0.0.1:{one.server.port}/0")
        with pytest.raises(UnavailableError) as caught:
            await store.call("PING")
        assert caught.value.outcome is Outcome.NOT_DONE


async def test_a_client_works_on_after_a_crash_of_the_server() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(20)))
        await one.server.restart()
        one.proxy.reset()
        await asyncio.sleep(0.05)
        page = await kv.scan(Scan())
        assert len(page.keys) == 20
        await kv.set(Set("k0", b"after"))


async def test_versions_and_tokens_grow_on_when_the_server_has_lost_everything() -> None:
    async with bench() as one:
        kv, locks = await one.open(open_kv), await one.open(open_locks)
        grant = await locks.acquire(Acquire("l", "one", 30.0))
        versions, tokens = [await kv.set(Set("k", b"x"))], [grant and grant.token]
        for _ in range(3):
            await kv._store.call("FLUSHALL")
            versions.append(await kv.set(Set("k", b"x")))
            grant = await locks.acquire(Acquire("l", "two", 30.0))
            tokens.append(grant and grant.token)
            await locks.release(Release("l", "two"))
        assert versions == sorted(set(versions))
        assert tokens == sorted(set(tokens))


async def test_forgotten_scripts_are_sent_again() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        await kv._store.call("SCRIPT", "FLUSH")
        await kv.set(Set("k", b"y"))


async def test_many_calls_share_few_connections() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=3)
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(60)))
        assert kv._store.open_connections == 3


async def test_a_call_that_gets_no_connection_in_time_is_throttled() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=1, answer_timeout=0.3)
        one.proxy.weather.latency = 0.2
        said = await asyncio.gather(
            *(kv.get(Get(f"k{n}")) for n in range(8)), return_exceptions=True
        )
        assert any(isinstance(error, ThrottledError) for error in said)


async def test_wrong_credentials_are_unauthenticated_and_not_quoted() -> None:
    async with bench("--requirepass", "right-horse") as one:
        for options in ({}, {"password": "wrong-horse"}):
            with pytest.raises(UnauthenticatedError) as caught:
                await one.open(open_kv, **options)
            assert "horse" not in str(caught.value)
        kv = await one.open(open_kv, password="right-horse")
        await kv.set(Set("k", b"x"))


async def test_a_user_that_may_not_write_is_denied() -> None:
    user = ("--user", "reader", "on", ">pw", "~*", "+@all", "-set", "-evalsha", "-eval")
    async with bench(*user) as one:
        kv = await one.open(open_kv, username="reader", password="pw")
        with pytest.raises(PermissionDeniedError):
            await kv.set(Set("k", b"x"))
        assert await kv.get(Get("k")) is None


async def test_a_user_with_the_documented_rules_alone_is_served() -> None:
    found = re.search(r"ACL SETUSER \S+ on >\S+ (.*?)\n```", _PAGE.read_text(), re.DOTALL)
    assert found
    rules = found[1].replace("\\\n", " ").split()
    async with bench("--user", "plain", "on", ">pw", *rules) as one:
        kv = await one.open(open_kv, username="plain", password="pw")
        await kv.set(Set("k", b"x"))
        assert await kv.get(Get("k")) is not None
        assert len((await kv.scan(Scan())).keys) == 1
        messaging = await one.open(open_messaging, username="plain", password="pw")
        await messaging.subscribe(Subscribe("t", "g"))
        await messaging.publish(Publish("t", (Outgoing("a", b"x"),)))
        (lent,) = await messaging.receive(Receive("t", "g", 1, 1.0, 30.0))
        assert await messaging.kill(Kill("t", "g", lent.receipt, "bad"))
        assert await messaging.redrive(Redrive("t", "g")) == 1
        assert await messaging.receive(Receive("t", "g", 2, 0.5, 30.0))
        assert await messaging.receive(Receive("t", "g", 2, 0.1, 30.0)) == ()
        locks = await one.open(open_locks, username="plain", password="pw")
        assert await locks.acquire(Acquire("l", "one", 30.0))
        cache = await one.open(open_cache, username="plain", password="pw")
        await cache.set(CacheSet("k", b"x"))
        await cache.clear(Clear())


async def test_a_server_that_may_not_be_asked_declares_nothing_durable() -> None:
    user = ("--user", "plain", "on", ">pw", "~*", "+@all", "-config")
    async with bench(*user) as one:
        kv = await one.open(open_kv, username="plain", password="pw", durability="fsync")
        assert KVFeature.DURABLE not in kv.features


@pytest.mark.parametrize("arguments", [("--appendfsync", "everysec"), ("--appendonly", "no")])
async def test_durable_is_declared_only_where_every_write_is_synced(
    arguments: tuple[str, ...],
) -> None:
    async with bench(*arguments) as one:
        kv = await one.open(open_kv, durability="fsync")
        assert KVFeature.DURABLE not in kv.features
    async with bench() as one:
        assert KVFeature.DURABLE in (await one.open(open_kv, durability="fsync")).features
        assert KVFeature.DURABLE not in (await one.open(open_kv)).features


async def test_a_full_server_is_exhausted_and_reads_on() -> None:
    async with bench("--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as one:
        kv = await one.open(open_kv)
        await kv.set(Set("first", b"x"))

        async def fill() -> None:
            for number in range(100):
                await kv.set(Set(f"k{number}", b"x" * 100_000))

        with pytest.raises(ResourceExhaustedError) as caught:
            await fill()
        assert caught.value.outcome is Outcome.NOT_DONE
        assert await kv.get(Get("first")) is not None


async def test_a_full_server_that_is_consumed_from_takes_messages_again() -> None:
    async with bench("--maxmemory", "4mb", "--maxmemory-policy", "noeviction") as one:
        messaging = await one.open(open_messaging)
        messaging._kept = 0.1
        await messaging.subscribe(Subscribe("t", "g"))
        await messaging.publish(Publish("t", (Outgoing("later", b"x"),), delay=0.5))

        async def fill(size: int) -> None:
            for _ in range(20_000):
                await messaging.publish(Publish("t", (Outgoing("any", b"x" * size),)))

        for size in (20_000, 10):
            with pytest.raises(ResourceExhaustedError):
                await fill(size)
        await asyncio.sleep(0.5)
        told = 0
        while lent := await messaging.receive(Receive("t", "g", 10, 0.0, 30.0)):
            told += sum(delivery.id == "later" for delivery in lent)
            for delivery in lent:
                assert await messaging.ack(Ack("t", "g", delivery.receipt))
        assert told == 1
        await asyncio.sleep(0.2)
        assert await messaging.receive(Receive("t", "g", 10, 0.0, 30.0)) == ()
        # The last one of all stays.
        assert await messaging._store.call("XLEN", messaging._base("t") + b"log") == 1
        await messaging.publish(Publish("t", (Outgoing("any", b"x" * 20_000),)))


async def test_what_is_due_or_new_is_taken_over_in_bounded_steps() -> None:
    async with bench() as one:
        messaging = await one.open(open_messaging)
        await messaging.subscribe(Subscribe("t", "g"))
        await messaging.publish(Publish("t", (Outgoing("dead", b"x"),)))
        (lent,) = await messaging.receive(Receive("t", "g", 1, 1.0, 30.0))
        await messaging.kill(Kill("t", "g", lent.receipt, "bad"))
        for many in range(3):
            ids = [f"{many}-{number}" for number in range(1000)]
            due = tuple(Outgoing(id_, b"x") for id_ in ids)
            await messaging.publish(Publish("t", due, delay=1.0))
        await asyncio.sleep(1.1)
        assert await messaging._run(publishing.PUBLISH, "t", 0, 0, "no", "", b"x") == 0
        assert await messaging._store.call("XLEN", messaging._base("t") + b"log") == 1 + 100
        await messaging.publish(Publish("t", (Outgoing("a", b"x"), Outgoing("b", b"x"))))
        log = await messaging._store.call("XREVRANGE", messaging._base("t") + b"log", "+", "-")
        assert len(log) == 1 + 3000 + 2
        assert [fields[1] for _, fields in log[:2]] == [b"b", b"a"]
        assert await messaging.redrive(Redrive("t", "g")) == 1
        depth = await messaging.measure(Measure("t", "g"))
        assert (depth.ready, depth.dead) == (3003, 0)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_evicts_serves_a_cache_and_nothing_else(policy: str) -> None:
    async with bench("--maxmemory", "30mb", "--maxmemory-policy", policy) as one:
        cache = await one.open(open_cache)
        await cache.set(CacheSet("k", b"x"))
        assert await cache.get(CacheGet("k")) is not None
        with pytest.raises(ConfigurationError, match="evicts"):
            await one.open(open_kv)


async def test_a_replica_takes_no_writes_and_says_they_were_not_done() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv._store.call("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(UnavailableError) as caught:
            await kv.set(Set("k", b"x"))
        assert caught.value.outcome is Outcome.NOT_DONE


async def test_a_key_that_something_else_wrote_is_corrupted() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv._store.call("LPUSH", kv._key + b"k", "x")
        with pytest.raises(CorruptedError):
            await kv.get(Get("k"))


async def test_what_is_no_redis_server_is_told_as_such() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(ConfigurationError, match="does not speak Redis's protocol"):
            await open_kv(
                RedisConfig(url=f"redis://127.0.0.1:{port}/0", answer_timeout=5.0), Lone()
            )
    finally:
        server.close()
        await server.wait_closed()


async def test_tls_against_a_plain_server_ends_in_time_with_a_hint() -> None:
    async with bench() as one:
        with pytest.raises(UnavailableError, match="TLS"):
            await one.open(
                open_kv, url=f"rediss://127.0.0.1:{one.server.port}/0", connect_timeout=1.0
            )


async def test_tls_is_checked_against_the_given_authority_and_no_other(tmp_path: Path) -> None:
    async with bench() as one, tls_before(one.server.port, tmp_path) as port:
        url = f"rediss://localhost:{port}/0"
        kv = await one.open(open_kv, url=url, tls_ca_file=tmp_path / "ca.pem")
        await kv.set(Set("k", b"x"))
        assert await kv.get(Get("k")) is not None
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, url=url)
        by_address = f"rediss://127.0.0.1:{port}/0"
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, url=by_address, tls_ca_file=tmp_path / "ca.pem")


async def test_a_closed_store_refuses_calls_and_leaves_no_connection() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        await kv._store.aclose()
        await kv._store.aclose()
        assert kv._store.open_connections == 0
        with pytest.raises(ClosedError):
            await kv.get(Get("k"))


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://127.0.0.1"},
        {"url": "redis://user:hidden@127.0.0.1"},
        {"tls_ca_file": "ca.pem"},
        {"url": "rediss://h", "tls_cert_file": "c.pem"},
        {"answer_timeout": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_run_are_refused_without_quoting_them(
    options: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="RedisConfig") as caught:
        RedisConfig.model_validate(options)
    assert "hidden" not in str(caught.value)


async def test_a_publish_writes_no_more_than_its_message_needs() -> None:
    async with bench() as one:
        messaging = await one.open(open_messaging)
        store, base = messaging._store, messaging._base("t")
        plain = Publish("t", (Outgoing("any", b"x"),))
        chosen = Publish("t", (Outgoing("mine", b"x"),), dedupe=True)
        await messaging.publish(plain)
        assert await store.call("EXISTS", base + b"i:any", base + b"bell") == 0
        await messaging.publish(chosen)
        await messaging.publish(chosen)
        assert await store.call("EXISTS", base + b"i:mine") == 1
        assert await store.call("XLEN", base + b"log") == 2


async def test_the_bell_rings_once_for_all_who_found_nothing_since() -> None:
    async with bench() as one:
        messaging = await one.open(open_messaging)
        store, bell = messaging._store, messaging._base("t") + b"bell"
        plain = Publish("t", (Outgoing("any", b"x"),))
        groups = ("a", "b")
        for group in groups:
            await messaging.subscribe(Subscribe("t", group))
        calls = [
            asyncio.ensure_future(messaging.receive(Receive("t", group, 1, 30.0, 30.0)))
            for group in groups
        ]
        while await store.call("XLEN", bell) == 0:  # both wait when a publish rings
            await asyncio.sleep(0.05)
            if store._waits.open_connections == 2:
                await messaging.publish(plain)
        rung = await store.call("XINFO", "STREAM", bell)
        assert [len(lent) for lent in await asyncio.gather(*calls)] == [1, 1]
        await messaging.publish(plain)
        assert await store.call("XINFO", "STREAM", bell) == rung
