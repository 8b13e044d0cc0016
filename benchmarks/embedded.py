"""The embedded default beside what a user would pick instead, in one run, as ratios.

``python benchmarks/embedded.py [--smoke]``: prints a table and JSON. Each row says the durability
of both sides; only rows of equal durability are compared: ``power`` is an fsync for each
acknowledged write (SQLite ``synchronous=FULL`` in WAL), ``process`` is none (``NORMAL``).
A ratio above 1 says how many times faster the embedded default is. Peers take turns in rounds,
and a figure is the median of the rounds, so that a noisy neighbour is noisy for all.
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
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from embedded_peers import BATCH, KINDS, Act, Peer

ROUNDS = 10
WRITERS = 64
NO_CROWD = ("take and ack", "acquire, release", f"set {BATCH}", f"put {BATCH}")
"""Operations that are measured one after another only."""

Figures = dict[str, list[float]]


async def one_by_one(act: Act, first: int, count: int) -> float:
    """Median microseconds of a call, one after another."""
    times = []
    for number in range(first, first + count):
        start = time.perf_counter()
        await act(number)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def all_at_once(act: Act, count: int) -> float:
    """Microseconds a call with many callers."""

    async def work(first: int) -> None:
        for number in range(first, count, WRITERS):
            await act(number)

    start = time.perf_counter()
    await asyncio.gather(*map(work, range(WRITERS)))
    return (time.perf_counter() - start) / count * 1e6


async def one_round(peer: Peer, number: int, count: int, figures: Figures) -> None:
    """Measure each operation of a peer once more."""
    for name, act in peer.acts.items():
        calls = max(3, count // 20) if str(BATCH) in name else count
        figures.setdefault(name, []).append(await one_by_one(act, number * calls, calls))
        if name not in NO_CROWD:
            crowd = f"{name}, {WRITERS} callers"
            figures.setdefault(crowd, []).append(await all_at_once(act, max(count, WRITERS)))


async def measured(kind: str, durability: str, count: int) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers: list[Peer] = []
        for maker in KINDS[kind]:
            peers += await stack.enter_async_context(maker(folder, durability))
        peers = [peer for peer in peers if peer.durability == durability]
        figures: list[Figures] = [{} for _ in peers]
        for number in range(ROUNDS):
            for peer, its in zip(peers, figures, strict=True):
                await one_round(peer, number, count, its)
    medians = [{name: statistics.median(its) for name, its in one.items()} for one in figures]
    return compared(kind, peers, medians)


def compared(kind: str, peers: list[Peer], figures: list[dict[str, float]]) -> list[dict[str, Any]]:
    ours = figures[0]
    return [
        {
            "kind": kind,
            "operation": operation,
            "durability": peer.durability,
            "peer": peer.name,
            "blocks_the_loop": peer.blocks,
            "ours_us": round(ours[operation], 1),
            "peer_us": round(theirs[operation], 1),
            "ratio": round(theirs[operation] / ours[operation], 2),
        }
        for peer, theirs in zip(peers[1:], figures[1:], strict=True)
        for operation in ours
        if operation in theirs
    ]


def shown(row: dict[str, Any]) -> str:
    peer = row["peer"] + (" (blocks the loop)" if row["blocks_the_loop"] else "")
    return (
        f"{row['kind']:6} {row['operation']:17} {row['durability']:8} {row['ours_us']:>9} µs  "
        f"{peer:38} {row['peer_us']:>9} µs  x{row['ratio']}"
    )


async def run(count: int) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        for durability in ("process", "power"):
            rows += await measured(kind, durability, count)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few calls")
    count = 10 if parser.parse_args().smoke else 150
    rows = asyncio.run(run(count))
    for row in rows:
        print(shown(row), file=sys.stderr)
    about = {"python": platform.python_version(), "cpus": os.cpu_count(), "calls": count * ROUNDS}
    print(json.dumps({"machine": about, "load": os.getloadavg()[0], "results": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
