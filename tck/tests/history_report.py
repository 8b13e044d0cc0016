"""How soon histories find what is wrong: ``python tck/tests/history_report.py [--seeds N]``.

Every broken driver of tier T2 is tried on the history laws of its contract, in memory and
virtual time, with several seeds. Prints for each driver which laws found it, in how many real
seconds and with how many calls in the counter-example, then the medians. Exit code 1 where
the medians miss what is promised: 30 seconds, and 12 calls at most for each.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import pkgutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

import broken
from broken.registry import BROKEN, Broken
from omnicloud.testing.virtual import VirtualTimeLoop
from omnicloud_tck.histories.explore import NoOrder
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.machine import Lab

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")

PROMISED_SECONDS = 30.0
PROMISED_CALLS = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A broken driver found with one seed: by which law, how soon, with how many calls."""

    law: str
    seconds: float
    calls: int


def history_laws(wrong: Broken) -> list[Law]:
    """The laws of a contract that judge histories."""
    return [law for law in laws_of(wrong.contract) if "histories" in owner(wrong, law)]


def owner(wrong: Broken, law: Law) -> str:
    """The module in which a law is written."""
    return str(getattr(wrong.contract, law.name).__module__)


def find(wrong: Broken, seed: int) -> Found | None:
    """Try the laws one after another until one finds it; seconds are those of all tried."""
    started = time.perf_counter()
    for law in history_laws(wrong):
        calls = counter_example(wrong, law, seed)
        if calls is not None:
            return Found(law.id, time.perf_counter() - started, calls)
    return None


def counter_example(wrong: Broken, law: Law, seed: int) -> int | None:
    """How many calls the counter-example has, 0 where the law broke without one."""
    world, contract = wrong.make_world(), wrong.contract()
    contract.seed = seed
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        try:
            getattr(contract, law.name)(Lab(runner, world, seed=seed, examples=40))
        except NoOrder as broken_law:
            return broken_law.operations
        except Exception:
            return 0
    return None


def trials(wrong: Broken, seeds: int) -> list[Found]:
    """What is found with these seeds; after two that find nothing no more are tried."""
    hits: list[Found] = []
    for seed in range(seeds):
        if seed == 2 and not hits:
            break
        found = find(wrong, seed)
        if found is not None:
            hits.append(found)
    return hits


def main() -> int:
    """Try all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="drivers whose id starts so")
    options = parser.parse_args()
    found: list[Found] = []
    tried = 0
    for name in sorted(name for name in BROKEN if name.startswith(options.only)):
        wrong = BROKEN[name]
        if wrong.tier != "T2" or not history_laws(wrong):
            continue
        hits = trials(wrong, options.seeds)
        if not hits:
            print(f"{name:8} {wrong.summary}: not by histories")
            continue
        tried += options.seeds
        found.extend(hits)
        laws = ", ".join(sorted({hit.law for hit in hits}))
        seconds, calls = median(hit.seconds for hit in hits), max(hit.calls for hit in hits)
        print(
            f"{name:8} {wrong.summary}\n         {laws}: {len(hits)} of {options.seeds} seeds, ",
            end="",
        )
        print(f"{seconds:.2f} s in the median, at most {calls} calls", flush=True)
    longest = max(hit.calls for hit in found)
    middle = median(hit.seconds for hit in found)
    small = sum(hit.calls <= PROMISED_CALLS for hit in found)
    print(f"{len(found)} of {tried} trials found, in {middle:.2f} s in the median;")
    print(f"{small} counter-examples have at most {PROMISED_CALLS} calls, the longest {longest}")
    return 0 if middle <= PROMISED_SECONDS and small == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
