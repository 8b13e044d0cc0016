"""Whether a law ever fails a correct provider: ``python tck/tests/false_alarms.py --runs 20``.

One run is every law of every contract that a provider offers, with a random seed and with
random slowness before and after each request. Prints what broke, with the seed that repeats
it, and how much was tried; exit code 1 if anything broke.

``--correct`` tries drivers of ``correct/`` beside the providers, in each run one of each
contract; with ``--providers`` and no name behind it, alone.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import multiprocessing
import os
import pkgutil
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import correct
from correct.common import CORRECT
from memory_world import memory_world
from omnicloud.registry.discovery import Registry
from omnicloud_tck.certify import trials_of
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import laws_of
from omnicloud_tck.runner import Verdict, try_law
from omnicloud_tck.world import World

for _module in pkgutil.iter_modules(correct.__path__):
    importlib.import_module(f"correct.{_module.name}")

SLOWEST = 0.02
"""Seconds by which a request is held back at most, each way, if nothing else is asked for."""


class Slowed:
    """A driver whose requests and answers take a while, each another.

    Requests about locks arrive in the order in which a client made them, as the contract asks:
    only their answers are slow.
    """

    def __init__(
        self, driver: Any, chance: random.Random, contract: str, slowest: float = SLOWEST
    ) -> None:
        self._driver = driver
        self._chance = chance
        self._contract = contract
        self._slowest = slowest

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        if name == "within":
            return lambda transaction: Slowed(
                found(transaction), self._chance, self._contract, self._slowest
            )
        if name == "aclose" or not inspect.iscoroutinefunction(found):
            return found

        async def held_back(*given: Any) -> Any:
            if self._contract != "locks":
                await asyncio.sleep(self._chance.uniform(0.0, self._slowest))
            answer = await found(*given)
            await asyncio.sleep(self._chance.uniform(0.0, self._slowest))
            return answer

        return held_back


@dataclass(frozen=True, slots=True)
class Alarm:
    """A law that failed a correct provider."""

    provider: str
    law: str
    seed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A provider on one contract with one seed."""

    provider: str
    contract: str
    verdicts: dict[str, int]
    alarms: tuple[Alarm, ...]
    seconds: float


def slow_world(
    made: World[Any], chance: random.Random, contract: str, slowest: float = SLOWEST
) -> World[Any]:
    """The same world, whose clients are slow now and then."""

    def slowed(driver: Any) -> Any:
        return Slowed(driver, chance, contract, slowest)

    return made.wrapped(slowed)


def maker_of(provider: str, contract: str) -> Callable[[], World[Any]]:
    """What makes the worlds of a provider, or of a driver of ``correct/``, by its name."""
    for kept, driver in CORRECT:
        if (kept, f"correct {driver.__name__}") == (contract, provider):
            return lambda: memory_world(driver)
    (trial,) = trials_of(Registry.discover().providers[provider].provider, [contract])
    return trial.make_world


def tried(
    provider: str, contract: str, seed: int, examples: int, slowest: float = SLOWEST
) -> Tried:
    """Try all laws of one contract."""
    make_world = maker_of(provider, contract)
    chance, started = random.Random(seed), time.perf_counter()
    verdicts: Counter[str] = Counter()
    alarms: list[Alarm] = []
    for law in laws_of(contract_class(contract)):
        result = try_law(
            contract_class(contract)(),
            law,
            lambda: slow_world(make_world(), chance, contract, slowest),
            seed=seed,
            examples=examples,
        )
        verdicts[result.verdict] += 1
        if result.verdict is Verdict.BROKEN:
            alarms.append(Alarm(provider, law.id, seed, result.reason))
    seconds = time.perf_counter() - started
    return Tried(provider, contract, dict(verdicts), tuple(alarms), seconds)


def _one(job: tuple[str, str, int, int, float]) -> Tried:
    return tried(*job)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="runs for each provider")
    parser.add_argument("--providers", nargs="*", default=["memory", "local"])
    parser.add_argument("--correct", action="store_true", help="try the drivers of correct/ too")
    parser.add_argument("--contracts", nargs="*", default=[])
    parser.add_argument("--examples", type=int, default=20, help="of each state machine")
    parser.add_argument(
        "--slowest",
        type=float,
        default=SLOWEST,
        metavar="SECONDS",
        help="by which a request is held back at most, each way; a part of what a seed repeats",
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--out", type=Path, help="where to write JSON")
    asked = parser.parse_args()
    jobs = list(_jobs(asked))
    ended: list[Tried] = []
    # Not concurrent.futures: its pool may wait for ever where its processes end (gh-115634).
    with multiprocessing.Pool(os.cpu_count(), maxtasksperchild=20) as pool:
        given = [(*job, asked.examples, asked.slowest) for job in jobs]
        for one in pool.imap_unordered(_one, given):
            ended.append(one)
            _tell(one, len(ended), len(jobs))
    alarms = [alarm for one in ended for alarm in one.alarms]
    laws = sum(sum(one.verdicts.values()) for one in ended)
    print(
        f"{asked.runs} runs of {', '.join(asked.providers)} from seed {asked.seed}: "
        f"{laws} laws tried, {len(alarms)} false alarms"
    )
    if asked.out:
        asked.out.write_text(json.dumps([asdict(one) for one in ended], indent=1))
    return 1 if alarms else 0


def _jobs(asked: argparse.Namespace) -> list[tuple[str, str, int]]:
    chance = random.Random(asked.seed)
    found = Registry.discover().providers
    jobs: list[tuple[str, str, int]] = []
    for _ in range(asked.runs):
        seed = chance.randrange(2**31)
        for provider in asked.providers:
            trials = trials_of(found[provider].provider, asked.contracts)
            jobs += [(provider, trial.contract, seed) for trial in trials]
        if asked.correct:
            jobs += [(name, contract, seed) for contract, name in _of_another_hand(asked, chance)]
    return jobs


def _of_another_hand(asked: argparse.Namespace, chance: random.Random) -> Iterator[tuple[str, str]]:
    """One driver of ``correct/`` for each contract, in each run another."""
    by_contract: dict[str, list[str]] = {}
    for contract, driver in CORRECT:
        if not asked.contracts or contract in asked.contracts:
            by_contract.setdefault(contract, []).append(f"correct {driver.__name__}")
    for contract, names in by_contract.items():
        yield contract, chance.choice(names)


def _tell(one: Tried, done: int, of: int) -> None:
    print(f"{done}/{of} {one.provider} {one.contract} {one.seconds:.1f} s", file=sys.stderr)
    for alarm in one.alarms:
        print(f"BROKEN {alarm.provider} {alarm.law} seed {alarm.seed}: {alarm.reason}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
