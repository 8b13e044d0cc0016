"""The services that providers stand for, with their raw clients and what a user would pick instead.

Each maker starts a real server, or takes one, and yields peers: ours first, the raw client second.
All of them hold one client with a pool of connections, and do the same work on the same server.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from omnicloud import OmniCloud
from omnicloud.contracts.objects import Objects

__all__ = [
    "BODY", "KINDS", "VALUE", "Act", "Peer", "aiobotocore_client", "obstore_store", "s3_ours",
    "s3_place",
]  # fmt: skip

VALUE = b"v" * 200
BODY = b"b" * 65_536
POOL = 64
Act = Callable[[int], Awaitable[Any]]


@dataclass(frozen=True)
class Peer:
    """A client and the operations it has, by name."""

    name: str
    acts: dict[str, Act]


@asynccontextmanager
async def redis_kv() -> AsyncIterator[list[Peer]]:
    """Reading and writing keys on Redis."""
    async with AsyncExitStack() as stack:
        url = await _redis_server(stack)
        raw = await _redis_client(stack, url)
        made = [
            await _ours_kv(stack, "redis", url=url, max_connections=POOL),
            Peer(
                "redis-py",
                {"set": lambda n: raw.set(f"r{n}", VALUE), "get": lambda n: raw.get(f"r{n}")},
            ),
            await _key_value(stack, url),
            _aiocache(url),
            await _cashews(stack, url),
        ]
        yield made


@asynccontextmanager
async def redis_queue() -> AsyncIterator[list[Peer]]:
    """Publishing to a stream on Redis."""
    async with AsyncExitStack() as stack:
        url = await _redis_server(stack)
        raw = await _redis_client(stack, url)
        yield [
            await _ours_messaging(stack, "redis", url=url),
            Peer("redis-py", {"publish": lambda n: raw.xadd("raw", {"v": VALUE})}),
            await _faststream(stack, url),
        ]


@asynccontextmanager
async def postgres_kv() -> AsyncIterator[list[Peer]]:
    """Reading and writing keys in PostgreSQL, each write durable."""
    import asyncpg

    from omnicloud_postgres.server import postgres_server

    server = postgres_server()
    async with AsyncExitStack() as stack:
        stack.callback(server.end)
        await server.start()
        url = f"postgresql://127.0.0.1:{server.port}/postgres"
        pool = await asyncpg.create_pool(url, user="postgres", min_size=16, max_size=16)
        stack.push_async_callback(pool.close)
        await pool.execute("CREATE TABLE raw (key TEXT PRIMARY KEY, value BYTEA)")
        put = "INSERT INTO raw VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2"
        find = "SELECT value FROM raw WHERE key = $1"
        yield [
            await _ours_kv(stack, "postgres", url=url, username="postgres", max_connections=16),
            Peer(
                "asyncpg's pool",
                {
                    "set": lambda n: pool.execute(put, f"k{n}", VALUE),
                    "get": lambda n: pool.fetchval(find, f"k{n}"),
                },
            ),
        ]


@asynccontextmanager
async def postgres_queue() -> AsyncIterator[list[Peer]]:
    """Publishing to a table in PostgreSQL, each message durable."""
    import asyncpg

    from omnicloud_postgres.server import postgres_server

    server = postgres_server()
    async with AsyncExitStack() as stack:
        stack.callback(server.end)
        await server.start()
        url = f"postgresql://127.0.0.1:{server.port}/postgres"
        pool = await asyncpg.create_pool(url, user="postgres", min_size=16, max_size=16)
        stack.push_async_callback(pool.close)
        await pool.execute("CREATE TABLE raw (id BIGSERIAL PRIMARY KEY, value BYTEA)")
        put = "INSERT INTO raw (value) VALUES ($1)"
        yield [
            await _ours_messaging(
                stack, "postgres", url=url, username="postgres", max_connections=16
            ),
            Peer("asyncpg's pool", {"publish": lambda _: pool.execute(put, VALUE)}),
        ]


@asynccontextmanager
async def nats_queue() -> AsyncIterator[list[Peer]]:
    """Publishing to a JetStream stream, each message durable."""
    import nats
    from faststream.nats import NatsBroker

    from omnicloud_nats.certify import nats_server

    server = nats_server()
    async with AsyncExitStack() as stack:
        stack.callback(server.remove)
        await server.start()
        url = f"nats://127.0.0.1:{server.port}"
        client = await nats.connect(url)
        stack.push_async_callback(client.close)
        stream = client.jetstream()
        await stream.add_stream(name="raw", subjects=["raw.>"])
        broker = NatsBroker(url)
        await broker.connect()
        stack.push_async_callback(broker.stop)
        yield [
            await _ours_messaging(stack, "nats", url=url),
            Peer("nats-py", {"publish": lambda _: stream.publish("raw.t", VALUE)}),
            Peer(
                "nats-py, with ids",
                {"publish": lambda _: stream.publish("raw.t", VALUE, headers=_id())},
            ),
            Peer("FastStream", {"publish": lambda _: broker.publish(VALUE, "raw.f", stream="raw")}),
        ]


def _id() -> dict[str, str]:
    """What has JetStream drop a message that was published before, as ours does."""
    return {"Nats-Msg-Id": uuid.uuid4().hex}


@asynccontextmanager
async def nats_kv() -> AsyncIterator[list[Peer]]:
    """Reading and writing keys in a JetStream bucket."""
    import nats

    from omnicloud_nats.certify import nats_server

    server = nats_server()
    async with AsyncExitStack() as stack:
        stack.callback(server.remove)
        await server.start()
        url = f"nats://127.0.0.1:{server.port}"
        client = await nats.connect(url)
        stack.push_async_callback(client.close)
        raw = await client.jetstream().create_key_value(bucket="raw")
        yield [
            await _ours_kv(stack, "nats", url=url),
            Peer(
                "nats-py",
                {"set": lambda n: raw.put(f"k{n}", VALUE), "get": lambda n: raw.get(f"k{n}")},
            ),
        ]


@asynccontextmanager
async def s3_objects() -> AsyncIterator[list[Peer]]:
    """Objects of 64 KiB on S3."""
    async with AsyncExitStack() as stack:
        place = await s3_place(stack)
        ours = await s3_ours(stack, place)
        yield [
            Peer(
                "omnicloud-s3",
                {
                    "put": lambda n: ours.upload(f"o{n}", BODY),
                    "get": lambda n: ours.download(f"o{n}"),
                },
            ),
            await _aiobotocore(stack, place),
            _obstore(place),
            await _s3fs(stack, place),
        ]


async def s3_place(stack: AsyncExitStack) -> dict[str, str]:
    """A bucket on a server of its own: endpoint, bucket, access_key and secret_key."""
    from omnicloud_s3.certify import ACCESS, SECRET, made_bucket, seaweedfs
    from omnicloud_s3.config import S3Config

    server = seaweedfs()
    stack.callback(server.end)
    await server.start()
    place = {"endpoint": f"http://127.0.0.1:{server.port}", "bucket": "bench"}
    place |= {"access_key": ACCESS, "secret_key": SECRET}
    await made_bucket(S3Config.model_validate(place))
    return place


async def s3_ours(stack: AsyncExitStack, place: dict[str, str]) -> Objects:
    """The bucket as this library has it."""
    service = {"contract": "objects", "provider": "s3", **place}
    cloud = await stack.enter_async_context(OmniCloud({"services": {"bench": service}}))
    return cloud.objects("bench")


async def _redis_server(stack: AsyncExitStack) -> str:
    from omnicloud_redis.certify import redis_server

    server = redis_server("--appendonly", "no")
    stack.callback(server.remove)
    await server.start()
    return f"redis://127.0.0.1:{server.port}/0"


async def _redis_client(stack: AsyncExitStack, url: str) -> Any:
    from redis import asyncio as redis

    client = redis.Redis.from_url(url, max_connections=POOL)
    stack.push_async_callback(client.aclose)
    await client.ping()
    return client


async def _ours_kv(stack: AsyncExitStack, provider: str, **options: object) -> Peer:
    service = {"contract": "kv", "provider": provider, **options}
    cloud = await stack.enter_async_context(OmniCloud({"services": {"bench": service}}))
    kv = cloud.kv("bench", bytes)
    acts: dict[str, Act] = {
        "set": lambda n: kv.set(f"k{n}", VALUE),
        "get": lambda n: kv.get(f"k{n}"),
    }
    return Peer(f"omnicloud-{provider}", acts)


async def _ours_messaging(stack: AsyncExitStack, provider: str, **options: object) -> Peer:
    service = {"contract": "messaging", "provider": provider, **options}
    cloud = await stack.enter_async_context(OmniCloud({"services": {"bench": service}}))
    messaging = cloud.messaging("bench")
    await messaging.subscribe("t", "g")
    return Peer(f"omnicloud-{provider}", {"publish": lambda _: messaging.publish("t", VALUE)})


async def _key_value(stack: AsyncExitStack, url: str) -> Peer:
    from key_value.aio.stores.redis import RedisStore

    store = await stack.enter_async_context(RedisStore(url=url))
    value = {"v": VALUE.decode()}
    acts: dict[str, Act] = {
        "set": lambda n: store.put(f"p{n}", value),
        "get": lambda n: store.get(f"p{n}"),
    }
    return Peer("py-key-value-aio", acts)


def _aiocache(url: str) -> Peer:
    from aiocache import RedisCache
    from aiocache.serializers import NullSerializer

    port = int(url.rsplit(":", 1)[1].split("/")[0])
    cache = RedisCache(
        endpoint="127.0.0.1",
        port=port,
        pool_max_size=POOL,
        serializer=NullSerializer(encoding=None),
    )
    acts: dict[str, Act] = {
        "set": lambda n: cache.set(f"a{n}", VALUE),
        "get": lambda n: cache.get(f"a{n}"),
    }
    return Peer("aiocache", acts)


async def _cashews(stack: AsyncExitStack, url: str) -> Peer:
    from cashews import Cache

    cache = Cache()
    cache.setup(url, max_connections=POOL)
    stack.push_async_callback(cache.close)
    acts: dict[str, Act] = {
        "set": lambda n: cache.set(f"c{n}", VALUE),
        "get": lambda n: cache.get(f"c{n}"),
    }
    return Peer("cashews", acts)


async def _faststream(stack: AsyncExitStack, url: str) -> Peer:
    from faststream.redis import RedisBroker

    broker = RedisBroker(url)
    await broker.connect()
    stack.push_async_callback(broker.stop)
    return Peer("FastStream", {"publish": lambda n: broker.publish(VALUE, stream="faststream")})


async def aiobotocore_client(stack: AsyncExitStack, place: dict[str, str]) -> Any:
    """The asynchronous form of Amazon's own client."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    return await stack.enter_async_context(
        get_session().create_client(
            "s3",
            endpoint_url=place["endpoint"],
            region_name="us-east-1",
            aws_access_key_id=place["access_key"],
            aws_secret_access_key=place["secret_key"],
            config=AioConfig(max_pool_connections=POOL),
        )
    )


