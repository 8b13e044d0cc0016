"""What a user would pick instead of the embedded default, and how it is used well from asyncio.

A peer that answers on the event loop's own thread keeps the loop while the disk works. It is
measured so, and says so; and in a thread, as an asyncio program that must not stop has to
use it. Not here: aiocache, which has no store on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import diskcache
import litequeue
import persistqueue
from cashews import Cache
from filelock import AsyncFileLock
from key_value.aio.stores.disk import DiskStore

from omnicloud import Message, OmniCloud
from omnicloud.contracts.messaging.driver import Ack, Receive, Subscribe

VALUE = b"v" * 200
BATCH = 100

Act = Callable[[int], Awaitable[Any]]


@dataclass(frozen=True)
class Peer:
    """A store, how hard it writes, and the operations it has, by name."""

    name: str
    durability: str
    acts: dict[str, Act]
    blocks: bool = False


@asynccontextmanager
async def _service(folder: Path, durability: str, contract: str) -> AsyncIterator[Any]:
    service = {"contract": contract, "provider": "local", "path": str(folder / "ours")}
    service["durability"] = durability
    async with OmniCloud({"services": {"bench": service}}) as cloud:
        yield getattr(cloud, contract)("bench", *([bytes] if contract == "kv" else []))


@asynccontextmanager
async def our_kv(folder: Path, durability: str) -> AsyncIterator[list[Peer]]:
    async with _service(folder, durability, "kv") as kv:
        acts: dict[str, Act] = {
            "set": lambda n: kv.set(f"k{n}", VALUE),
            "get": lambda n: kv.get(f"k{n}"),
            f"set {BATCH}": lambda n: kv.set_many({f"b{n}-{i}": VALUE for i in range(BATCH)}),
        }
        yield [Peer("omnicloud-local", durability, acts)]


@asynccontextmanager
async def plain(folder: Path, durability: str) -> AsyncIterator[list[Peer]]:
    async with aiosqlite.connect(folder / "plain.db", isolation_level=None) as db:
        await db.execute("PRAGMA journal_mode = WAL")
        level = {"power": "FULL", "process": "NORMAL"}[durability]
        await db.execute(f"PRAGMA synchronous = {level}")
        await db.execute("CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB)")
        put, find = "INSERT OR REPLACE INTO kv VALUES (?, ?)", "SELECT value FROM kv WHERE key = ?"

        async def batch(n: int) -> None:
            await db.execute("BEGIN")
            await db.executemany(put, [(f"b{n}-{i}", VALUE) for i in range(BATCH)])
            await db.execute("COMMIT")

        acts: dict[str, Act] = {
            "set": lambda n: db.execute(put, (f"k{n}", VALUE)),
            "get": lambda n: db.execute_fetchall(find, (f"k{n}",)),
            f"set {BATCH}": batch,
        }
        yield [Peer("aiosqlite, a plain table", durability, acts)]


@asynccontextmanager
async def disk(folder: Path, durability: str) -> AsyncIterator[list[Peer]]:
    level = {"power": 2, "process": 1}[durability]
    with diskcache.Cache(str(folder / "disk"), sqlite_synchronous=level) as cache:

        def put_all(n: int) -> None:
            with cache.transact():
                for i in range(BATCH):
                    cache.set(f"b{n}-{i}", VALUE)

        acts: dict[str, Act] = {
            "set": lambda n: asyncio.to_thread(cache.set, f"k{n}", VALUE),
            "get": lambda n: asyncio.to_thread(cache.get, f"k{n}"),
            f"set {BATCH}": lambda n: asyncio.to_thread(put_all, n),
        }
        yield [Peer("diskcache in threads", durability, acts)]


@asynccontextmanager
async def cashews(folder: Path, _: str) -> AsyncIterator[list[Peer]]:
    cache = Cache()
    cache.setup("disk://", directory=str(folder / "cashews"))
    acts: dict[str, Act] = {
        "set": lambda n: cache.set(f"k{n}", VALUE),
        "get": lambda n: cache.get(f"k{n}"),
        f"set {BATCH}": lambda n: cache.set_many({f"b{n}-{i}": VALUE for i in range(BATCH)}),
    }
    try:
        yield [Peer("cashews disk", "process", acts)]  # diskcache's own setting
    finally:
        await cache.close()


@asynccontextmanager
async def key_value(folder: Path, _: str) -> AsyncIterator[list[Peer]]:
    async with DiskStore(directory=folder / "key-value") as store:
        value = {"v": VALUE.decode()}

        async def batch(n: int) -> None:
            keys = [f"b{n}-{i}" for i in range(BATCH)]
            await store.put_many(keys=keys, values=[value] * BATCH)

        acts: dict[str, Act] = {
            "set": lambda n: store.put(key=f"k{n}", value=value),
            "get": lambda n: store.get(key=f"k{n}"),
            f"set {BATCH}": batch,
        }
        yield [Peer("py-key-value disk", "process", acts, blocks=True)]  # it offers no other


@asynccontextmanager
async def our_queue(folder: Path, durability: str) -> AsyncIterator[list[Peer]]:
    async with _service(folder, durability, "messaging") as messages:
        send = messages.pipeline.send
        await send(Subscribe("topic", "group"))
        many = [Message(VALUE, None, {}) for _ in range(BATCH)]

        async def take(_: int) -> None:
            (one,) = await send(Receive("topic", "group", 1, 0.0, 60.0))
            assert await send(Ack("topic", "group", one.receipt))

        acts: dict[str, Act] = {
            "put": lambda _: messages.publish("topic", VALUE),
            f"put {BATCH}": lambda _: messages.publish_many("topic", many),
            "take and ack": take,
        }
        yield [Peer("omnicloud-local", durability, acts)]


@asynccontextmanager
async def queue_lite(folder: Path, durability: str) -> AsyncIterator[list[Peer]]:
    level = {"power": "FULL", "process": "NORMAL"}[durability]
    queue = litequeue.LiteQueue(str(folder / "lite.db"))
    queue.conn.execute(f"PRAGMA synchronous = {level}")
    text = VALUE.decode()

    def put(_: int) -> None:
        queue.put(text)

    def put_all(n: int) -> None:
        for _ in range(BATCH):
            put(n)

    def take(_: int) -> None:
        queue.done(queue.pop().message_id)

    calls = {"put": put, f"put {BATCH}": put_all, "take and ack": take}
    with ThreadPoolExecutor(1) as thread:  # its connection serves one thread at a time
        yield [
            Peer("litequeue", durability, _on_loop(calls), blocks=True),
            Peer("litequeue in a thread", durability, _in(thread, calls)),
        ]
    queue.close()


@asynccontextmanager
async def queue_persist(folder: Path, _: str) -> AsyncIterator[list[Peer]]:
    queue = persistqueue.SQLiteAckQueue(
        str(folder / "persist"), multithreading=True, auto_commit=True
    )

    def put_all(_: int) -> None:
        for _ in range(BATCH):
            queue.put(VALUE)

    calls: dict[str, Callable[[int], Any]] = {
        "put": lambda _: queue.put(VALUE),
        f"put {BATCH}": put_all,
        "take and ack": lambda _: queue.ack(queue.get(block=False)),
    }
    with ThreadPoolExecutor(1) as thread:
        yield [Peer("persist-queue in a thread", "power", _in(thread, calls))]
    queue.close()


@asynccontextmanager
async def our_locks(folder: Path, durability: str) -> AsyncIterator[list[Peer]]:
    async with _service(folder, durability, "locks") as locks:

        async def both(n: int) -> None:
            async with locks.get_lock(f"l{n % 64}", 30.0) as acquired:
                assert acquired

        yield [Peer("omnicloud-local", durability, {"acquire, release": both})]


@asynccontextmanager
async def file_locks(folder: Path, _: str) -> AsyncIterator[list[Peer]]:
    locks = [AsyncFileLock(folder / f"l{n}.lock") for n in range(64)]

    async def both(n: int) -> None:
        async with locks[n % 64]:
            pass

    yield [Peer("filelock in a thread", "process", {"acquire, release": both})]


def _on_loop(calls: dict[str, Callable[[int], Any]]) -> dict[str, Act]:
    def made(call: Callable[[int], Any]) -> Act:
        async def act(n: int) -> None:
            call(n)

        return act

    return {name: made(call) for name, call in calls.items()}


def _in(thread: ThreadPoolExecutor, calls: dict[str, Callable[[int], Any]]) -> dict[str, Act]:
    def made(call: Callable[[int], Any]) -> Act:
        return lambda n: asyncio.get_running_loop().run_in_executor(thread, call, n)

    return {name: made(call) for name, call in calls.items()}


KINDS = {
    "kv": (our_kv, plain, disk, cashews, key_value),
    "queue": (our_queue, queue_lite, queue_persist),
    "locks": (our_locks, file_locks),
}
"""Ours first."""
