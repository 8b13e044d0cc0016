"""Leave as little over as can be, by absolute amounts: small nodes before large ones."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["BestFit"]


class BestFit(Objective):
    """What is left over afterwards, relative to the largest node, mean over the dimensions.

    GPUs are a dimension where the fleet has some.
    """

    name = "best_fit"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload."""
        return _LeftOver(fleet, workload)


class _LeftOver(Score):
    def __init__(self, fleet: Fleet, workload: Workload) -> None:
        largest = fleet.capacity.max(axis=1, initial=0.0)
        self._devices = fleet.book(Devices)
        devices = int((self._devices.free >= 0).sum(axis=1).max(initial=0))
        parts = int((largest > 0).sum()) + (devices > 0)
        self._columns = [
            (fleet.free[dimension], 1.0 / float(most * parts))
            for dimension, most in enumerate(largest)
            if most > 0
        ]
        self._gpu_scale = 1.0 / (WHOLE * devices * parts) if devices else 0.0
        asked = sum(
            float(wanted) / float(most * parts)
            for wanted, most in zip(fleet.demand(workload), largest, strict=True)
            if most > 0
        )
        if workload.gpu is not None:
            asked += workload.gpu.count * workload.gpu.milli * self._gpu_scale
        self._asked = self.key = asked
        self.bounds = (-1.0, 0.0)

    def raw(self, rows: Rows) -> Floats:
        left = np.asarray(self._devices.total[rows] * self._gpu_scale, dtype=np.float64)
        for column, scale in self._columns:
            left += column[rows] * scale
        return self._asked - left

    def one(self, row: int) -> float:
        """The same sums in the same order."""
        left = self._devices.total.item(row) * self._gpu_scale
        for column, scale in self._columns:
            left += column.item(row) * scale
        return self._asked - left
