"""B3g: how many GPUs stay unallocated when a cluster is filled until it is full.

Run ``python benchmarks/placement/gpus.py --data DIR``. Pods are drawn from the trace with
replacement and arrive one by one until they have asked for more GPUs than there are; who does
not fit is turned away and the next one comes, on the nodes that have GPUs: the method of Weng et
al., USENIX ATC 2023. ``best fit`` is theirs, by processors and GPUs; ``fragmentation`` is their
own policy. ``omnicloud`` also puts shares together that fill a device, and leaves processors for
the GPUs that are left; its weights were chosen on other draws (4, 5 and 6 of ``--seed 7``) than
those that are shown. ``--smoke`` takes a made-up cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from _best_fit import BestFitOfTwo
from _openb import Trace, arrivals, load, made_up, milli, shaped
from _options import named, options_of, shape
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
    "best fit, memory too": Options(aims=(Aim("best_fit"),)),
    "best fit": Options(aims=(Aim("best_fit_of_two"),)),
    "fragmentation": Options(aims=(Aim("gpu_fragmentation"),)),
    "fragmentation, packing": Options(
        aims=(Aim("gpu_fragmentation"), Aim("gpu_packing", 2.0), Aim("best_fit", 0.004))
    ),
    "omnicloud": Options(
        aims=(
            Aim("gpu_fragmentation"),
            Aim("gpu_packing", 4.0),
            Aim("gpu_room", 0.2),
            Aim("best_fit", 0.003),
        )
    ),
}
SHOWN = {
    "unallocated_gpus": ".1f",
    "unallocated_share": ".2%",
    "against_best_fit": "+.1%",
    "unallocated_at_100": ".1f",
    "turned_away": ".0f",
}


@dataclass(frozen=True)
class Filled:
    """A cluster that is full.

    Attributes:
        left: GPUs that nobody has.
        left_at_100: The same when as many had been asked for as there are.
        refused: Pods that were turned away.
    """

    left: float
    left_at_100: float
    refused: int


def main() -> None:
    parser = options_of(
        __doc__.splitlines()[0],
        "openb_gpu_v2023/",
        node=None,
        unused={"weeks": "pods are drawn from all of the trace, whatever their time"},
    )
    parser.add_argument("--pods", default="default", help="default, gpuspec33, cpu250, multigpu50")
    parser.add_argument("--nodes", default="gpu", choices=("gpu", "all"), help="which there are")
    parser.add_argument("--asked", type=float, default=1.3, help="share of all GPUs")
    parser.add_argument("--policies", default="", help="only these, by comma")
    said = parser.parse_args()
    trace = made_up(said.seed) if said.smoke else load(said.data, said.pods, said.nodes)
    trace = shaped(trace, shape(said.node)) if said.node else trace
    orders = 1 if said.smoke else said.orders
    draws = [arrivals(trace, said.seed * 1000 + n, said.asked) for n in range(orders)]
    wanted = named(POLICIES, said.policies)
    runs = {name: [filled(trace, POLICIES[name], pods) for pods in draws] for name in wanted}
    figures = {
        name: told(trace, found, runs.get("best fit", found)) for name, found in runs.items()
    }
    table(figures, SHOWN)
    name = "B3g" + ("-smoke" if said.smoke else "")
    options = {k: str(v) for k, v in vars(said).items()}
    write(name, figures, data=trace.hashes, options=options)
    bars = {policy: [one.left for one in found] for policy, found in runs.items()}
    plot_bars(name, f"GPUs left over, pods {said.pods}", "GPUs", bars)


def filled(trace: Trace, options: Options, pods: list[Workload]) -> Filled:
    """Place what fits, one pod after another."""
    fleet = Fleet.of(Snapshot.of(trace.nodes, pods))
    placer = Placer(fleet, options, Catalogue.of(BestFitOfTwo.plugin()))
    placer.announce(trace.pods)  # what usually comes: the trace, not the draw
    refused, asked, at_100 = 0, 0, float("nan")
    for pod in pods:
        row = placer.find(pod)
        if row >= 0:
            placer.put(pod, row)
        refused += row < 0
        asked += milli(pod)
        if asked >= 1000 * gpus_of(trace) and np.isnan(at_100):
            at_100 = _left(fleet)
    return Filled(_left(fleet), at_100, refused)


def _left(fleet: Fleet) -> float:
    return float(fleet.book(Devices).total.sum()) / 1000


def gpus_of(trace: Trace) -> int:
    return sum(node.gpus.count for node in trace.nodes if node.gpus)


def told(trace: Trace, runs: list[Filled], reference: list[Filled]) -> dict[str, float]:
    left, base = (float(np.mean([one.left for one in found])) for found in (runs, reference))
    return {
        "unallocated_gpus": left,
        "unallocated_share": left / gpus_of(trace),
        "against_best_fit": left / base - 1 if base else 0.0,
        "least": min(one.left for one in runs),
        "most": max(one.left for one in runs),
        "unallocated_at_100": float(np.mean([one.left_at_100 for one in runs])),
        "turned_away": float(np.mean([one.refused for one in runs])),
        "all_gpus": gpus_of(trace),
    }


if __name__ == "__main__":
    main()
