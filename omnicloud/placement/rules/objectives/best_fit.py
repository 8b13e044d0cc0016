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
        self._fleet = fleet
        largest = fleet.capacity.max(axis=1, initial=0.0)
        self._devices = fleet.book(Devices)
        devices = int((self._devices.free >= 0).sum(axis=1).max(initial=0))
        parts = int((largest > 0).sum()) + (devices > 0)
        self._scale = np.divide(1.0, largest * parts, out=np.zeros_like(largest), where=largest > 0)
        self._gpu_scale = 1.0 / (WHOLE * devices * parts) if devices else 0.0
        asked = float(fleet.demand(workload) @ self._scale)
        if workload.gpu is not None:
            asked += workload.gpu.count * workload.gpu.milli * self._gpu_scale
        self._asked = asked
        self.bounds = (-1.0, 0.0)

    def raw(self, rows: Rows) -> Floats:
        left: Floats = self._scale @ self._fleet.free[:, rows]
        if self._gpu_scale:
            left = left + self._devices.total[rows] * self._gpu_scale
        return self._asked - left
