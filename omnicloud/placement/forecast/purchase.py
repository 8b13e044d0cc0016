"""Which nodes to buy for workloads of which the use is forecast, at the least price found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.node import NodeLoads

__all__ = ["Offer", "Purchase", "buy"]

_FULL = 1.0 + 1e-6
"""Shares are sums of float32 profiles; a node is full here."""
_STEP = 1.03
"""Mixes are listed up to this factor on the price from which they were listed before."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A type of node that can be had in any number.

    Attributes:
        cpu: In the unit of the forecast of CPU.
        memory: In the unit of the forecast of memory.
        price: Per hour, in any currency.
    """

    name: str
    cpu: float
    memory: float
    price: float

    def __post_init__(self) -> None:
        if not all(0 < one < math.inf for one in (self.cpu, self.memory, self.price)):
            raise InvalidArgumentError(
                f"offer {self.name!r} has nothing of CPU or memory, or no price",
                hint="give each more than zero; leave out what is not for sale",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Purchase:
    """Nodes, and the number of the node of each workload, in the order of the forecast."""

    nodes: tuple[Offer, ...]
    node_of: NDArray[np.intp]

    @property
    def price(self) -> float:
        """Of all nodes, per hour."""
        return sum(node.price for node in self.nodes)


def buy(cpu: Forecast, memory: Forecast, offers: Sequence[Offer]) -> Purchase:
    """The cheapest mix of at most two types and one node more onto which all workloads fit.

    Mixes are tried in order of price. Onto the nodes of a mix go the largest workloads first,
    each to the node that is then least full of what it is fullest of: all become about equally
    full, and workloads that are alike are spread. That is a heuristic: a mix that would do can
    be missed, and with it all that have no more of either resource, which are not tried.

    Args:
        cpu: Times its knob, see :meth:`Forecast.scaled`.
        memory: Of the same workloads in the same order; never more than there is on a node.
        offers: Equal prices go by the order given.

    Raises:
        InvalidArgumentError: No offer, forecasts of different workloads, or a workload that
            fits onto no offer, which is named.
    """
    alone = _alone(cpu, memory, offers)
    order = _largest_first(cpu, memory)
    wanted = _together(cpu), _together(memory)
    failed: list[tuple[float, float]] = []
    for mix in _by_price(offers, wanted, sum(one.price for one in alone)):
        has = sum(one.cpu for one in mix), sum(one.memory for one in mix)
        if any(has[0] <= one[0] and has[1] <= one[1] for one in failed):
            continue
        node_of = _spread(cpu, memory, mix, order)
        if node_of is not None:
            return Purchase(mix, node_of)
        failed.append(has)
    return Purchase(alone, np.arange(len(alone), dtype=np.intp))


def _alone(cpu: Forecast, memory: Forecast, offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """A node for each workload."""
    if not offers or cpu.names != memory.names:
        raise InvalidArgumentError("nodes are bought from offers, for two forecasts alike")
    found = []
    for name, cores, amount in zip(cpu.names, cpu.sizes(), memory.sizes(), strict=True):
        fits = [o for o in offers if cores <= o.cpu * _FULL and amount <= o.memory * _FULL]
        if not fits:
            raise InvalidArgumentError(
                f"workload {name!r} is expected to use {cores:.2f} of CPU and {amount:.2f} of "
                "memory, more than any offer has",
                hint="offer a larger type of node",
            )
        found.append(min(fits, key=lambda one: one.price))
    return tuple(found)


def _largest_first(cpu: Forecast, memory: Forecast) -> NDArray[np.intp]:
    """By the sum of their shares in what all ask for of either resource."""
    size = np.zeros(len(cpu.names))
    for one in (cpu, memory):
        alone = one.sizes().astype(np.float64)
        size += alone / max(float(alone.sum()), 1e-12)
    return np.argsort(-size, kind="stable")


def _together(forecast: Forecast) -> float:
    return forecast.together(np.arange(len(forecast.names)))


def _by_price(
    offers: Sequence[Offer], wanted: tuple[float, float], most: float
) -> Iterator[tuple[Offer, ...]]:
    """Mixes with enough of both resources and cheaper than ``most``, the cheapest first."""
    low = max(
        wanted[0] * min(one.price / one.cpu for one in offers),
        wanted[1] * min(one.price / one.memory for one in offers),
    )
    low = max(low / _FULL, min(one.price for one in offers))
    while low < most:
        high = low * _STEP
        for counts in sorted(_mixes(offers, low, high), key=lambda one: (_price(offers, one), one)):
            mix = tuple(o for o, count in zip(offers, counts, strict=True) for _ in range(count))
            enough = sum(one.cpu for one in mix) * _FULL >= wanted[0]
            enough &= sum(one.memory for one in mix) * _FULL >= wanted[1]
            if enough and _price(offers, counts) < most:
                yield mix
        low = high


def _mixes(offers: Sequence[Offer], low: float, high: float) -> set[tuple[int, ...]]:
    """How many of each offer, where the price is from ``low`` to just below ``high``."""
    found = set()
    every = range(len(offers))
    for extra, first, second in product((None, *every), every, every):
        start = 0.0 if extra is None else offers[extra].price
        for some in range(math.ceil(max(high - start, 0) / offers[first].price)):
            left = start + some * offers[first].price
            least = max(0, math.ceil((low - left) / offers[second].price))
            for more in range(least, math.ceil(max(high - left, 0) / offers[second].price)):
                counts = Counter({first: some})
                counts.update({second: more})
                counts.update(() if extra is None else (extra,))
                found.add(tuple(counts[number] for number in every))
    return found


def _price(offers: Sequence[Offer], counts: Sequence[int]) -> float:
    return sum(one.price * count for one, count in zip(offers, counts, strict=True))


def _spread(
    cpu: Forecast, memory: Forecast, mix: Sequence[Offer], order: NDArray[np.intp]
) -> NDArray[np.intp] | None:
    """The node of each workload; none as soon as one fits nowhere."""
    cores = np.array([one.cpu for one in mix], dtype=np.float32)
    amounts = np.array([one.memory for one in mix], dtype=np.float32)
    on_cpu, on_memory = NodeLoads(cpu, len(mix)), NodeLoads(memory, len(mix))
    every = np.arange(len(mix))
    node_of = np.full(len(order), -1, dtype=np.intp)
    for workload in order.tolist():
        share = on_cpu.with_one_more(every, workload) / cores
        share = np.maximum(share, on_memory.with_one_more(every, workload) / amounts)
        node = int(share.argmin())
        if share[node] > _FULL:
            return None
        on_cpu.add(node, workload)
        on_memory.add(node, workload)
        node_of[workload] = node
    return node_of
