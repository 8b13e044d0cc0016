"""B8 and B1s: what the nodes of each policy cost at list prices, where the type of node is free.

Run ``python benchmarks/placement/cost.py --data DIR``, after ``density.py`` with the same data,
to take its knobs from there; with ``--strict`` memory is never overcommitted: every workload
has what it asked for (B1s). Each policy takes the type that was cheapest for it in the week
before; those that mix types know all workloads when they buy. Prices are those in DIR/prices/,
else of ``LIST``. ``--smoke`` needs no data.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from _options import fleet_options, shape
from _packing import Node, clairvoyant, fewest_nodes
from _playing import SLO, Played, play
from _policies import MIXED, POLICIES, Bench, Choice, Policy, Remembered
from _traces import DAY, WEEK, Fleet, load, rehearsals, starts
from _writing import RESULTS, plot_bars, table, write
from density import summed

PRICES = "prices/aws_us-east-1_2026-07-20.csv"
LIST = {  # USD an hour, on demand, from that file (aws/karpenter-provider-aws 1d92708, Apache-2.0)
    "c7i.8xlarge": Node(32, 64, 1.428),
    "m7i.8xlarge": Node(32, 128, 1.6128),
    "r7i.8xlarge": Node(32, 256, 2.1168),
}
COMPARED = {  # of one type at a time; what each is called in ``density.py``
    "requests": "requests",
    "right_sizing": "right_sizing",
    "rc_like": "rc_like",
    "omnicloud_still": "omnicloud_still",
    "omnicloud_one_type": "omnicloud",
}
SHOWN = {
    "usd_per_week": ".0f",
    "less_than_requests": ".1%",
    "less_than_right_sizing": ".1%",
    "workloads_per_node": ".2f",
    "overloaded_share": ".4%",
    "memory_violations": ".0f",
}


@dataclass(frozen=True)
class Type:
    name: str
    node: Node


@dataclass(frozen=True)
class Bill:
    """A week of a policy on a type of node or a mix; node-hours as they were open."""

    type: str
    played: Played

    @property
    def usd(self) -> float:
        return self.played.usd


def types(folder: Path, smoke: bool) -> tuple[list[Type], dict[str, str]]:
    """Those of ``LIST`` at the prices in the folder."""
    path = folder / PRICES
    if smoke or not path.exists():
        if not smoke:
            print(f"no {path}: prices of the list in this file instead", file=sys.stderr)
        return [Type(name, known) for name, known in LIST.items()], {}
    with path.open() as file:
        usd = {row["instance"]: row["usd_per_hour_ondemand"] for row in csv.DictReader(file)}
    found = [
        Type(name, replace(node, usd_per_hour=float(usd[name]))) for name, node in LIST.items()
    ]
    return found, {PRICES: hashlib.sha256(path.read_bytes()).hexdigest()}


class Market:
    """Plays policies on every type of node, on the same workloads."""

    def __init__(
        self, fleet: Fleet, known: list[Type], largest: Node, seed: int, strict: bool
    ) -> None:
        self.types = known
        self.benches = {
            one: Bench(fleet, one.node, seed, strict=strict, largest=largest) for one in known
        }
        self.past = Remembered(Bench(fleet, largest, seed), RESULTS / "B1.json")
        # what is opened during the week has the shape that was asked for
        alike = [
            one.node for one in known if (one.node.cores, one.node.gib) == astuple(largest)[:2]
        ]
        kinds = [one.node for one in known]
        self.mixed = Bench(fleet, (alike or kinds)[0], seed, strict, largest, kinds)

    def week(self, policy: Policy, start: int, orders: int, smoke: bool) -> list[Bill]:
        """On the type that the week before was cheapest on; the first of all by request size."""
        choice = self._choice(policy, start, smoke)
        if policy.mixed:
            played = self.mixed.play(policy, choice, start, 0)
            return [Bill("mixed", played)]
        taken = min(self.types, key=lambda one: self._bill(policy, choice, start - WEEK, one).usd)
        every = [self.benches[taken].play(policy, choice, start, order) for order in range(orders)]
        return [Bill(taken.name, one) for one in every]

    def _choice(self, policy: Policy, start: int, smoke: bool) -> Choice:
        if smoke:
            return Choice(policy.predictors[-1], policy.knobs[len(policy.knobs) // 2])
        if policy.mixed:
            return self.mixed.choose(policy, rehearsals(start))
        return self.past.choose(policy, start)

    def _bill(self, policy: Policy, choice: Choice, start: int, one: Type) -> Bill:
        return Bill(one.name, self.benches[one].play(policy, choice, start, start))

    def oracle(self, start: int) -> Bill:
        """The cheapest type and placement of one that knows the week."""
        bills = []
        for one, bench in self.benches.items():
            there = bench.window(start)
            node_of = clairvoyant(there, one.node, SLO, bench.strict)
            bills.append(Bill(one.name, play(there, node_of, one.node, False, bench.strict)))
        return min(bills, key=lambda bill: bill.usd)

    def bound(self, start: int) -> tuple[float, float]:
        """The least dollars and the most workloads a node that any placement can reach.

        Of all mixes of the types, which have equally many cores, on nodes that stay all week.
        """
        there, kinds = self.mixed.window(start), [one.node for one in self.types]
        nodes = fewest_nodes(there, Node(kinds[0].cores, np.inf), SLO, self.mixed.strict)
        asked = there.memory.requests.sum()
        wanted = asked if self.mixed.strict else there.memory_came.sum(axis=0).max()
        least, size = np.inf, nodes
        while size * min(one.usd_per_hour for one in kinds) < least:
            for mix in combinations_with_replacement(kinds, size):
                if sum(one.gib for one in mix) >= wanted:
                    least = min(least, sum(one.usd_per_hour for one in mix))
            size += 1
        largest = max(one.gib for one in kinds)
        fewest = max(nodes, int(np.ceil(wanted / largest)))
        return least * there.cpu_came.shape[1] / 12, there.count / fewest


def main() -> None:
    parser = fleet_options(__doc__.splitlines()[0])
    parser.add_argument("--strict", action="store_true", help="memory by request")
    options = parser.parse_args()
    fleet = load(options.data, options.smoke, options.seed, options.until_day)
    known, hashes = types(options.data, options.smoke)
    market = Market(fleet, known, shape(options.node), options.seed, options.strict)
    weeks = starts(fleet, 1 if options.smoke else options.weeks)
    bills: dict[str, list[Bill]] = {}
    named = {one.name: one for one in POLICIES}
    policies = {label: named[name] for label, name in COMPARED.items()}
    back = replace(named["omnicloud"], name="omnicloud_one_type_giving_back", calm=DAY // 2)
    policies[back.name] = back  # with knobs of its own, from the past
    orders = 1 if options.smoke else options.orders
    for label, policy in (policies | {one.name: one for one in MIXED}).items():
        weekly = [market.week(policy, start, orders, options.smoke) for start in weeks]
        bills[label] = [bill for week in weekly for bill in week]
        print(f"played: {label}", file=sys.stderr, flush=True)
    bills["oracle"] = [market.oracle(start) for start in weeks]
    figures = {name: judged(every, bills) for name, every in bills.items()}
    bounds = [market.bound(start) for start in weeks]
    figures["bound"] = {
        "usd_per_week": float(np.mean([one[0] for one in bounds])),
        "workloads_per_node": float(np.mean([one[1] for one in bounds])),
    }
    table(figures, SHOWN)
    name = ("B1s" if options.strict else "B8") + ("-smoke" if options.smoke else "")
    said = {k: str(v) for k, v in vars(options).items()} | {"workloads": fleet.name}
    taken = {policy: [bill.type for bill in every] for policy, every in bills.items()}
    write(name, figures, data=fleet.hashes | hashes, options=said, more={"types": taken})
    bars = {policy: [bill.usd for bill in every] for policy, every in bills.items()}
    memory = "by request" if options.strict else "by use"
    plot_bars(name, f"Nodes at list prices, memory {memory}", "USD a week", bars)


def judged(every: list[Bill], bills: Mapping[str, list[Bill]]) -> dict[str, float]:
    usd = mean_usd(every)
    return {
        "usd_per_week": usd,
        "less_than_requests": 1 - usd / mean_usd(bills["requests"]),
        "less_than_right_sizing": 1 - usd / mean_usd(bills["right_sizing"]),
        **summed([bill.played for bill in every]),
    }


def mean_usd(every: list[Bill]) -> float:
    return float(np.mean([bill.usd for bill in every]))


if __name__ == "__main__":
    main()
