"""B1: how many workloads run on a node, at most 0.1 % of node-intervals overloaded.

Run ``python benchmarks/placement/density.py --data DIR``. Each window has two weeks of history
and a week that comes; workloads arrive in a random order and are placed one after another on
nodes that are opened as needed. Every knob is chosen from windows that ended before the
test window begins. ``--smoke`` needs no data and takes a made-up fleet.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from _options import fleet_options, named, shape
from _packing import clairvoyant, fewest_nodes
from _playing import SLO, Played, play
from _policies import POLICIES, Bench, Choice, Policy
from _traces import load, rehearsals, starts
from _writing import RESULTS, plot_bars, table, write

SHOWN = {
    "workloads_per_node": ".2f",
    "overloaded_share": ".4%",
    "worst_node_share": ".2%",
    "memory_violations": ".0f",
    "moves_per_week": ".1f",
}


def main() -> None:
    parser = fleet_options(__doc__.splitlines()[0])
    parser.add_argument("--policies", default="", help="only these, by comma")
    options = parser.parse_args()
    fleet = load(options.data, options.smoke, options.seed, options.until_day)
    bench = Bench(fleet, shape(options.node), options.seed)
    weeks, orders = (1, 1) if options.smoke else (options.weeks, options.orders)
    tested = starts(fleet, weeks)
    wanted = named([one.name for one in POLICIES], options.policies)
    figures: dict[str, dict[str, float]] = {}
    windows: dict[str, list[dict[str, object]]] = {}
    for policy in (one for one in POLICIES if one.name in wanted):
        played = [each(bench, policy, start, orders, options.smoke) for start in tested]
        figures[policy.name] = summed([one for _, runs in played for one in runs])
        windows[policy.name] = [told(bench, s, *one) for s, one in zip(tested, played, strict=True)]
        print(f"played: {policy.name}", file=sys.stderr, flush=True)
    add_limits(bench, tested, figures, windows)
    said = {k: str(v) for k, v in vars(options).items()} | {"workloads": fleet.name}
    name = "B1" + ("-smoke" if options.smoke else "")
    if options.policies:
        figures, windows = beside(name, said, fleet.hashes, figures, windows)
    table(figures, SHOWN)
    more = {"windows": windows, "slo": SLO}
    write(name, figures, data=fleet.hashes, options=said, more=more)
    draw(name, f"{options.node} node, {fleet.name}", windows)


def draw(name: str, what: str, windows: dict[str, list[dict[str, object]]]) -> None:
    """Density with its spread over windows, and the same of the share overloaded."""
    dense = {policy: _each(ws, "workloads_per_node") for policy, ws in windows.items()}
    plot_bars(name, f"Workloads per {what}", "workloads", dense)
    over = {policy: _each(ws, "overloaded_share", 100) for policy, ws in windows.items()}
    over = {policy: shares for policy, shares in over.items() if shares}
    title = f"Node-intervals overloaded, {what}"
    plot_bars(name, title, "per cent", over, limit=100 * SLO, part="violations")


def _each(windows: list[dict[str, object]], figure: str, scale: float = 1.0) -> list[float]:
    return [scale * float(str(one[figure])) for one in windows if figure in one]


def beside(
    name: str,
    said: dict[str, str],
    hashes: dict[str, str],
    figures: dict[str, dict[str, float]],
    windows: dict[str, list[dict[str, object]]],
) -> tuple[dict[str, dict[str, float]], dict[str, list[dict[str, object]]]]:
    """The policies that were played now, beside the others of an earlier run with the same data.

    Policies know nothing of each other, so playing one again changes no other line.
    """
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return figures, windows
    before = json.loads(path.read_text())
    now = {**said, "data": Path(said["data"]).name}
    alike = {**before["options"], "policies": said["policies"]} == now
    if not alike or before["data_sha256"] != hashes:
        return figures, windows
    return before["policies"] | figures, before["windows"] | windows


def each(
    bench: Bench, policy: Policy, start: int, orders: int, smoke: bool
) -> tuple[Choice, list[Played]]:
    """One window: the knob from the past, then every order of arrival."""
    choice = bench.choose(policy, [] if smoke else rehearsals(start))
    return choice, [bench.play(policy, choice, start, order) for order in range(orders)]


def summed(runs: list[Played]) -> dict[str, float]:
    """Means over windows and orders, the worst node of all, and sums of what must not be."""
    return {
        "workloads_per_node": float(np.mean([one.density for one in runs])),
        "overloaded_share": float(np.mean([one.overloaded for one in runs])),
        "worst_node_share": max(one.worst_node for one in runs),
        "worst_window_share": max(one.overloaded for one in runs),
        "memory_violations": float(sum(one.memory_over for one in runs)),
        "moves_per_week": float(np.mean([one.moves for one in runs])),
        "most_moves": float(max(one.moves for one in runs)),
        "moved_core_hours": float(np.mean([one.moved_core_hours for one in runs])),
    }


def told(bench: Bench, start: int, choice: Choice, runs: list[Played]) -> dict[str, object]:
    return {
        "first_day": start / 288,
        "workloads": bench.window(start).count,
        "predictor": choice.predictor.name,
        "knob": choice.knob,
        "nodes": [one.nodes for one in runs],
        **summed(runs),
    }


def add_limits(
    bench: Bench,
    tested: list[int],
    figures: dict[str, dict[str, float]],
    windows: dict[str, list[dict[str, object]]],
) -> None:
    """The packer that knows the week, and what no packer can pass."""
    runs, bounds = [], []
    for start in tested:
        there = bench.window(start)
        node_of = clairvoyant(there, bench.node, SLO, bench.strict)
        runs.append(play(there, node_of, bench.node, False, bench.strict))
        fewest = fewest_nodes(there, bench.node, SLO, bench.strict)
        bounds.append(there.count / fewest)
    figures["oracle"] = summed(runs)
    windows["oracle"] = [summed([one]) | {"nodes": one.nodes} for one in runs]
    figures["bound"] = {"workloads_per_node": float(np.mean(bounds))}
    windows["bound"] = [{"workloads_per_node": one} for one in bounds]


if __name__ == "__main__":
    main()
