"""What each policy pays for density: every knob, and what came of it, on the tested windows.

Run ``python benchmarks/placement/frontier.py --data DIR``. Nothing is chosen here, so this shows
what each way of placing could reach with the knob that hindsight would take; ``density.py``
chooses from the past. One order of arrival unless told otherwise.
"""

from __future__ import annotations

import sys

import numpy as np
from _playing import SLO
from _policies import POLICIES, Bench, Choice, Policy
from _traces import load, starts
from _writing import plot_frontier, table, write
from density import SHOWN, options_of, shape, summed

PLAYED = ("right_sizing", "rc_like", "omnicloud_still", "omnicloud")
SIZED_BY = "p99 x 1.15"
EVERY = 2  # of the knobs that a policy chooses from


def main() -> None:
    parser = options_of(__doc__.splitlines()[0])
    parser.set_defaults(orders=1)
    options = parser.parse_args()
    fleet = load(options.data, options.smoke, options.seed, options.until_day)
    bench = Bench(fleet, shape(options.node), options.seed)
    tested = starts(fleet, 1 if options.smoke else options.weeks)
    wanted = options.policies.split(",") if options.policies else PLAYED
    figures: dict[str, dict[str, float]] = {}
    for policy in (one for one in POLICIES if one.name in wanted):
        figures |= swept(bench, policy, tested, options.orders)
        print(f"played: {policy.name}", file=sys.stderr, flush=True)
    table(figures, SHOWN)
    name = "B1-frontier" + ("-smoke" if options.smoke else "")
    said = {k: str(v) for k, v in vars(options).items()} | {"workloads": fleet.name}
    write(name, figures, data=fleet.hashes, options=said)
    lines: dict[str, list[tuple[float, float]]] = {}
    for told, one in figures.items():
        point = 100 * one["overloaded_share"], one["workloads_per_node"]
        lines.setdefault(told.split(" at ")[0], []).append(point)
    axes = "node-intervals overloaded, per cent", "workloads per node"
    plot_frontier(name, f"By knob, {fleet.name}", axes, lines, limit=100 * SLO)


def swept(
    bench: Bench, policy: Policy, tested: list[int], orders: int
) -> dict[str, dict[str, float]]:
    """The policy with each knob, from careful to daring."""
    named = {one.name: one for one in policy.predictors}
    predictor = named.get(SIZED_BY, policy.predictors[0])
    figures: dict[str, dict[str, float]] = {}
    for knob in sorted(policy.knobs, reverse=True)[::EVERY]:
        choice = Choice(predictor, knob)
        runs = [bench.play(policy, choice, start, n) for start in tested for n in range(orders)]
        figures[f"{policy.name} at {knob:g}"] = {"knob": float(np.round(knob, 2)), **summed(runs)}
    return figures


if __name__ == "__main__":
    main()
