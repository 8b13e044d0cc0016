"""What each policy pays for density: every knob, and what came of it, on the tested windows.

Run ``python benchmarks/placement/frontier.py --data DIR``; with ``--daily`` all is planned anew
every day. Nothing is chosen here, so this shows what each way of placing could reach with the
knob that hindsight would take: a goal that is not reached here is not reached with a knob from
the past either. ``density.py`` chooses from the past. One order of arrival unless told otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import numpy as np
from _daily import DAILY, day_of, means, replanned
from _options import fleet_options, named, shape
from _playing import SLO
from _policies import POLICIES, Bench, Choice, Policy
from _traces import load, starts
from _writing import plot_frontier, table, write
from density import SHOWN, summed

PLAYED = ("right_sizing", "rc_like", "omnicloud_still", "omnicloud")
SIZED_BY = "p99 x 1.15"
EVERY = 2  # of the knobs that a policy chooses from
SHOWN_DAILY = {
    "workloads_per_node": ".2f",
    "overloaded_share": ".4%",
    "worst_node_day_share": ".2%",
    "moves_per_workload": ".2f",
}


def main() -> None:
    parser = fleet_options(__doc__.splitlines()[0])
    parser.add_argument("--policies", default="", help="only these, by comma")
    parser.add_argument("--daily", action="store_true", help="a new plan every day; one order")
    parser.set_defaults(orders=1)
    options = parser.parse_args()
    fleet = load(options.data, options.smoke, options.seed, options.until_day)
    bench = Bench(fleet, shape(options.node), options.seed)
    tested = starts(fleet, 1 if options.smoke else options.weeks)
    if options.smoke or not options.daily:
        tell("B1-frontier", weekly(bench, tested, options), SHOWN, bench, options)
    if options.smoke or options.daily:
        tell("B1-daily", daily(bench, tested, options), SHOWN_DAILY, bench, options)


def tell(
    name: str,
    figures: dict[str, dict[str, float]],
    shown: Mapping[str, str],
    bench: Bench,
    options: argparse.Namespace,
) -> None:
    """Table, JSON and a line for each policy."""
    name += "-smoke" if options.smoke else ""
    table(figures, shown)
    said = {k: str(v) for k, v in vars(options).items()} | {"workloads": bench.fleet.name}
    write(name, figures, data=bench.fleet.hashes, options=said)
    lines: dict[str, list[tuple[float, float]]] = {}
    for told, one in figures.items():
        point = 100 * one["overloaded_share"], one["workloads_per_node"]
        lines.setdefault(told.split(" at ")[0], []).append(point)
    axes = "node-intervals overloaded, per cent", "workloads per node"
    plan = "A plan a day" if "daily" in name else "A plan a week"
    plot_frontier(name, f"{plan}, by knob, {bench.fleet.name}", axes, lines, limit=100 * SLO)


def weekly(
    bench: Bench, tested: list[int], options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Each policy of ``density.py`` that is worth a line, with each knob."""
    figures: dict[str, dict[str, float]] = {}
    wanted = named([one.name for one in POLICIES], options.policies or ",".join(PLAYED))
    for policy in (one for one in POLICIES if one.name in wanted):
        knobs = sorted(policy.knobs, reverse=True)[:: len(policy.knobs) if options.smoke else EVERY]
        figures |= swept(bench, policy, knobs, tested, options.orders)
        print(f"played: {policy.name}", file=sys.stderr, flush=True)
    return figures


def daily(
    bench: Bench, tested: list[int], options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """The same with a new plan every day, for ours and for the baselines alike."""
    days = range(2 if options.smoke else 7)
    windows = [bench.window(start) for start in tested]
    weeks = [[one for n in days if (one := day_of(there, n))] for there in windows]
    figures: dict[str, dict[str, float]] = {}
    for policy in DAILY[-1:] if options.smoke else DAILY:
        for knob in policy.knobs[:1] if options.smoke else policy.knobs:
            found = [replanned(week, policy, knob, bench.node, bench.seed) for week in weeks]
            figures[f"{policy.name} at {knob:g}"] = {"knob": knob, **means(found)}
        print(f"played: {policy.name}", file=sys.stderr, flush=True)
    return figures


def swept(
    bench: Bench, policy: Policy, knobs: list[float], tested: list[int], orders: int
) -> dict[str, dict[str, float]]:
    """The policy with each knob, from careful to daring."""
    named = {one.name: one for one in policy.predictors}
    predictor = named.get(SIZED_BY, policy.predictors[0])
    figures: dict[str, dict[str, float]] = {}
    for knob in knobs:
        choice = Choice(predictor, knob)
        runs = [bench.play(policy, choice, start, n) for start in tested for n in range(orders)]
        figures[f"{policy.name} at {knob:g}"] = {"knob": float(np.round(knob, 2)), **summed(runs)}
    return figures


if __name__ == "__main__":
    main()
