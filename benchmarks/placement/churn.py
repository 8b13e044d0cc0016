"""B2: node-hours beyond the least there can be, when machines come and go.

Run ``python benchmarks/placement/churn.py --data DIR``. Virtual machines arrive and leave as they
did in a large cloud; hosts have 32 cores and 224 GB, empty ones are given back at once, nothing
moves. The bound is the larger of the sums of cores and of memory at each moment, in fractions
of hosts. The first order of arrival is the trace's own, further ones draw that of the batches
that came within the same five minutes. Lifetimes are learnt from another part of the trace that
ended before (``dev``), and told again at every age; machines of a batch are expected to leave
together. ``--smoke`` takes made-up ones.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from _azure import (
    TICK_SECONDS,
    Machine,
    Trace,
    batches,
    fitting,
    grade,
    kinds,
    learnt,
    load,
    made_up,
    shuffled,
)
from _options import count, from_zero, named, options_of, shape
from _packing import Node as Shape
from _writing import plot_bars, table, write

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.forecast.survival import Kinds, Survival
from omnicloud.placement.model.labels import labels
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.objectives.lifetime import Exits
from omnicloud.placement.rules.objectives.stay import Stays

HOST = "32x224"
BY_CHANCES = Options(aims=(Aim("stay", 1.0), Aim("best_fit", 0.002)))  # the weight: see --part dev
BY_LIFETIME = Options(aims=(Aim("lifetime", 1.0), Aim("best_fit", 0.01)))
POLICIES = {
    "spread": (Options(aims=(Aim("spread"),)), ""),
    "density": (Options(aims=(Aim("density"),)), ""),
    "best fit": (Options(aims=(Aim("best_fit"),)), ""),
    "omnicloud": (BY_CHANCES, "learnt"),
    "lifetimes known": (BY_LIFETIME, "known"),
}
SHOWN = {"over_bound": ".2%", "node_hours": ",.0f", "most_nodes": ",.0f", "seconds": ".0f"}


class Host:
    """A fleet that is as large as it must be, and what happens on it."""

    def __init__(
        self, options: Options, survival: Survival | None, host: Shape, nodes: int
    ) -> None:
        capacity = Resources(cpu_cores=host.cores, memory_bytes=host.gib * 4)
        hosts = [Node(name=f"h{number:05}", capacity=capacity) for number in range(nodes)]
        self.fleet = Fleet.of(Snapshot.of(hosts))
        self.placer = Placer(self.fleet, options, Catalogue.of())
        self.exits = self.fleet.book(Exits)
        self._batches: dict[str, int] = {}
        self._stays: Stays | None = None
        if survival is not None:
            self._stays = self.fleet.book(Stays)
            self._stays.learn(survival, _kinds, lambda workload: self._batches[workload.name])
        # by itself this aim would open a host for everybody: an autoscaler opens one when it must
        self._reluctant = options.aims == (Aim("spread"),)
        self._leaving: list[tuple[float, str]] = []
        self._alike: dict[tuple[object, ...], Workload] = {}
        self._count = 0

    def tick(self, now: float, arrived: list[Machine], known: bool) -> None:
        while self._leaving and self._leaving[0][0] <= now:
            _, name = heapq.heappop(self._leaving)
            self.fleet.remove(name)
            del self._batches[name]
        self.exits.now = now
        if self._stays is not None:
            self._stays.advance(now)
        for batch in batches(arrived):
            first = self._count
            for machine in batch:
                self._arrive(now, machine, known, first)

    def _arrive(self, now: float, machine: Machine, known: bool, batch: int) -> None:
        self._count += 1
        name = f"m{self._count}"
        stays = machine.seconds if known else None
        workload = replace(self._like(machine), name=name, lifetime_seconds=stays)
        row = self.placer.find(workload, self.fleet.counts > 0) if self._reluctant else -1
        row = self.placer.find(workload) if row < 0 else row
        if row < 0:
            raise SystemExit("the fleet is too small: raise --nodes")
        self._batches[name] = batch
        self.fleet.add(workload, row)
        heapq.heappush(self._leaving, (now + machine.seconds, name))

    def _like(self, machine: Machine) -> Workload:
        """Of its size and, where lifetimes are learnt, of its kind."""
        told = {}
        if self._stays is not None:
            told = {"kind": machine.kind, "grade": grade(machine.batch)}
        key = (machine.cores, machine.gib, *told.values())
        if key not in self._alike:  # memory in quarters of a GB: whole numbers
            request = Resources(cpu_cores=machine.cores, memory_bytes=machine.gib * 4)
            self._alike[key] = Workload(name="", request=request, labels=labels(told))
        return self._alike[key]

    def bound(self) -> float:
        used = (self.fleet.capacity - self.fleet.free).sum(axis=1)
        return float((used / self.fleet.capacity[:, 0]).max())


def _kinds(workload: Workload) -> Kinds:
    told = dict(workload.labels)
    return kinds(told["kind"], told["grade"])


def played(
    trace: Trace, policy: str, survival: Survival, machine: Shape, nodes: int
) -> dict[str, float]:
    options, lifetimes = POLICIES[policy]
    host = Host(options, survival if lifetimes == "learnt" else None, machine, nodes)
    start, used, least, most = time.process_time(), 0.0, 0.0, 0
    for number, arrived in enumerate(trace):
        host.tick(number * TICK_SECONDS, arrived, lifetimes == "known")
        count = int((host.fleet.counts > 0).sum())
        used, least, most = used + count, least + host.bound(), max(most, count)
    return {
        "over_bound": used / least - 1 if least else 0.0,
        "node_hours": used * TICK_SECONDS / 3600,
        "bound_node_hours": least * TICK_SECONDS / 3600,
        "most_nodes": most,
        "seconds": time.process_time() - start,
    }


def summed(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over the orders of arrival, and the worst."""
    means = {figure: float(np.mean([run[figure] for run in runs])) for figure in runs[0]}
    return means | {"worst_over_bound": max(run["over_bound"] for run in runs)}


