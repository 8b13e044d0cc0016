"""Reference drivers that are odd at times, under the laws: ``python tck/tests/quirks.py kv``.

A quirk is a request, a condition (see :mod:`quirk_triggers`: a name of 65 bytes, the ninth
overwrite, an hour later, four calls at once) and what then goes wrong (:mod:`quirk_effects`).
First the laws are tried without one, to learn under which conditions they ask each request:
``--reached`` prints those that never come. Then quirks are drawn and tried, each in a process of
its own, until a law breaks. Prints the survivors that did go wrong under the laws, and rates.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from mutants import FORK, TRIAL_SECONDS, Order, _be_quiet, measured, tried
from omnicloud.errors import OmniCloudError
from omnicloud_tck.contracts import contract_class
from quirk_effects import Effect, effects_of, would
from quirk_reach import (
    DRIVERS,
    Reach,
    driver_of,
    every_law,
    methods_of,
    patched,
    reached,
    triggers_of,
)
from quirk_triggers import Seen, Trigger

_CHANCES = 300
"""Calls of one law under the condition after which a quirk is taken never to go wrong under it."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """``method`` does ``effect`` when ``trigger``."""

    contract: str
    method: str
    trigger: str
    effect: str

    def __str__(self) -> str:
        return f"{self.contract}.{self.method}, {self.trigger}: {self.effect}"


def drawn(contract: str, reach: Reach, count: int, seed: int) -> list[Quirk]:
    """Quirks whose conditions come, each request and each condition as likely as the others."""
    choice = random.Random(f"{contract} {seed}")
    methods = sorted(reach.ops)
    effects = {one: list(_effects(reach, one)) for one in methods}
    found: dict[Quirk, None] = {}
    for _ in range(100 * count):
        method = choice.choice(methods)
        trigger = choice.choice(sorted(reach.hits[method]))
        kinds: dict[str, list[str]] = defaultdict(list)
        for name in effects[method]:
            kinds[name.split()[0]].append(name)
        effect = choice.choice(kinds[choice.choice(sorted(kinds))])
        found[Quirk(contract, method, trigger, effect)] = None
        if len(found) == count:
            break
    return list(found)


def _effects(reach: Reach, method: str) -> dict[str, Effect]:
    op, doing = reach.ops[method], reach.doing[method]
    return effects_of(op, doing, reach.places[method], reach.answers[method])


def _both(quirk: Quirk, reach: Reach) -> tuple[Trigger, Effect]:
    methods = methods_of(driver_of(quirk.contract))
    triggers = triggers_of(reach.ops[quirk.method], methods)
    return triggers[quirk.trigger], _effects(reach, quirk.method)[quirk.effect]


def _probe(quirks: list[Quirk], reach: Reach, tell: Connection) -> None:
    _be_quiet()
    contract = quirks[0].contract
    every: dict[str, dict[Quirk, tuple[Trigger, Effect]]] = defaultdict(dict)
    for one in quirks:
        every[one.method][one] = _both(one, reach)
    waiting: dict[str, dict[Quirk, tuple[Trigger, Effect]]] = {}
    found: dict[Quirk, list[str]] = {one: [] for one in quirks}
    law, asked = "", Counter[Quirk]()

    async def around(usual: Callable[[Any], Any], seen: Seen) -> Any:
        answer, error = None, None
        candidates = waiting.get(seen.method, {})
        met = [one for one, (trigger, _) in candidates.items() if trigger(seen)]
        try:
            answer = await usual(seen.op)
        except OmniCloudError as one:
            error = one
        for one in met:
            if one not in candidates:
                continue
            asked[one] += 1
            goes_wrong = would(candidates[one][1], seen, answer, error)
            if goes_wrong:
                found[one].append(law)
            if goes_wrong or asked[one] == _CHANCES:
                del candidates[one]
        if error is not None:
            raise error
        return answer

    patched(driver_of(contract), around)
    for law in every_law(contract):  # noqa: B007 - read by what is around each call
        waiting = {method: dict(several) for method, several in every.items()}
        asked.clear()
    tell.send(found)


def going_wrong(quirks: list[Quirk], reach: Reach) -> dict[Quirk, list[str]]:
    """Those of them that would go wrong under laws, and under which."""
    heard, tell = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_probe, args=(quirks, reach, tell))
    process.start()
    tell.close()
    found: dict[Quirk, list[str]] = heard.recv()
    process.join()
    return {quirk: laws for quirk, laws in found.items() if laws}


def _odd(quirk: Quirk, trigger: Trigger, effect: Effect, fired: Callable[[], None]) -> None:
    async def around(usual: Callable[[Any], Any], seen: Seen) -> Any:
        if seen.method == quirk.method and trigger(seen):
            return await effect(usual, seen, fired)
        return await usual(seen.op)

    patched(driver_of(quirk.contract), around)


def outcome(
    quirk: Quirk, reach: Reach, order: Order, laws: Collection[str]
) -> tuple[str, str, int]:
    """The law that the quirk breaks, if one, why, and how often it went wrong.

    Args:
        laws: Those under which it would go wrong; no other can be broken by it.
    """
    heard, tell = FORK.Pipe(duplex=False)
    count = FORK.Value("i", 0)
    trigger, effect = _both(quirk, reach)
    seconds = {law: took for law, took in order.seconds.items() if law in laws}
    some = Order(order.contract, seconds, order.kills)

    def fired() -> None:
        count.value += 1

    def run() -> None:
        _odd(quirk, trigger, effect, fired)
        tried([some], tell)

    process = FORK.Process(target=run)
    process.start()
    tell.close()
    law, until = "", time.monotonic() + TRIAL_SECONDS
    try:
        while heard.poll(max(0.0, until - time.monotonic())):
            word, named, reason = heard.recv()
            law = named
            if word == "survived":
                return "", "", count.value
            if word == "killed":
                return law, reason, count.value
        return law, "hung", count.value
    except EOFError:
        return law, "died or hung", count.value
    finally:
        process.kill()
        process.join()
        heard.close()


def main() -> int:
    """Try a sample for each contract; exit code 0, whatever survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contracts", nargs="*", default=sorted(DRIVERS))
    parser.add_argument("--sample", type=int, default=100, help="quirks of each contract")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reached", action="store_true", help="only what the laws never ask")
    options = parser.parse_args()
    for contract in options.contracts:
        contract_class(contract)
    gc.freeze()
    for contract in options.contracts:
        reach = reached(contract)
        if options.reached:
            _print_unreached(contract, reach)
            continue
        order = measured(contract)
        killed = silent = 0
        several = going_wrong(drawn(contract, reach, 3 * options.sample, options.seed), reach)
        several = dict(list(several.items())[: options.sample])
        for quirk, laws in several.items():
            law, _, fired = outcome(quirk, reach, order, laws)
            order.kills[law] += law in order.seconds
            killed += bool(law)
            silent += not law and not fired
            if not law and fired:
                print(f"SURVIVED {quirk} ({fired} times)", flush=True)
        there = len(several) - silent
        print(
            f"{contract}: {killed} of {there} killed; {silent} others never went wrong", flush=True
        )
    return 0


def _print_unreached(contract: str, reach: Reach) -> None:
    methods = methods_of(driver_of(contract))
    for method in methods:
        if method not in reach.ops:
            print(f"{contract}.{method}: never asked")
            continue
        every = triggers_of(reach.ops[method], methods)
        never = [name for name in every if name not in reach.hits[method]]
        print(f"{contract}.{method}: {'; '.join(never)}")


if __name__ == "__main__":
    sys.exit(main())
