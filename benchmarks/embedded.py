"""The embedded default beside what a user would pick instead, in one run, as ratios.

``python benchmarks/embedded.py [--smoke]``: prints a table and JSON. Each row says the durability
of both sides; only rows of equal durability are compared: ``power`` is an fsync for each
acknowledged write (SQLite ``synchronous=FULL`` in WAL), ``process`` is none (``NORMAL``).
A ratio above 1 says how many times faster the embedded default is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import diskcache
import litequeue
from key_value.aio.stores.disk import DiskStore

from omnicloud import OmniCloud
from omnicloud.contracts.kv import KV

VALUE = b"v" * 200
WRITERS = 64

Act = Callable[[int], Awaitable[Any]]


@dataclass(frozen=True)
class Peer:
    """One store: how a value is set and got, and how hard a write is written."""

    name: str
    durability: str
    set: Act
    get: Act
    batch: Act | None = None


@asynccontextmanager
async def local(folder: Path, durability: str) -> AsyncIterator[Peer]:
    service = {"contract": "kv", "provider": "local", "path": str(folder), "durability": durability}
    async with OmniCloud({"services": {"bench": service}}) as cloud:
        kv: KV[bytes] = cloud.kv("bench", bytes)

        async def batch(n: int) -> None:
            await kv.set_many({f"b{n}-{i}": VALUE for i in range(100)})

        yield Peer(
            "omnicloud-local",
            durability,
            lambda n: kv.set(f"k{n}", VALUE),
            lambda n: kv.get(f"k{n}"),
            batch,
        )


@asynccontextmanager
async def plain(folder: Path, durability: str) -> AsyncIterator[Peer]:
    async with aiosqlite.connect(folder / "plain.db", isolation_level=None) as db:
        await db.execute("PRAGMA journal_mode = WAL")
        level = {"power": "FULL", "process": "NORMAL"}[durability]
        await db.execute(f"PRAGMA synchronous = {level}")
        await db.execute("CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB)")
        put = "INSERT OR REPLACE INTO kv VALUES (?, ?)"

        async def get(n: int) -> Any:
            async with db.execute("SELECT value FROM kv WHERE key = ?", (f"k{n}",)) as rows:
                return await rows.fetchone()

        async def batch(n: int) -> None:
            await db.execute("BEGIN")
            await db.executemany(put, [(f"b{n}-{i}", VALUE) for i in range(100)])
            await db.execute("COMMIT")

        yield Peer("aiosqlite", durability, lambda n: db.execute(put, (f"k{n}", VALUE)), get, batch)


@asynccontextmanager
async def disk(folder: Path, durability: str) -> AsyncIterator[Peer]:
    level = {"power": 2, "process": 1}[durability]
    cache = diskcache.Cache(str(folder / "disk"), sqlite_synchronous=level)

    async def put(n: int) -> None:
        await asyncio.to_thread(cache.set, f"k{n}", VALUE)

    async def get(n: int) -> Any:
        return await asyncio.to_thread(cache.get, f"k{n}")

    try:
        yield Peer("diskcache in a thread", durability, put, get)
    finally:
        cache.close()


@asynccontextmanager
async def key_value(folder: Path, _: str) -> AsyncIterator[Peer]:
    async with DiskStore(directory=folder / "key-value") as store:
        yield Peer(
            "py-key-value disk",
            "process",  # its own setting; it offers no other
            lambda n: store.put(key=f"k{n}", value={"v": VALUE.decode()}),
            lambda n: store.get(key=f"k{n}"),
        )


@asynccontextmanager
async def queue_local(folder: Path, durability: str) -> AsyncIterator[Peer]:
    service = {
        "contract": "messaging",
        "provider": "local",
        "path": str(folder),
        "durability": durability,
    }
    async with OmniCloud({"services": {"bench": service}}) as cloud:
        messages = cloud.messaging("bench")
        publish: Act = lambda _: messages.publish("topic", VALUE)  # noqa: E731 - a row of a table
        yield Peer("omnicloud-local", durability, publish, publish)


@asynccontextmanager
async def queue_lite(folder: Path, durability: str) -> AsyncIterator[Peer]:
    queue = litequeue.LiteQueue(str(folder / "lite.db"))
    level = {"power": "FULL", "process": "NORMAL"}[durability]
    queue.conn.execute(f"PRAGMA synchronous = {level}")

    async def put(_: int) -> None:
        queue.put(VALUE.decode())

    yield Peer("litequeue (blocks the loop)", durability, put, put)
    queue.close()


async def sequential(act: Act, count: int) -> float:
    """Median microseconds of a call, one after another."""
    times = []
    for number in range(count):
        start = time.perf_counter()
        await act(number)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def concurrent(act: Act, count: int) -> float:
    """Microseconds a call with 64 callers at once."""

    async def work(first: int) -> None:
        for number in range(first, count, WRITERS):
            await act(number)

    start = time.perf_counter()
    await asyncio.gather(*map(work, range(WRITERS)))
    return (time.perf_counter() - start) / count * 1e6


async def measured(peer: Peer, count: int) -> dict[str, float]:
    await sequential(peer.set, count // 10)
    figures = {
        "set": await sequential(peer.set, count),
        "get": await sequential(peer.get, count),
        f"set, {WRITERS} callers": await concurrent(peer.set, count),
        f"get, {WRITERS} callers": await concurrent(peer.get, count),
    }
    if peer.batch is not None:
        figures["batch of 100"] = await sequential(peer.batch, max(5, count // 50))
    return figures


KV_PEERS = (local, plain, disk, key_value)
QUEUE_PEERS = (queue_local, queue_lite)


async def run(count: int) -> list[dict[str, Any]]:
    rows = []
    for kind, makers in (("kv", KV_PEERS), ("queue publish", QUEUE_PEERS)):
        for durability in ("process", "power"):
            async with AsyncExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                peers = [await stack.enter_async_context(m(folder, durability)) for m in makers]
                figures = [await measured(peer, count) for peer in peers]
            rows += compared(kind, peers, figures)
    return rows


def compared(kind: str, peers: list[Peer], figures: list[dict[str, float]]) -> list[dict[str, Any]]:
    ours = figures[0]
    operations = [name for name in ours if kind == "kv" or "get" not in name]
    return [
        {
            "kind": kind,
            "operation": operation,
            "durability": peer.durability,
            "peer": peer.name,
            "ours_us": round(ours[operation], 1),
            "peer_us": round(theirs[operation], 1),
            "ratio": round(theirs[operation] / ours[operation], 2),
        }
        for peer, theirs in zip(peers[1:], figures[1:], strict=True)
        if peer.durability == peers[0].durability
        for operation in operations
        if operation in theirs
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few calls")
    count = 200 if parser.parse_args().smoke else 2000
    rows = asyncio.run(run(count))
    for row in rows:
        print(
            f"{row['kind']:14} {row['operation']:16} {row['durability']:8} {row['ours_us']:>9} µs  "
            f"{row['peer']:36} {row['peer_us']:>9} µs  x{row['ratio']}",
            file=sys.stderr,
        )
    about = {"python": platform.python_version(), "cpus": os.cpu_count(), "calls": count}
    print(json.dumps({"machine": about, "load": os.getloadavg()[0], "results": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
