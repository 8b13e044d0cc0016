"""Draw little power, or emit little: by each node's own curve of watts over CPU load."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["Carbon", "Energy"]


class Energy(Objective):
    """The watts that a placement adds, an empty node counted as off."""

    name = "energy"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where all nodes' power is known."""
        return _added(fleet, workload, carbon=False)


class Carbon(Objective):
    """The same in grams of CO2e per hour."""

    name = "carbon"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where all nodes' power and carbon intensity are known."""
        return _added(fleet, workload, carbon=True)


def _added(fleet: Fleet, workload: Workload, *, carbon: bool) -> Score | None:
    powers = [node.power for node in fleet.nodes]
    if not powers or any(power is None or len(power.watts) < 2 for power in powers):
        return None
    grams = np.array([power.grams_per_kwh if power else 0.0 for power in powers]) / 1000.0
    factors = grams if carbon else np.ones(len(fleet))
    curves = [power.watts if power else () for power in powers]
    return _Added(fleet, workload, curves, factors) if factors.any() else None


class _Added(Score):
    def __init__(
        self, fleet: Fleet, workload: Workload, curves: list[tuple[float, ...]], factors: Floats
    ) -> None:
        self._fleet = fleet
        points = max(map(len, curves))
        load = np.linspace(0.0, 1.0, points)
        stretched = [np.interp(load, np.linspace(0.0, 1.0, len(one)), one) for one in curves]
        self._curves: Floats = np.array(stretched) * factors[:, None]
        self._cpu = [d.name for d in fleet.schema.dimensions].index("cpu_cores")
        self._wanted = float(fleet.demand(workload)[self._cpu])
        self.bounds = (-float(self._curves.max()), 0.0)
        self.key = self._wanted

    def raw(self, rows: Rows) -> Floats:
        capacity = np.maximum(self._fleet.capacity[self._cpu][rows], 1.0)
        used = self._fleet.capacity[self._cpu][rows] - self._fleet.free[self._cpu][rows]
        before = self._drawn(rows, used / capacity)
        after = self._drawn(rows, (used + self._wanted) / capacity)
        return np.where(self._fleet.counts[rows] > 0, before, 0.0) - after

    def _drawn(self, rows: Rows, load: Floats) -> Floats:
        curves = self._curves[rows]
        steps = curves.shape[1] - 1
        place = np.clip(load, 0.0, 1.0) * steps
        left = np.minimum(place.astype(np.intp), steps - 1)
        number = np.arange(len(curves))
        rise: Floats = curves[number, left + 1] - curves[number, left]
        drawn: Floats = curves[number, left] + rise * (place - left)
        return drawn