async def _aiobotocore(stack: AsyncExitStack, place: dict[str, str]) -> Peer:
    client = await aiobotocore_client(stack, place)

    async def get(n: int) -> bytes:
        answer = await client.get_object(Bucket="bench", Key=f"raw{n}")
        async with answer["Body"] as body:
            return bytes(await body.read())

    acts: dict[str, Act] = {
        "put": lambda n: client.put_object(Bucket="bench", Key=f"raw{n}", Body=BODY),
        "get": get,
    }
    return Peer("aiobotocore", acts)


def obstore_store(place: dict[str, str]) -> Any:
    """The bucket as obstore has it, in Rust."""
    from obstore.store import S3Store

    return S3Store(
        place["bucket"],
        endpoint=place["endpoint"],
        access_key_id=place["access_key"],
        secret_access_key=place["secret_key"],
        region="us-east-1",
        client_options={"allow_http": True},
    )


def _obstore(place: dict[str, str]) -> Peer:
    store = obstore_store(place)

    async def get(n: int) -> bytes:
        return bytes(await (await store.get_async(f"obs{n}")).bytes_async())

    return Peer("obstore", {"put": lambda n: store.put_async(f"obs{n}", BODY), "get": get})


async def _s3fs(stack: AsyncExitStack, place: dict[str, str]) -> Peer:
    import s3fs

    files = s3fs.S3FileSystem(
        key=place["access_key"],
        secret=place["secret_key"],
        endpoint_url=place["endpoint"],
        asynchronous=True,
        skip_instance_cache=True,
    )
    client = await files.set_session()
    stack.push_async_callback(client.close)
    acts: dict[str, Act] = {
        "put": lambda n: files._pipe_file(f"bench/fs{n}", BODY),  # noqa: SLF001 - its documented asynchronous face
        "get": lambda n: files._cat_file(f"bench/fs{n}"),  # noqa: SLF001
    }
    return Peer("s3fs", acts)


KINDS: dict[str, Callable[[], Any]] = {
    "redis kv": redis_kv,
    "redis messaging": redis_queue,
    "postgres kv": postgres_kv,
    "postgres messaging": postgres_queue,
    "nats kv": nats_kv,
    "nats messaging": nats_queue,
    "s3 objects": s3_objects,
}
