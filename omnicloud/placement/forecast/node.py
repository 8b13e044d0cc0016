"""The loads of many nodes under a forecast, kept up while workloads come and go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import ConflictError
from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.usage import Floats

__all__ = ["NodeLoads"]

Rows = Sequence[int] | NDArray[np.intp]


class NodeLoads:
    """One running sum of profiles for each node and term.

    Adding costs one sum over the slots. Removing sums the rest anew, so that the sums are those
    of what is on the node and rounding does not gather. Workloads are told by their row in the
    forecast, nodes by their number.
    """

    def __init__(self, forecast: Forecast, nodes: int) -> None:
        self._forecast = forecast
        self._sums = [
            np.zeros((nodes, term.profiles.shape[1]), dtype=np.float32) for term in forecast.terms
        ]
        self._on: list[dict[int, None]] = [{} for _ in range(nodes)]

    def __len__(self) -> int:
        return len(self._on)

    def open_node(self) -> int:
        """One more node, empty; its number."""
        if len(self._on) == len(self._sums[0]):
            self._sums = [np.concatenate([one, np.zeros_like(one)]) for one in self._sums]
        self._on.append({})
        return len(self._on) - 1

    def on(self, node: int) -> tuple[int, ...]:
        """The workloads on the node, in the order in which they came."""
        return tuple(self._on[node])

    def add(self, node: int, workload: int) -> None:
        """The workload runs on the node from now on.

        Raises:
            ConflictError: It is there already.
        """
        if workload in self._on[node]:
            raise ConflictError(f"{self._forecast.names[workload]!r} is on node {node} already")
        self._on[node][workload] = None
        for sums, term in zip(self._sums, self._forecast.terms, strict=True):
            sums[node] += term.profiles[workload]

    def remove(self, node: int, workload: int) -> None:
        """The workload left the node.

        Raises:
            ConflictError: It is not there.
        """
        if workload not in self._on[node]:
            raise ConflictError(f"{self._forecast.names[workload]!r} is not on node {node}")
        del self._on[node][workload]
        rest = list(self._on[node])
        for sums, term in zip(self._sums, self._forecast.terms, strict=True):
            sums[node] = term.profiles[rest].sum(axis=0)

    def load(self, node: int) -> float:
        """What the node is expected to carry; zero where nothing is on it."""
        if not self._on[node]:
            return 0.0
        return float(self._reduced([sums[node : node + 1] for sums in self._sums])[0])

    def with_one_more(self, nodes: Rows, workload: int) -> Floats:
        """What each of these nodes would carry with the workload besides what it has."""
        index = np.asarray(nodes, dtype=np.intp)
        return self._reduced(
            [
                sums[index] + term.profiles[workload]
                for sums, term in zip(self._sums, self._forecast.terms, strict=True)
            ]
        )

    def _reduced(self, sums: Sequence[Floats]) -> Floats:
        loads = np.zeros(len(sums[0]), dtype=np.float32)
        for term, one in zip(self._forecast.terms, sums, strict=True):
            loads += np.float32(term.weight) * term.reduction(one)
        return loads
