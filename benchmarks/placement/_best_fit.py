"""Best fit by processors and GPUs alone, as those measured it to whom we compare ourselves."""

from __future__ import annotations

from collections.abc import Sequence

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.hookspecs import hookimpl
from omnicloud.placement.rules.protocol import Objective, Score


class BestFitOfTwo(Objective):
    """What is left of processors and GPUs, each relative to the largest node; memory is not seen.

    Weng et al., "Beware of Fragmentation", USENIX ATC 2023, their baseline BestFit.
    """

    name = "best_fit_of_two"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        return _Left(fleet)

    @staticmethod
    def plugin() -> object:
        class Plugin:
            @hookimpl
            def placement_objectives(self) -> Sequence[Objective]:
                return (BestFitOfTwo(),)

        return Plugin()


class _Left(Score):
    """Who comes takes the same everywhere, so what is left before orders nodes as well as after."""

    bounds = (-1.0, 0.0)
    key = "same for all"

    def __init__(self, fleet: Fleet) -> None:
        names = [one.name for one in fleet.schema.dimensions]
        dimension = names.index("cpu_cores")
        self._free = fleet.free[dimension]
        self._gpus = fleet.book(Devices)
        self._cores = 0.5 / max(float(fleet.capacity[dimension].max()), 1.0)
        devices = int((self._gpus.free >= 0).sum(axis=1).max(initial=0))
        self._share = 0.5 / max(WHOLE * devices, 1)

    def raw(self, rows: Rows) -> Floats:
        left: Floats = -(self._free[rows] * self._cores + self._gpus.total[rows] * self._share)
        return left
