"""Asks kube-scheduler itself how many nodes the requests of B1's windows need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from _kube_checks import Agreement
from _kube_objects import PODS_OF_NODE
from _kube_plane import Profile, plane
from _kube_play import Grown, emptied, one_by_one, watching
from _packing import Node, arrivals, expected, pack
from _traces import Window

from omnicloud.placement.forecast.predictors.request import ByRequest
from omnicloud.placement.model import node as model
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.workload import Workload

GIB = 2**30


async def fitted(
    windows: Sequence[Window], shape: Node, seed: int, orders: int
) -> list[dict[str, float]]:
    """For each window and order of arrival, the scheduler's nodes and those of the baseline."""
    machine = model.Node(
        name="",
        capacity=Resources(cpu_cores=shape.cores, memory_bytes=shape.gib * GIB),
        max_workloads=PODS_OF_NODE,
    )
    found = []
    async with (
        plane() as there,
        there.scheduler(Profile(share=100)),
        watching(there.api) as watched,
    ):
        for number, window in enumerate(windows):
            for order in range(orders):
                coming = arrivals(window.count, seed, order)
                name = f"w{number}-{order}"
                grown = await one_by_one(there.api, watched, _pods(window, coming), machine, name)
                await emptied(there.api)
                base = pack(expected(window, ByRequest(), asked=True), shape, coming, 1.0, True)
                found.append(_told(window, grown, base))
    return found


def _pods(window: Window, coming: np.ndarray) -> list[Workload]:
    asked = zip(window.cpu.requests, window.memory.requests, strict=True)
    sizes = [
        Resources(cpu_cores=float(cores), memory_bytes=float(gib) * GIB) for cores, gib in asked
    ]
    return [Workload(name=window.cpu.names[one], request=sizes[one]) for one in coming]


def _told(window: Window, grown: Grown, base: np.ndarray) -> dict[str, float]:
    agreement = Agreement(grown.nodes, [pod for pod, _, _ in grown.choices], "kube_default")
    needless = before = 0
    for pod, node, opened in grown.choices:
        needless += opened > before and not agreement.full(pod, before)
        agreement.look(pod, node, opened)
        before = opened
    nodes = int(base.max()) + 1
    return {
        "workloads": float(window.count),
        "nodes": float(len(grown.nodes)),
        "workloads_per_node": window.count / len(grown.nodes),
        "baseline_nodes": float(nodes),
        "baseline_workloads_per_node": window.count / nodes,
        "opened_needlessly": float(needless),
        **agreement.figures(),
    }
