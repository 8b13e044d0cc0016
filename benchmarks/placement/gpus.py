"""B3g: how many GPUs stay unallocated when a cluster is filled until it is full.

Run ``python benchmarks/placement/gpus.py --data DIR``. Pods are drawn from the trace with
replacement and arrive one by one until they have asked for more GPUs than there are; who does
not fit is turned away and the next one comes, as in Weng et al., USENIX ATC 2023.
``fragmentation`` is their method; ``omnicloud`` also puts shares together that fill a device,
with weights that were chosen on other draws (4 and 5 of ``--seed 7``) than the three that are
shown. ``--smoke`` takes a made-up cluster.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _openb import Trace, arrivals, load, made_up
from _writing import plot_bars, table, write

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.constraints.gpus import Devices

POLICIES = {
    "spread": Options(aims=(Aim("spread"),)),
    "density": Options(aims=(Aim("density"),)),
    "best fit": Options(aims=(Aim("best_fit"),)),
    "fragmentation": Options(aims=(Aim("gpu_fragmentation"),)),
    "omnicloud": Options(
        aims=(Aim("gpu_fragmentation"), Aim("gpu_packing", 2.0), Aim("best_fit", 0.004))
    ),
}
SHOWN = {
    "unallocated_gpus": ".1f",
    "unallocated_share": ".2%",
    "against_best_fit": "+.1%",
    "turned_away": ".0f",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = Path(__file__).parents[2].parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder with openb_gpu_v2023/")
    parser.add_argument("--pods", default="default", help="default, gpuspec33, cpu250, multigpu50")
    parser.add_argument("--asked", type=float, default=1.3, help="share of all GPUs")
    parser.add_argument("--orders", type=int, default=3, help="draws of pods")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--policies", default="", help="only these, by comma")
    parser.add_argument("--smoke", action="store_true", help="a made-up cluster, one draw")
    said = parser.parse_args()
    trace = made_up(said.seed) if said.smoke else load(said.data, said.pods)
    orders = 1 if said.smoke else said.orders
    draws = [arrivals(trace, said.seed * 1000 + n, said.asked) for n in range(orders)]
    wanted = [name for name in POLICIES if not said.policies or name in said.policies.split(",")]
    runs = {name: [filled(trace, POLICIES[name], pods) for pods in draws] for name in wanted}
    figures = {
        name: told(trace, found, runs.get("best fit", found)) for name, found in runs.items()
    }
    table(figures, SHOWN)
    name = "B3g-gpus" + ("-smoke" if said.smoke else "")
    options = {k: str(v) for k, v in vars(said).items()}
    write(name, figures, data=trace.hashes, options=options)
    bars = {policy: [left for left, _ in found] for policy, found in runs.items()}
    plot_bars(name, f"GPUs left over, pods {said.pods}", "GPUs", bars)


def filled(trace: Trace, options: Options, pods: list[Workload]) -> tuple[float, int]:
    """GPUs that are left, and pods that were turned away."""
    fleet = Fleet.of(Snapshot.of(trace.nodes, pods))
    placer = Placer(fleet, options, Catalogue.of())
    placer.announce(trace.pods)  # what usually comes: the trace, not the draw
    refused = 0
    for pod in pods:
        row = placer.find(pod)
        if row >= 0:
            placer.put(pod, row)
        refused += row < 0
    return float(fleet.book(Devices).total.sum()) / 1000, refused


def told(
    trace: Trace, runs: list[tuple[float, int]], reference: list[tuple[float, int]]
) -> dict[str, float]:
    gpus = sum(node.gpus.count for node in trace.nodes if node.gpus)
    left, base = (float(np.mean([one for one, _ in found])) for found in (runs, reference))
    return {
        "unallocated_gpus": left,
        "unallocated_share": left / gpus,
        "against_best_fit": left / base - 1 if base else 0.0,
        "turned_away": float(np.mean([away for _, away in runs])),
        "all_gpus": gpus,
    }


if __name__ == "__main__":
    main()