def main() -> None:
    parser = options_of(
        __doc__.splitlines()[0],
        "azure_v1_arrivals/",
        node=HOST,
        orders=1,
        unused={"weeks": "the trace has less than a week; see --from-tick and --ticks"},
    )
    parser.add_argument("--part", default="test", choices=["dev", "test"])
    parser.add_argument(
        "--from-tick", type=from_zero, default=0, help="leave out what came before it"
    )
    parser.add_argument("--ticks", type=count, help="only so many, of five minutes each")
    parser.add_argument("--nodes", type=count, default=4000, help="no more hosts than that")
    parser.add_argument("--policies", default="", help="only these, by comma")
    said = parser.parse_args()
    hashes: dict[str, str] = {}
    if said.smoke:
        seen, trace, said.nodes = made_up(said.seed + 1), made_up(said.seed), 100
    else:
        seen = load(said.data, "dev", hashes)
        trace = load(said.data, said.part, hashes) if said.part == "test" else seen
        if said.part == "dev":  # learn from the first half, try on the second
            half = len(seen) // 2
            seen, trace = seen[:half], seen[half:]
        trace = trace[said.from_tick :][: said.ticks]
    host, survival = shape(said.node), learnt(seen)
    before, trace = sum(map(len, trace)), fitting(trace, host.cores, host.gib)
    if not (there := sum(map(len, trace))):
        raise SystemExit(f"no machine of these {len(trace)} ticks fits onto a host of {said.node}")
    if there < before:
        print(f"left out: {before - there} machines larger than a host of {said.node}")
    orders = [shuffled(trace, said.seed, number) for number in range(said.orders)]
    runs = {
        name: [played(one, name, survival, host, said.nodes) for one in orders]
        for name in named(POLICIES, said.policies)
    }
    figures = {name: summed(found) for name, found in runs.items()}
    table(figures, SHOWN)
    name = "B2" + ("-smoke" if said.smoke else "" if said.part == "test" else "-dev")
    more = {"machines": there, "left_out": before - there}
    options = {k: str(v) for k, v in vars(said).items()}
    write(name, figures, data=hashes, options=options, more=more)
    bars = {policy: [100 * one["over_bound"] for one in found] for policy, found in runs.items()}
    plot_bars(name, "Node-hours over the bound", "per cent", bars)


if __name__ == "__main__":
    main()
