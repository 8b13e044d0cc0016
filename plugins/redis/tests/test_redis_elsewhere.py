"""Another server at the address: one after a failover, or something that is no Redis."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from server import bench

from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.errors import ConfigurationError, Outcome, UnavailableError
from omnicloud_redis.certify import _answers_ping, program
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.kv import open_kv
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import ServerProcess


async def test_a_primary_that_became_a_replica_is_left_for_the_one_at_the_address_now() -> None:
    async with bench() as old, bench() as new:
        kv = await old.open(open_kv)
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(8)))
        admin = await old.store(url=f"redis://127.0.0.1:{old.server.port}/0")
        await admin.call("REPLICAOF", "127.0.0.1", str(new.server.port))
        await admin.aclose()
        assert kv._store.open_connections > 1
        old.proxy.retarget(new.server.port)  # connections of before stay where they are
        with pytest.raises(UnavailableError) as told:
            await kv.set(Set("k", b"y"))
        assert told.value.outcome is Outcome.NOT_DONE
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"y")) for n in range(8)))
        record = await kv.get(Get("k0"))
        assert record is not None
        assert record.value == b"y"


async def test_a_server_that_is_silent_costs_one_call_its_time_and_not_each_connection() -> None:
    async with bench() as old, bench() as new:
        kv = await old.open(open_kv, answer_timeout=0.5)
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(8)))
        assert kv._store.open_connections > 1
        old.proxy.weather.blackhole = True  # for the connections of before: theirs are kept
        with pytest.raises(UnavailableError):
            await kv.set(Set("k", b"y"))
        assert kv._store.open_connections == 0
        old.proxy.clear()
        old.proxy.retarget(new.server.port)
        await kv.set(Set("k", b"y"))


async def test_a_replica_is_refused_when_it_is_opened() -> None:
    async with bench() as one:
        store = await one.store()
        await store.call("REPLICAOF", "127.0.0.1", "1")
        await store.aclose()
        with pytest.raises(ConfigurationError, match="replica") as told:
            await one.open(open_kv)
        assert told.value.outcome is Outcome.NOT_DONE


async def test_a_node_of_a_cluster_is_refused_when_it_is_opened() -> None:
    async with bench("--cluster-enabled", "yes") as one:
        with pytest.raises(ConfigurationError, match="a cluster"):
            await one.open(open_kv)


async def test_a_cluster_of_one_shard_is_served() -> None:
    async with bench("--cluster-enabled", "yes") as one:
        admin = await one.store()
        await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        for _ in range(200):
            if b"cluster_state:ok" in await admin.call("CLUSTER", "INFO"):
                break
            await asyncio.sleep(0.05)
        await admin.aclose()
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        assert await kv.get(Get("k")) is not None


async def test_a_sentinel_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    settings, lone = tmp_path / "sentinel.conf", Lone()
    settings.write_text("")
    sentinel = ServerProcess(
        lambda port, _: (program(), str(settings), "--sentinel", "--port", str(port)),
        _answers_ping,
    )
    try:
        await sentinel.start()
        with pytest.raises(ConfigurationError, match="sentinel"):
            await open_kv(RedisConfig(url=f"redis://127.0.0.1:{sentinel.port}/0"), lone)
    finally:
        await lone.aclose()
        sentinel.remove()


@pytest.mark.parametrize(("version", "why"), [("6.2.14", "6.2.14, too old"), ("new", "no version")])
async def test_a_server_of_another_version_is_refused_by_name(version: str, why: str) -> None:
    info = f"# Server\r\nredis_version:{version}\r\n".encode()

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asked := await reader.read(4096):
                answers = b"+OK\r\n" * asked.count(b"CLIENT")
                answers += b"$%d\r\n%b\r\n" % (len(info), info) * asked.count(b"INFO\r\n")
                writer.write(answers)
        except OSError:
            return
        finally:
            writer.transport.abort()

    listening, lone = await asyncio.start_server(old, "127.0.0.1", 0), Lone()
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ConfigurationError, match=why):
            await open_kv(RedisConfig(url=f"redis://127.0.0.1:{port}/0"), lone)
        await lone.aclose()


async def test_what_is_no_redis_in_place_of_one_that_was_is_an_outage_and_passes() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        writer.close()

    other = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with bench() as one, other:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        one.proxy.retarget(other.sockets[0].getsockname()[1])
        one.proxy.reset()
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await kv.get(Get("k"))
        with pytest.raises(UnavailableError, match="does not speak Redis's") as told:
            await kv.set(Set("k", b"y"))
        assert told.value.outcome is Outcome.NOT_DONE
        one.proxy.retarget(one.server.port)
        record = await kv.get(Get("k"))
        assert record is not None
        assert record.value == b"x"
