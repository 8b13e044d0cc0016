"""The whole shop on one machine: processes, load, kills if wanted, and the audit."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from omnicloud import OmniCloud

from .crew import Crew, run_jobs
from .generate import generate
from .load import Load
from .report import ReportOutcome
from .verify import Audit, is_settled, verify, verify_report

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

    Raises:
        TimeoutError: It was not done after ``patience`` seconds.
    """
    port = _free_port()
    commands = {"web": ["web", "--port", str(port)], "relay": ["relay"]}
    commands |= {f"worker-{number}": ["worker"] for number in range(1, demo.workers + 1)}
    orders = list(generate(demo.orders, demo.seed))
    load = Load(f"http://127.0.0.1:{port}", demo.seed)
    began = time.monotonic()
    async with Crew(folder, commands) as crew, asyncio.timeout(demo.patience):
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
        done = time.monotonic()
        reports = await _reports(folder, demo)
    audit = await verify(cloud, orders)
    _note(audit, load, crew)
    await verify_report(cloud, audit, _DAY)
    audit.check("reports said to be sent, at most one", _sent(reports) <= 1, True)
    audit.note("seconds to take / settle", f"{sent - began:.1f} / {done - began:.1f}")
    return audit


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
