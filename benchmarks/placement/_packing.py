"""Online placement, one workload after another in the order of arrival, nodes opened as needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from _traces import Window

from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.node import NodeLoads
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.predictors.peak import PeakOfSum
from omnicloud.placement.forecast.purchase import Offer, buy
from omnicloud.placement.forecast.usage import Floats

MEMORY_MARGIN = 1.3  # on the peak of the sum of two weeks


@dataclass(frozen=True)
class Node:
    """A shape of node, and what it costs where that matters."""

    cores: float
    gib: float
    usd_per_hour: float = 1.0


@dataclass(frozen=True)
class Expected:
    """What is reserved for the workloads of a window."""

    cpu: Forecast
    memory: Forecast


def expected(
    window: Window, predictor: Predictor, *, strict: bool = False, asked: bool = False
) -> Expected:
    """CPU by a predictor; memory by its past peaks, or by request: strict, or when asked all is."""
    memory = sizes_alone(window.memory.names, window.memory.requests)
    if not (strict or asked):
        memory = PeakOfSum().fit(window.memory, window.now).scaled(MEMORY_MARGIN)
    return Expected(predictor.fit(window.cpu, window.now), memory)


def arrivals(count: int, seed: int, order: int) -> np.ndarray:
    return np.random.default_rng([seed, order]).permutation(count)


def pack(
    what: Expected, node: Node, order: np.ndarray, knob: float, spread: bool = False
) -> np.ndarray:
    """The node of each workload: the fullest by the forecast that takes it, or the emptiest.

    A node takes it while its forecast load times the knob is within its cores, and its memory
    within its GiB.
    """
    cpu, memory = NodeLoads(what.cpu, 1), NodeLoads(what.memory, 1)
    node_of = np.full(len(order), -1, dtype=np.intp)
    for workload in order:
        chosen = _choice(cpu, memory, int(workload), node, knob, spread)
        if chosen < 0:
            cpu.open_node()
            chosen = memory.open_node()
        cpu.add(chosen, int(workload))
        memory.add(chosen, int(workload))
        node_of[workload] = chosen
    return node_of


def _choice(
    cpu: NodeLoads, memory: NodeLoads, workload: int, node: Node, knob: float, spread: bool
) -> int:
    loads = cpu.with_one_more(range(len(cpu)), workload)
    for candidate in np.argsort(loads if spread else -loads, kind="stable"):
        if loads[candidate] * knob > node.cores + 1e-6:
            continue
        if memory.with_one_more([candidate], workload)[0] <= node.gib + 1e-6:
            return int(candidate)
    return -1


def bought(
    what: Expected, kinds: Sequence[Node], knob: float
) -> tuple[np.ndarray, tuple[Node, ...]]:
    """The node of each workload, all known from the start, and the nodes of the cheapest mix."""
    offers = [
        Offer(str(number), kind.cores, kind.gib, kind.usd_per_hour)
        for number, kind in enumerate(kinds)
    ]
    purchase = buy(what.cpu.scaled(knob), what.memory, offers)
    return purchase.node_of, tuple(kinds[int(one.name)] for one in purchase.nodes)


def clairvoyant(window: Window, node: Node, share: float, strict: bool) -> np.ndarray:
    """Best fit on what came, the largest first: by CPU, by either resource or by both; the best.

    Each node is over its cores in at most that share of the slots.
    """
    asked = window.memory.requests[:, np.newaxis]
    memory = asked if strict else window.memory_came
    peaks = window.cpu_came.max(axis=1) / node.cores
    sizes = memory.max(axis=1) / node.gib
    largest = (peaks, np.maximum(peaks, sizes), peaks + sizes)
    packed = [_best_fit(window.cpu_came, memory, node, share, one) for one in largest]
    return min(packed, key=lambda node_of: int(node_of.max()))


def _best_fit(
    cpu: Floats, memory: Floats, node: Node, share: float, size: np.ndarray
) -> np.ndarray:
    slots = cpu.shape[1]
    rank = slots - 1 - math.floor(share * slots)
    cpu_on: list[Floats] = []
    memory_on: list[Floats] = []
    node_of = np.zeros(len(cpu), dtype=np.intp)
    for workload in np.argsort(-size, kind="stable"):
        best, fill = -1, -1.0
        for number, sums in enumerate(cpu_on):
            load = float(np.partition(sums + cpu[workload], rank)[rank])
            room = (memory_on[number] + memory[workload]).max() <= node.gib
            if room and fill < load <= node.cores:
                best, fill = number, load
        if best < 0:
            best = len(cpu_on)
            cpu_on.append(np.zeros(slots, dtype=np.float32))
            memory_on.append(np.zeros(memory.shape[1], dtype=np.float32))
        cpu_on[best] += cpu[workload]
        memory_on[best] += memory[workload]
        node_of[workload] = best
    return node_of


def fewest_nodes(window: Window, node: Node, share: float, strict: bool) -> int:
    """No placement that keeps the share, moving whenever it likes, has fewer nodes than this.

    With n nodes at most n times the share of the slots can have more demand than all cores
    together, even if one node takes all of the excess each time.
    """
    fleet = window.cpu_came.sum(axis=0)
    memory = window.memory.requests.sum() if strict else window.memory_came.sum(axis=0).max()
    nodes = max(1, math.ceil(memory / node.gib - 1e-9))
    while np.mean(fleet > nodes * node.cores) > nodes * share:
        nodes += 1
    return nodes
