"""Which law kills which broken driver: ``python tck/tests/kill_report.py [--full] [--out DIR]``.

Every broken driver is tried on every law of its contract, in memory and virtual time, on all
cores. Prints a line for each driver and the rate for each tier; exit code 1 if one survives
or a MUST law kills none.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import multiprocessing
import pkgutil
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import broken
from broken.registry import BROKEN
from omnicloud_tck.law import Level, laws_of
from omnicloud_tck.runner import Verdict, try_law

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")


HUNG_SECONDS = 120
"""After so long with one driver its process prints where it is and ends, and with it the run."""

ENOUGH_SECONDS = 10.0
"""After so long a driver that has been found is not tried on further laws: some are wrong by
being slow."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A broken driver and the laws that found it."""

    id: str
    tier: str
    contract: str
    summary: str
    laws: tuple[str, ...]
    seconds: float


def tried(job: tuple[str, int, int]) -> Kill:
    """Try one broken driver on all laws of its contract."""
    name, seed, examples = job
    faulthandler.dump_traceback_later(HUNG_SECONDS, exit=True)
    wrong, started = BROKEN[name], time.perf_counter()
    found = []
    for law in laws_of(wrong.contract):
        if found and time.perf_counter() - started > ENOUGH_SECONDS:
            break
        result = try_law(wrong.contract(), law, wrong.make_world, seed=seed, examples=examples)
        if result.verdict is Verdict.BROKEN:
            found.append(law.id)
    seconds = time.perf_counter() - started
    return Kill(name, wrong.tier, wrong.contract.contract, wrong.summary, tuple(found), seconds)


def _told(kill: Kill) -> Kill:
    if sys.stderr.isatty():
        print(f"\r{kill.id:20}", end="", file=sys.stderr, flush=True)
    if kill.seconds > ENOUGH_SECONDS:
        print(f"{kill.id} took {kill.seconds:.0f} s", file=sys.stderr)
    return kill


def idle_laws(kills: list[Kill]) -> list[str]:
    """The MUST laws that killed no driver."""
    busy: dict[str, set[str]] = defaultdict(set)
    for kill in kills:
        busy[kill.contract].update(kill.laws)
    contracts = {wrong.contract for wrong in BROKEN.values()}
    return sorted(
        f"{contract.contract} {law.id}"
        for contract in contracts
        for law in laws_of(contract)
        if law.level is Level.MUST and law.id not in busy[contract.contract]
    )


def printed(kills: list[Kill], idle: list[str], seconds: float) -> None:
    """Print a line for each driver, the rates, and what is wrong."""
    for kill in kills:
        found = ", ".join(kill.laws) or "SURVIVES"
        print(f"{kill.id:8} {kill.tier} {kill.contract:10} {kill.summary}\n         {found}")
    totals = Counter(kill.tier for kill in kills)
    killed = Counter(kill.tier for kill in kills if kill.laws)
    for tier in sorted(totals):
        print(f"{tier}: {killed[tier]} of {totals[tier]} killed")
    print(f"all: {killed.total()} of {totals.total()} killed in {seconds:.0f} s")
    for name in idle:
        print(f"no broken driver breaks {name}")


def main() -> int:
    """Try all, print, and write ``kills.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="five seeds instead of one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    started = time.perf_counter()
    seeds = range(options.seed, options.seed + (5 if options.full else 1))
    jobs = [(name, seed, 40) for name in sorted(BROKEN) for seed in seeds]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        kills = sorted(map(_told, pool.map(tried, jobs)), key=lambda kill: kill.id)
    idle = idle_laws(kills)
    printed(kills, idle, time.perf_counter() - started)
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(kill) for kill in kills], indent=1)
    (options.out / "kills.json").write_text(text)
    return 1 if idle or not all(kill.laws for kill in kills) else 0


if __name__ == "__main__":
    sys.exit(main())
