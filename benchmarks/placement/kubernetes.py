"""B4 beside the real kube-scheduler: the same nodes, the same pods in the same order.

Run ``python benchmarks/placement/kubernetes.py``; it needs kube-apiserver and kube-scheduler
1.20.2, which ``sh benchmarks/placement/build_kubernetes.sh`` builds from Debian's source, and
etcd. ``OMNICLOUD_KUBERNETES`` names another folder for them, and has to where ``--smoke`` is to
use them. Without them it says so and ends.

``pods_per_second`` is from the first pod created to the last one bound, which for kube-scheduler
is mostly its API server; ``decisions_per_second`` leaves that out on both sides: the scheduler's
own metric of its algorithm (of which p50 and p99 are known to a factor of two, from above), and
the time that this library takes, both for pods that were placed. ``cpu_ms_per_pod`` is of the
scheduler's whole process, which binds as well, and of this library's decisions; unlike the others
it says little of what else the machine did.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

import numpy as np
from _cluster import Asked, nodes, pods
from _kube_checks import Agreement, came_to, placer_of
from _kube_objects import bounded, expressible
from _kube_plane import Profile, missing, plane
from _kube_play import Played, at_once
from _options import count, options_of
from _writing import plot_bars, table, write

from omnicloud.placement.model.decision import Placement
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Aim
from omnicloud.placement.model.workload import Workload

SHOWN = {
    "pods_per_second": ",.0f",
    "decisions_per_second": ",.0f",
    "decision_mean_ms": ".3f",
    "decision_p50_ms": ".3f",
    "decision_p99_ms": ".3f",
    "cpu_ms_per_pod": ".2f",
    "nodes_used": ",.0f",
    "cpu_asked_of_used": ".1%",
    "memory_asked_of_used": ".1%",
    "pending": ",.0f",
    "pending_with_room": ",.0f",
    "broken_rules": ",.0f",
}
REAL = {
    "kube_default": Profile(),
    "kube_default_all": Profile(share=100),
    "kube_most": Profile(most=True),
    "kube_most_all": Profile(most=True, share=100),
}
OURS = {
    "omnicloud": (Aim("density"),),
    # room for GPUs, then density; its weight was chosen on another draw (--nodes 300 --seed 11)
    "omnicloud_gpus": (Aim("gpu_room"), Aim("density", 0.1)),
    "as_kube_default": (Aim("kube_default"),),
    "as_kube_most": (Aim("kube_most"),),
}


def main() -> None:
    said = options()
    absent = missing(asked_for=said.smoke)
    if absent:
        print(f"NOT MEASURED beside the real kube-scheduler: {absent}", file=sys.stderr)
        return
    count, many = (60, 600) if said.smoke else (said.nodes, said.pods)
    asked = Asked(count, many, rules=True)
    fleet = [bounded(node) for node in nodes(asked, said.seed)]
    pending = [expressible(pod) for pod in pods(asked, said.seed, shuffled=True)]
    figures: dict[str, dict[str, float]] = {}
    order: Sequence[Workload] = pending
    for name, profile in REAL.items():
        played = asyncio.run(real(profile, fleet, pending))
        figures[name] = told(profile, fleet, played)
        order = played.order
        print(f"played: {name}", file=sys.stderr, flush=True)
    figures |= {name: ours(fleet, order, *aims) for name, aims in OURS.items()}
    figures["bound"] = {"pending": without_gpus(fleet, pending)}
    table(figures, SHOWN)
    name = "B4-kubernetes" + ("-smoke" if said.smoke else "")
    more = {"kubernetes": "1.20.2"}
    write(name, figures, data={}, options={k: str(v) for k, v in vars(said).items()}, more=more)
    bars = {one: [figures[one]["decisions_per_second"]] for one in (*REAL, *OURS)}
    plot_bars(name, f"Decisions on {count:,} nodes", "decisions per second", bars, log=True)


def options() -> argparse.Namespace:
    parser = options_of(
        __doc__.splitlines()[0],
        unused={
            "data": "the cluster is made up from the seed",
            "node": "the cluster has nodes of six kinds",
            "weeks": "nothing here has a time",
            "orders": "one draw for each --seed",
        },
    )
    parser.add_argument("--nodes", type=count, default=500)
    parser.add_argument("--pods", type=count, default=5_000)
    return parser.parse_args()


async def real(profile: Profile, fleet: list[Node], pending: list[Workload]) -> Played:
    async with plane() as there:
        return await at_once(there, profile, fleet, pending)


def told(profile: Profile, fleet: list[Node], played: Played) -> dict[str, float]:
    placed, deciding = len(played.where), played.deciding()
    figures = {
        "pods_per_second": placed / played.seconds,
        "decisions_per_second": placed / deciding,
        "decision_mean_ms": 1e3 * deciding / placed,
        "decision_p50_ms": 1e3 * played.slowest(0.5),
        "decision_p99_ms": 1e3 * played.slowest(0.99),
        "cpu_ms_per_pod": 1e3 * played.cpu_seconds / len(played.order),
        **came_to(fleet, played.order, played.where),
    }
    if profile.share == 100 or len(fleet) < 100:  # otherwise some nodes were not looked at
        looked = Agreement(fleet, played.order, "kube_most" if profile.most else "kube_default")
        for pod in played.order:
            if pod.name in played.where:
                looked.look(pod, played.where[pod.name])
        figures |= looked.figures()
    return figures


def ours(fleet: list[Node], order: Sequence[Workload], *aims: Aim) -> dict[str, float]:
    placer = placer_of(fleet, order, *aims)
    where: dict[str, str] = {}
    took: list[float] = []
    began, cpu = time.perf_counter(), time.thread_time()
    for pod in order:
        start = time.perf_counter()
        found = placer.place(pod)
        if isinstance(found, Placement):
            took.append(time.perf_counter() - start)
            where[pod.name] = found.node
    whole, cpu = time.perf_counter() - began, time.thread_time() - cpu
    return {
        "pods_per_second": len(where) / whole,
        "decisions_per_second": len(where) / sum(took),
        "decision_mean_ms": 1e3 * float(np.mean(took)),
        "decision_p50_ms": 1e3 * float(np.percentile(took, 50)),
        "decision_p99_ms": 1e3 * float(np.percentile(took, 99)),
        "cpu_ms_per_pod": 1e3 * cpu / len(order),
        **came_to(fleet, order, where),
    }


def without_gpus(fleet: Sequence[Node], pending: Sequence[Workload]) -> float:
    """How many pods have to wait whoever places them: those beyond the last GPU."""
    there = sum(node.gpus.count for node in fleet if node.gpus)
    return float(max(0, sum(pod.gpu is not None for pod in pending) - there))


if __name__ == "__main__":
    main()
