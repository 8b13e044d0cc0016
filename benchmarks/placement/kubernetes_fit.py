"""B1's baseline by requests beside the real kube-scheduler: how many nodes do requests need?

Run ``python benchmarks/placement/kubernetes_fit.py --data DIR``; it needs what ``kubernetes.py``
needs. The workloads of B1's windows come to kube-scheduler in B1's order as pods with their
requests, one after another; a node is opened when it finds none, as an autoscaler would do.
``requests`` is the baseline that B1 reports, on the same workloads in the same order.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import numpy as np
from _kube_checks import Agreement
from _kube_objects import PODS_OF_NODE
from _kube_plane import Profile, missing, plane
from _kube_play import Grown, emptied, one_by_one, watching
from _options import fleet_options, shape
from _packing import Node, arrivals, expected, pack
from _traces import Window, load, starts, window
from _writing import plot_bars, table, write

from omnicloud.placement.forecast.predictors.request import ByRequest
from omnicloud.placement.model import node as model
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.workload import Workload

SHOWN = {
    "workloads_per_node": ".2f",
    "choices_with_the_highest_score": ".1%",
    "of_these_the_only_one": ".1%",
    "opened_needlessly": ".0f",
}
GIB = 2**30
Run = dict[str, float]


def main() -> None:
    said = fleet_options(__doc__.splitlines()[0]).parse_args()
    absent = missing(asked_for=said.smoke)
    if absent:
        print(f"NOT MEASURED beside the real kube-scheduler: {absent}", file=sys.stderr)
        return
    fleet = load(said.data, said.smoke, said.seed, said.until_day)
    weeks, orders = (1, 1) if said.smoke else (said.weeks, said.orders)
    machine = shape(said.node)
    windows = [window(fleet, start, (machine.cores, machine.gib)) for start in starts(fleet, weeks)]
    runs = asyncio.run(fitted(windows, machine, said.seed, orders))
    figures = {policy: _mean([run[policy] for run in runs]) for policy in runs[0]}
    table(figures, SHOWN)
    name = "B1-kubernetes" + ("-smoke" if said.smoke else "")
    options = {key: str(value) for key, value in vars(said).items()} | {"workloads": fleet.name}
    more = {"runs": runs, "kubernetes": "1.20.2"}
    write(name, figures, data=fleet.hashes, options=options, more=more)
    bars = {policy: [run[policy]["workloads_per_node"] for run in runs] for policy in figures}
    plot_bars(name, f"Workloads per {said.node} node, by request", "workloads", bars)


def _mean(runs: Sequence[Run]) -> Run:
    return {figure: float(np.mean([run[figure] for run in runs])) for figure in runs[0]}


async def fitted(
    windows: Sequence[Window], machine: Node, seed: int, orders: int
) -> list[dict[str, Run]]:
    """For each window and order of arrival, the scheduler's nodes and those of the baseline."""
    capacity = Resources(cpu_cores=machine.cores, memory_bytes=machine.gib * GIB)
    kind = model.Node(name="", capacity=capacity, max_workloads=PODS_OF_NODE)
    found = []
    async with plane() as there, there.scheduler(Profile()), watching(there.api) as watched:
        for number, one in enumerate(windows):
            for order in range(orders):
                coming = arrivals(one.count, seed, order)
                name = f"w{number}-{order}"
                grown = await one_by_one(there.api, watched, _pods(one, coming), kind, name)
                await emptied(there.api)
                base = pack(expected(one, ByRequest(), asked=True), machine, coming, 1.0, True)
                nodes = int(base.max()) + 1
                told = {"workloads_per_node": one.count / nodes, "nodes": float(nodes)}
                found.append({"kube_default": _told(one, grown), "requests": told})
                print(f"played: {name}", file=sys.stderr, flush=True)
    return found


def _pods(one: Window, coming: np.ndarray) -> list[Workload]:
    asked = zip(one.cpu.requests, one.memory.requests, strict=True)
    sizes = [
        Resources(cpu_cores=float(cores), memory_bytes=float(gib) * GIB) for cores, gib in asked
    ]
    return [Workload(name=one.cpu.names[row], request=sizes[row]) for row in coming]


def _told(one: Window, grown: Grown) -> Run:
    agreement = Agreement(grown.nodes, [pod for pod, _, _ in grown.choices], "kube_default")
    needless = before = 0
    for pod, node, opened in grown.choices:
        needless += opened > before and not agreement.full(pod, before)
        agreement.look(pod, node, opened)
        before = opened
    return {
        "workloads_per_node": one.count / len(grown.nodes),
        "nodes": float(len(grown.nodes)),
        "opened_needlessly": float(needless),
        **agreement.figures(),
    }


if __name__ == "__main__":
    main()
