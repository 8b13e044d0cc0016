"""Providers beside the raw clients of their services and what a user would pick instead.

``python benchmarks/providers.py [--smoke] [--only KIND] [--calls N]``: a table on standard
error and JSON on standard output. Real servers on this machine, everything in one run; peers take
turns in rounds and a figure is the median of the rounds. A ratio above 1 says how many times
faster ours is; beside the raw client it cannot be much above, and what it lacks is our share.
Each of ours also says by how much memory grew over its calls.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import statistics
import sys
import time
import tracemalloc
from typing import Any

from provider_peers import KINDS, Act, Peer

ROUNDS = 8
CALLERS = 64


async def one_by_one(act: Act, count: int) -> float:
    """Median microseconds of a call, one after another."""
    times = []
    for number in range(count):
        start = time.perf_counter()
        await act(number)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def all_at_once(act: Act, count: int) -> float:
    """Microseconds a call with many callers."""

    async def work(first: int) -> None:
        for number in range(first, count, CALLERS):
            await act(number)

    start = time.perf_counter()
    await asyncio.gather(*map(work, range(CALLERS)))
    return (time.perf_counter() - start) / count * 1e6


async def grown(act: Act, count: int) -> float:
    """Bytes that memory grew a call, once everything is warm."""
    await all_at_once(act, count)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        await all_at_once(act, count)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()


async def measured(kind: str, count: int) -> list[dict[str, Any]]:
    """Rows of one kind of service."""
    async with KINDS[kind]() as peers:
        found: list[dict[str, list[float]]] = [{} for _ in peers]
        for _ in range(ROUNDS):
            for peer, figures in zip(peers, found, strict=True):
                await _one_round(peer, figures, count)
        growth = {name: await grown(act, max(count, 100)) for name, act in peers[0].acts.items()}
    medians = [{name: statistics.median(all_) for name, all_ in one.items()} for one in found]
    return _compared(kind, peers, medians, growth)


async def _one_round(peer: Peer, figures: dict[str, list[float]], count: int) -> None:
    for name, act in peer.acts.items():
        figures.setdefault(name, []).append(await one_by_one(act, count))
        crowd = await all_at_once(act, max(count, CALLERS))
        figures.setdefault(f"{name}, {CALLERS} callers", []).append(crowd)


def _compared(
    kind: str, peers: list[Peer], medians: list[dict[str, float]], growth: dict[str, float]
) -> list[dict[str, Any]]:
    ours = medians[0]
    return [
        {
            "kind": kind,
            "operation": operation,
            "peer": peer.name,
            "raw": number == 0,
            "ours_us": round(ours[operation], 1),
            "peer_us": round(theirs[operation], 1),
            "ratio": round(theirs[operation] / ours[operation], 2),
            "grown_bytes_a_call": round(growth.get(operation, 0.0), 2),
        }
        for number, (peer, theirs) in enumerate(zip(peers[1:], medians[1:], strict=True))
        for operation in ours
        if operation in theirs
    ]


def shown(row: dict[str, Any]) -> str:
    """A row as a line."""
    peer = row["peer"] + (" (raw)" if row["raw"] else "")
    return (
        f"{row['kind']:16} {row['operation']:20} {row['ours_us']:>9} µs  "
        f"{peer:22} {row['peer_us']:>9} µs  x{row['ratio']}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one kind, few calls")
    parser.add_argument("--only", choices=sorted(KINDS), help="one kind of service")
    parser.add_argument("--calls", type=int, default=200, help="in each round")
    args = parser.parse_args()
    kinds = [args.only] if args.only else ["redis kv"] if args.smoke else list(KINDS)
    rows = []
    for kind in kinds:
        rows += asyncio.run(measured(kind, 5 if args.smoke else args.calls))
    for row in rows:
        print(shown(row), file=sys.stderr)
    about = {"python": platform.python_version(), "cpus": os.cpu_count()}
    print(json.dumps({"machine": about, "load": os.getloadavg()[0], "results": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
