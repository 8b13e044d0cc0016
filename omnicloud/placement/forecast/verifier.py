"""The engine's last word on a node: whether its forecast load stays within its capacity."""

from __future__ import annotations

import math
from collections.abc import Sequence

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.node import NodeLoads
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload

__all__ = ["PeakVerifier"]


class PeakVerifier:
    """Refuses a node whose forecast load with the workload, times a knob, is over its capacity.

    Args:
        forecast: Of every workload that will be asked about or runs already.
        capacities: Of the nodes, in the unit of the forecast, in the engine's order of nodes.
        knob: Factor on the forecast; below 1 where the nodes are relieved when they get hot.
        unit: Of the amounts, for the reader of a verdict.
    """

    rule = "forecast"

    def __init__(
        self, forecast: Forecast, capacities: Sequence[float], knob: float, unit: str = "cores"
    ) -> None:
        if not 0 < knob < math.inf:
            raise InvalidArgumentError(f"the knob is {knob}, it must be above zero")
        if not all(0 <= one < math.inf for one in capacities):
            raise InvalidArgumentError("a capacity is no amount", hint="each is 0 or more")
        self._rows = {name: row for row, name in enumerate(forecast.names)}
        self._loads = NodeLoads(forecast, len(capacities))
        self._capacities = tuple(capacities)
        self._knob = knob
        self._unit = unit

    def fits(self, node_index: int, workload: Workload) -> Verdict:
        offered = self._capacity(node_index)
        wanted = self._knob * float(self._loads.with_one_more([node_index], self._row(workload))[0])
        passed = wanted <= offered
        verb = "stays within" if passed else "is over"
        words = (
            f"the expected load with it, {wanted:.2f} {self._unit}, "
            f"{verb} the node's {offered:.2f} {self._unit}"
        )
        return Verdict(self.rule, passed, words, wanted, offered, self._unit)

    def added(self, node_index: int, workload: Workload) -> None:
        self._capacity(node_index)
        self._loads.add(node_index, self._row(workload))

    def removed(self, node_index: int, workload: Workload) -> None:
        self._loads.remove(node_index, self._row(workload))

    def _capacity(self, node_index: int) -> float:
        if node_index >= len(self._capacities):
            raise InvalidArgumentError(
                f"the verifier has capacities of {len(self._capacities)} nodes, there are more",
                hint="give one for each node, in the order of their names",
            )
        return self._capacities[node_index]

    def _row(self, workload: Workload) -> int:
        row = self._rows.get(workload.name)
        if row is None:
            raise InvalidArgumentError(
                f"the forecast does not know workload {workload.name!r}",
                hint="fit a predictor to usage that names it; without samples it counts as asked",
            )
        return row
