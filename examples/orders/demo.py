"""The whole shop on one machine: processes, load, kills if wanted, and the audit."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omnicloud import OmniCloud

from .crew import Crew, run_jobs
from .generate import generate
from .load import Load
from .model import Order
from .report import ReportOutcome
from .verify import Audit, is_settled, unfinished, verify, verify_report

__all__ = ["Demo", "run_demo"]


_DAY = "2026-11-20"


@dataclass(frozen=True, slots=True)
class Demo:
    """What to run. ``kills`` is how many processes are killed; times in seconds."""

    orders: int
    seed: int
    kills: int
    workers: int
    patience: float


async def run_demo(cloud: OmniCloud, demo: Demo, folder: Path) -> Audit:
    """Run it in a folder, the working one, and audit what the stores hold afterwards.

    When it was not done after ``patience`` seconds, the audit says how far it had come.
    """
    port = _free_port()
    commands = {"web": ["web", "--port", str(port)], "relay": ["relay"]}
    commands |= {f"worker-{number}": ["worker"] for number in range(1, demo.workers + 1)}
    orders = list(generate(demo.orders, demo.seed))
    load = Load(f"http://127.0.0.1:{port}", demo.seed)
    crew = Crew(folder, commands)
    reports: list[str] | None = None
    times: list[float] = []
    try:
        async with crew, asyncio.timeout(demo.patience):
            times += await _settle(cloud, demo, load, crew, orders)
            reports = await _reports(folder, demo)
    except* TimeoutError:
        pass  # told below, with what was done
    if reports is None:
        audit = await unfinished(cloud, demo.orders, demo.patience)
        _note(audit, load, crew)
        return audit
    audit = await verify(cloud, orders)
    _note(audit, load, crew)
    await verify_report(cloud, audit, _DAY)
    audit.check("reports said to be sent, at most one", _sent(reports) <= 1, True)
    audit.note("seconds to take / settle", " / ".join(f"{one:.1f}" for one in times))
    return audit


async def _settle(
    cloud: OmniCloud, demo: Demo, load: Load, crew: Crew, orders: Sequence[Order]
) -> tuple[float, float]:
    """Send the orders and wait until all is done; seconds that the one and the other took."""
    began = time.monotonic()
    killer = asyncio.create_task(_kill(crew, demo))
    try:
        await load.send(orders)
        sent = time.monotonic()
        while not await is_settled(cloud, demo.orders):
            await crew.look_after()
            await asyncio.sleep(1)
    finally:
        killer.cancel()
        await asyncio.wait([killer])
    return sent - began, time.monotonic() - began


async def _kill(crew: Crew, demo: Demo) -> None:
    """Kill processes at random moments, from the first second on."""
    chance = random.Random(demo.seed)
    for _ in range(demo.kills):
        await asyncio.sleep(chance.uniform(0.3, 3.0))
        await crew.kill_one(chance)


async def _reports(folder: Path, demo: Demo) -> list[str]:
    """Let three processes want to write the report; with kills, one of them dies over it."""
    jobs = [["report", "--day", _DAY]] * 3
    early = random.Random(demo.seed).uniform(0.5, 1.5) if demo.kills else None
    return await run_jobs(folder, jobs, early)


def _sent(outputs: list[str]) -> int:
    return sum(f": {ReportOutcome.SENT}" in text for text in outputs)


def _note(audit: Audit, load: Load, crew: Crew) -> None:
    audit.note("duplicates refused", load.answers["duplicate"])
    audit.note("keys used for another order, refused", load.answers["different"])
    audit.note("requests sent again", load.answers["unanswered"])
    audit.note("processes killed", crew.kills)
    audit.check("wrong answers of the shop", load.wrong[:5], [])
    audit.note("processes that ended by themselves", len(crew.unexpected))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
