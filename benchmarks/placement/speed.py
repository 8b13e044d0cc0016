"""B4: how many pods are placed in a second on 10,000 nodes, every constraint asked.

Run ``python benchmarks/placement/speed.py``. Decisions only: no API server, no binding; figures
of whole schedulers are not comparable. ``scan`` is the plainest fast way, for scale: one array
for each resource, every node looked at for every pod, no rule but resources. The others are
this library with one workload asked after another; ``same pods`` has only resources, ``rules``
also labels, taints, ports, anti-affinity, spread over zones and GPUs, with the pods of a
deployment one after the other; ``mixed`` has them in random order. Times are of the processor.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from _cluster import GIB, Asked, nodes, pods
from _options import count, options_of, shape
from _writing import plot_bars, table, write

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.decision import Placement
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue

SHOWN = {
    "pods_per_second": ",.0f",
    "p50_ms": ".3f",
    "p99_ms": ".3f",
    "nodes_used": ",.0f",
    "refused": ",.0f",
}


def main() -> None:
    parser = options_of(
        __doc__.splitlines()[0],
        node=None,
        unused={
            "data": "the cluster is made up from the seed",
            "weeks": "nothing here has a time",
            "orders": "one draw for each --seed",
        },
    )
    parser.add_argument("--nodes", type=count, default=10_000)
    parser.add_argument("--pods", type=count, default=100_000)
    said = parser.parse_args()
    counts = (200, 2_000) if said.smoke else (said.nodes, said.pods)
    plain, ruled = Asked(*counts, rules=False), Asked(*counts, rules=True)
    fleet = nodes(plain, said.seed)
    if said.node:
        machine = shape(said.node)
        capacity = Resources(cpu_cores=machine.cores, memory_bytes=machine.gib * GIB)
        fleet = [replace(node, capacity=capacity) for node in fleet]
    figures = {
        "scan": scanned(fleet, pods(plain, said.seed, shuffled=True)),
        "same pods": placed(fleet, pods(plain, said.seed, shuffled=True)),
        "rules": placed(fleet, pods(ruled, said.seed, shuffled=False)),
        "rules, mixed": placed(fleet, pods(ruled, said.seed, shuffled=True)),
    }
    table(figures, SHOWN)
    name = "B4" + ("-smoke" if said.smoke else "")
    write(name, figures, data={}, options={k: str(v) for k, v in vars(said).items()})
    bars = {policy: [found["pods_per_second"]] for policy, found in figures.items()}
    plot_bars(name, f"Pods placed on {counts[0]:,} nodes", "pods per second of processor", bars)


def placed(fleet: list[Node], pending: list[Workload]) -> dict[str, float]:
    snapshot = Snapshot.of(fleet, pending)
    columns = Fleet.of(snapshot)
    placer = Placer(columns, Options(), Catalogue.of())
    placer.announce(pending)
    times = np.zeros(len(pending))
    refused = 0
    for number, pod in enumerate(pending):
        start = time.thread_time_ns()
        found = placer.place(pod)
        times[number] = time.thread_time_ns() - start
        refused += not isinstance(found, Placement)
    return told(times, int((columns.counts > 0).sum()), refused)


def scanned(fleet: list[Node], pending: list[Workload]) -> dict[str, float]:
    """Most allocated first, over three arrays."""
    capacity = np.array(
        [
            [n.capacity.cpu_cores, n.capacity.memory_bytes, n.gpus.count * 1000 if n.gpus else 0]
            for n in fleet
        ],
        dtype=np.float32,
    ).T.copy()
    free, shares = capacity.copy(), np.float32(1) / np.maximum(capacity, 1)
    times = np.zeros(len(pending))
    refused = 0
    for number, pod in enumerate(pending):
        gpu = float(pod.gpu.milli) if pod.gpu else 0.0
        wanted = (pod.request.cpu_cores, pod.request.memory_bytes, gpu)
        start = time.thread_time_ns()
        good = free[0] >= wanted[0]
        left = free[0] * shares[0]
        for column in range(1, 3 if gpu else 2):
            good &= free[column] >= wanted[column]
            left += free[column] * shares[column]
        left[~good] = np.inf
        row = int(left.argmin())
        if good[row]:
            free[:, row] -= wanted
        else:
            refused += 1
        times[number] = time.thread_time_ns() - start
    return told(times, int((free < capacity).any(axis=0).sum()), refused)


def told(times: np.ndarray, used: int, refused: int) -> dict[str, float]:
    return {
        "pods_per_second": len(times) / (times.sum() / 1e9),
        "p50_ms": float(np.percentile(times, 50)) / 1e6,
        "p99_ms": float(np.percentile(times, 99)) / 1e6,
        "nodes_used": used,
        "refused": refused,
    }


if __name__ == "__main__":
    main()
