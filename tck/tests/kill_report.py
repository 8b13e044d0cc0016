"""Which law kills which broken driver: ``python tck/tests/kill_report.py``.

Every broken driver is tried on every law of its contract, in memory and virtual time, on all
cores. Prints a line for each driver and the rate for each tier; exit code 1 if one survives
or a MUST law kills none. With ``--write`` the rates by contract and rung become the kit's own,
which certificates tell. With ``--rates`` no more laws are tried than these rates need.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import pkgutil
import sys
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import broken
import known_kills
import omnicloud_tck
from broken.registry import BROKEN, Broken
from known_kills import laws_first_known
from omnicloud_tck.certificates.kills import FILE, KillRates
from omnicloud_tck.certificates.model import KillRate
from omnicloud_tck.certificates.rungs import RUNGS
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import Law, Level, laws_of
from omnicloud_tck.programs import playing
from omnicloud_tck.runner import Verdict, try_law

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")


HUNG_SECONDS = 60.0
"""After so long with one law it counts as one that the driver breaks: nothing hangs."""

FORK = multiprocessing.get_context("fork")

ENOUGH_SECONDS = 5.0
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


def lowest_first(wrong: Broken) -> list[Law]:
    """All laws of the driver's contract, by the lowest rung whose rate each can raise.

    A rate counts the drivers of the tiers up to its rung, so that a broken law of a rung below
    the driver's tier says as much as one of that rung. Within a rung come first those that are
    known to be broken.
    """
    height = int(wrong.tier[1:])
    laws = laws_first_known(wrong)
    return sorted(laws, key=lambda law: max(height, RUNGS.index(law.rung)))


def tried(name: str, seed: int, examples: int, tell: Connection, rates_only: bool) -> None:
    """In a process of its own: try one broken driver on all laws, telling each that breaks."""
    wrong, started, found = BROKEN[name], time.perf_counter(), False
    playing._TRIES = 0  # only whether a law is broken counts: no program is made small
    for law in lowest_first(wrong) if rates_only else laws_of(wrong.contract):
        if found and (rates_only or time.perf_counter() - started > ENOUGH_SECONDS):
            break
        tell.send((law.id, False))
        result = try_law(wrong.contract(), law, wrong.make_world, seed=seed, examples=examples)
        if result.verdict is Verdict.BROKEN:
            found = True
            tell.send((law.id, True))


class Attempt:
    """A broken driver under trial: its process, and what is known of it so far."""

    def __init__(self, name: str, seed: int, rates_only: bool) -> None:
        self.name = name
        self.laws: list[str] = []
        self.law = ""
        self.started = self.law_began = time.perf_counter()
        self.heard, tell = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=tried, args=(name, seed, 40, tell, rates_only))
        self._process.start()
        tell.close()

    def hear(self) -> bool:
        """Take in what the process tells; whether it has ended."""
        try:
            self.law, killed = self.heard.recv()
        except EOFError:
            return True
        self.law_began = time.perf_counter()
        if killed:
            self.laws.append(self.law)
        return False

    def hung(self) -> bool:
        """Whether its law has taken so long that it counts as one it breaks."""
        if time.perf_counter() - self.law_began < HUNG_SECONDS:
            return False
        self.laws.append(f"{self.law} (hung)")
        return True

    def end(self) -> Kill:
        """End the process and say what was found."""
        self._process.kill()
        self._process.join()
        self.heard.close()
        wrong, seconds = BROKEN[self.name], time.perf_counter() - self.started
        contract = wrong.contract.contract
        return Kill(self.name, wrong.tier, contract, wrong.summary, tuple(self.laws), seconds)


def all_tried(jobs: list[tuple[str, int]], *, rates_only: bool = False) -> list[Kill]:
    """Try all, as many at once as there are processors."""
    waiting, running, ended = list(reversed(jobs)), list[Attempt](), list[Kill]()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            running.append(Attempt(*waiting.pop(), rates_only))
        ready = connection.wait([one.heard for one in running], timeout=1.0)
        for one in list(running):
            if (one.heard in ready and one.hear()) or one.hung():
                running.remove(one)
                ended.append(one.end())
    return sorted(ended, key=lambda kill: kill.id)


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


def rates(kills: list[Kill]) -> KillRates:
    """By contract and rung: of the drivers of the tiers up to it, those its laws always find."""
    runs: dict[str, list[Kill]] = defaultdict(list)
    for kill in kills:
        runs[kill.id].append(kill)
    contracts = sorted({kill.contract for kill in kills})
    return KillRates(
        kit=version("omnicloud-tck"),
        contracts={
            name: {rung: _rate(name, height, runs) for height, rung in enumerate(RUNGS)}
            for name in contracts
        },
    )


def _rate(contract: str, height: int, runs: dict[str, list[Kill]]) -> KillRate:
    laws = laws_of(contract_class(contract))
    finding = {law.id for law in laws if RUNGS.index(law.rung) <= height}
    asked = [
        several
        for several in runs.values()
        if several[0].contract == contract and int(several[0].tier[1:]) <= height
    ]
    killed = [
        several
        for several in asked
        if all(finding.intersection(law.split()[0] for law in one.laws) for one in several)
    ]
    return KillRate(killed=len(killed), drivers=len(asked))


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
    parser.add_argument("--write", action="store_true", help="let certificates tell the rates")
    parser.add_argument("--rates", action="store_true", help="only what the rates need")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    started = time.perf_counter()
    seeds = range(options.seed, options.seed + (5 if options.full else 1))
    jobs = [(name, seed) for name in sorted(BROKEN) for seed in seeds]
    kills = all_tried(jobs, rates_only=options.rates)
    idle = [] if options.rates else idle_laws(kills)
    printed(kills, idle, time.perf_counter() - started)
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(kill) for kill in kills], indent=1)
    (options.out / "kills.json").write_text(text)
    if options.write:
        told = rates(kills).model_dump_json(indent=1)
        (Path(omnicloud_tck.__path__[0]) / FILE).write_text(f"{told}\n")
    if options.write and not options.rates:
        known_kills.FILE.write_text(known_kills.text_of((kill.id, kill.laws) for kill in kills))
    return 1 if idle or not all(kill.laws for kill in kills) else 0


if __name__ == "__main__":
    sys.exit(main())
