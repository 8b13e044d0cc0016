"""What workloads usually ask of GPUs, and what is left of devices when one more comes."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats
from omnicloud.placement.model.workload import GpuRequest, Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE

__all__ = ["Seen", "Usual", "with_one_more"]

_MOST_KINDS = 256
_Kind: TypeAlias = tuple[bytes, GpuRequest | None]


@dataclass(frozen=True)
class Usual:
    """The kinds of workloads that usually come and use GPUs: one entry, or one row, for each.

    Attributes:
        total: How many came, also of those that use none.
        weights: How often each came.
        demands: In quanta, by dimension of the fleet.
        counts: GPUs.
        sizes: The different thousandths of a GPU that are asked.
        size: Which of the sizes each asks.
        models: Whether it can use the GPUs of each node.
    """

    total: int
    weights: NDArray[np.int64]
    demands: Floats
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    size: NDArray[np.intp]
    models: NDArray[np.bool_]


class Seen:
    """Counts kinds of workloads until somebody asks what is usual; that then stays.

    Each objective that asks notes every workload, so that only shares of the counts say anything.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen: Tally[_Kind] = Tally()
        self._usual: Usual | None = None

    def note(self, workload: Workload) -> None:
        if self._usual is None:
            self._seen[self._fleet.demand(workload).tobytes(), workload.gpu] += 1

    def usual(self) -> Usual:
        if self._usual is None:
            self._usual = self._summed()
        return self._usual

    def _summed(self) -> Usual:
        common = sorted(self._seen.items(), key=lambda one: (-one[1], one[0][0], repr(one[0][1])))
        common = common[:_MOST_KINDS]
        using = [(demand, gpu, count) for (demand, gpu), count in common if gpu is not None]
        sizes = sorted({gpu.milli for _, gpu, _ in using})
        models = [n.gpus.model if n.gpus else "" for n in self._fleet.nodes]
        return Usual(
            sum(count for _, count in common),
            np.array([count for _, _, count in using], dtype=np.int64),
            np.array([np.frombuffer(demand) for demand, _, _ in using]),
            np.array([gpu.count for _, gpu, _ in using], dtype=np.int64),
            np.array(sizes, dtype=np.int64),
            np.array([sizes.index(gpu.milli) for _, gpu, _ in using], dtype=np.intp),
            np.array([[_suits(gpu, model) for model in models] for _, gpu, _ in using]),
        )


def _suits(gpu: GpuRequest, model: str) -> bool:
    return not gpu.models or model in gpu.models


def with_one_more(devices: NDArray[np.int64], gpu: GpuRequest | None) -> NDArray[np.int64]:
    """What is free of the devices of each node with such a workload on those that it would get."""
    if gpu is None:
        return devices
    fitting = devices >= gpu.milli
    if gpu.milli >= WHOLE:
        chosen = fitting & (fitting.cumsum(axis=1) <= gpu.count)
        return devices - chosen * gpu.milli
    after = devices.copy()
    fullest = np.where(fitting, devices, WHOLE + 1).argmin(axis=1)
    after[np.arange(len(after)), fullest] -= gpu.milli
    return np.maximum(after, 0)
