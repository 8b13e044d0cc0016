"""What ``providers.py`` measures: times of calls in turns, growth of memory, transfers."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import statistics
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provider_peers import KINDS, Act, Peer, s3_place

__all__ = ["CALLERS", "Plan", "growth_of", "measured", "streamed"]

CALLERS = 64
BATCHES = 12
TRANSFER_SECONDS = 180.0
Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Plan:
    """How much is measured. A bound in seconds ends what takes too long, never its first round.

    Attributes:
        calls: Of each operation in a round, by kind of service; ``most`` bounds all of them.
        grown: Calls over which memory is watched, by kind; none where it is 0.
        mib: Size of the object that is streamed.
    """

    rounds: int = 8
    most: int = 1 << 30
    round_seconds: float = 40.0
    grown: int = 200_000
    grown_seconds: float = 15.0
    mib: int = 1024
    stream_rounds: int = 2
    stream_seconds: float = 100.0
    calls: dict[str, int] = field(
        default_factory=lambda: {
            "redis kv": 800,
            "redis messaging": 800,
            "postgres kv": 150,
            "postgres messaging": 150,
            "nats kv": 150,
            "nats messaging": 150,
            "s3 objects": 80,
        }
    )


async def measured(kind: str, plan: Plan) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of one kind of service: ours beside each peer, and how memory grew."""
    count = min(plan.calls[kind], plan.most)
    async with KINDS[kind]() as peers:
        rounds: list[list[Figures]] = []
        await _one_round(peers, min(count, CALLERS))  # connections are made and code is warm
        ends = time.monotonic() + plan.round_seconds
        while len(rounds) < plan.rounds and (not rounds or time.monotonic() < ends):
            rounds.append(await _one_round(peers, count))
        grown = [
            {"kind": kind, "operation": name, "peer": peers[0].name, **await growth_of(act, plan)}
            for name, act in (peers[0].acts.items() if plan.grown else ())
        ]
    return _compared(kind, peers, rounds), grown


async def growth_of(calls: Act, plan: Plan) -> dict[str, Any]:
    """By how many MiB resident memory would grow over a million calls, going on as it did.

    The slope of a line through what it was after each batch, the first third left out.
    """

    async def act(number: int) -> object:
        return await calls(number % CALLERS)  # of names that the rounds have written

    points: list[tuple[int, float]] = []
    few = 4 * CALLERS
    each = await _all_at_once(act, few) / few
    batch = max(CALLERS, min(plan.grown, int(plan.grown_seconds / each)) // BATCHES)
    ends = time.monotonic() + 2 * plan.grown_seconds
    while len(points) < BATCHES and (len(points) < 3 or time.monotonic() < ends):
        await _all_at_once(act, batch)
        gc.collect()
        points.append((batch * (len(points) + 1), _resident_mib()))
    late = points[len(points) // 3 :]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope if len(late) > 1 else 0.0
    return {
        "calls": points[-1][0],
        "mib_per_million": round(slope * 1e6, 1),
        "grown_mib": round(late[-1][1] - late[0][1], 2),
    }


async def streamed(plan: Plan, peers: list[str]) -> list[dict[str, Any]]:
    """Each peer's best transfer up and down of one object, each in a process of its own."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    async with AsyncExitStack() as stack:
        place = await s3_place(stack)
        await _transfer(peers[0], "up", min(64, plan.mib), place)  # the server makes its volumes
        ends = time.monotonic() + plan.stream_seconds
        for number in range(plan.stream_rounds):
            if number and time.monotonic() > ends:
                break
            for peer in (*peers[number:], *peers[:number]):
                for direction in ("up", "down"):
                    said = await _transfer(peer, direction, plan.mib, place)
                    before = best.get((peer, direction))
                    if before is None or said["seconds"] < before["seconds"]:
                        best[peer, direction] = said
    return list(best.values())


async def _transfer(peer: str, direction: str, mib: int, place: dict[str, str]) -> dict[str, Any]:
    """One transfer; what fails or takes minutes is a row too, so that the others are told."""
    script = Path(__file__).with_name("_streams.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(script), peer, direction, str(mib),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    answer: dict[str, Any] = {
        "peer": peer, "direction": direction, "mib": mib, "seconds": 1e9,
        "cpu_seconds": None, "peak_mib": None, "mib_per_second": None, "failed": "took minutes",
    }  # fmt: skip
    try:
        async with asyncio.timeout(TRANSFER_SECONDS):
            said, wrong = await child.communicate(json.dumps(place).encode())
    except TimeoutError:
        child.kill()
        await child.wait()
        return answer
    if not said.strip():  # a client that ends its process badly has told its figures before
        last = (wrong.decode().splitlines() or ["no word"])[-1][:200]
        return answer | {"failed": f"{last} (exit {child.returncode})"}
    answer |= json.loads(said)
    return answer | {"mib_per_second": round(mib / answer["seconds"]), "failed": None}


async def _one_round(peers: list[Peer], count: int) -> list[Figures]:
    """Each peer's figures of one round, operation by operation, peers in turns."""
    found: list[Figures] = [{} for _ in peers]
    for name in peers[0].acts:
        for peer, figures in zip(peers, found, strict=True):
            act = peer.acts[name]
            figures[name] = [await _one_by_one(act, count), 0.0]
            crowd = max(count, 2 * CALLERS)
            used = time.process_time()
            took = await _all_at_once(act, crowd)
            figures[f"{name}, {CALLERS} callers"] = [
                took / crowd * 1e6,
                (time.process_time() - used) / crowd * 1e6,
            ]
    return found


async def _one_by_one(act: Act, count: int) -> float:
    """Median microseconds of a call, one after another."""
    times = []
    for number in range(count):
        start = time.perf_counter()
        await act(number)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def _all_at_once(act: Act, count: int) -> float:
    """Seconds of so many calls of many callers."""

    async def work(first: int) -> None:
        for number in range(first, count, CALLERS):
            await act(number)

    start = time.perf_counter()
    await asyncio.gather(*map(work, range(CALLERS)))
    return time.perf_counter() - start


def _compared(kind: str, peers: list[Peer], rounds: list[list[Figures]]) -> list[dict[str, Any]]:
    rows = []
    for number, peer in enumerate(peers[1:], 1):
        for operation in rounds[0][0]:
            ours = [one[0][operation] for one in rounds]
            theirs = [one[number][operation] for one in rounds]
            each = [b[0] / a[0] for a, b in zip(ours, theirs, strict=True)]
            median = [statistics.median(one[0] for one in side) for side in (ours, theirs)]
            cpu = [statistics.median(one[1] for one in side) for side in (ours, theirs)]
            rows.append(
                {
                    "kind": kind,
                    "operation": operation,
                    "peer": peer.name,
                    "raw": number == 1,
                    "rounds": len(rounds),
                    "ours_us": round(median[0], 1),
                    "peer_us": round(median[1], 1),
                    "ratio": round(median[1] / median[0], 2),
                    "ratio_low": round(min(each), 2),
                    "ratio_high": round(max(each), 2),
                    "ours_cpu_us": round(cpu[0], 1),
                    "peer_cpu_us": round(cpu[1], 1),
                }
            )
    return rows


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)
