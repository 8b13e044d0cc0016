"""What is packed: kinds of items, how many of each, and who bears whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError

__all__ = ["Bound", "Packed", "Problem"]

Floats = NDArray[np.float64]
FULL = 1.0 + 1e-9
"""Shares are sums of fractions; a machine is full here."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Where there is an item of the one kind, there are at most so many of the other.

    For one kind alone: at most ``at_most`` of it on a machine, itself counted.
    """

    kind: int
    other: int
    at_most: int


@dataclass(frozen=True)
class Problem:
    """Items to be packed onto equal machines.

    Attributes:
        demands: One row for each kind, one column for each resource at each time of the day, as
            shares of a machine.
        items: The kind of each item.
        bounds: Who bears whom.
    """

    demands: Floats
    items: NDArray[np.intp]
    bounds: tuple[Bound, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no packing could keep."""
        kinds = len(self.demands)
        used = np.unique(self.items)
        named = {number for one in self.bounds for number in (one.kind, one.other)}
        if not set(used.tolist()) | named <= set(range(kinds)):
            raise InvalidArgumentError(f"there are {kinds} kinds, items or bounds are of others")
        if not np.isfinite(self.demands).all() or (self.demands < 0).any():
            raise InvalidArgumentError("demands are 0 or more", hint="leave out what is unknown")
        large = used[(self.demands[used] > FULL).any(axis=1)]
        if large.size:
            raise InvalidArgumentError(
                f"{large.size} kinds ask more than a machine has, the first is {large[0]}",
                hint="take larger machines",
            )
        if any(one.at_most < (one.kind == one.other) for one in self.bounds):
            raise InvalidArgumentError(
                "a bound lets no item of its own kind be anywhere", hint="1 is the least there"
            )

    @property
    def least(self) -> int:
        """No packing has fewer machines: the sum of the resource that is asked most."""
        total = self.demands[self.items].sum(axis=0).max(initial=0.0) if self.items.size else 0.0
        return int(np.ceil(total - 1e-6))

    def broken(self, at: NDArray[np.intp]) -> str:
        """What a packing breaks, in words; empty where it breaks nothing. Slow and plain."""
        for machine in np.unique(at):
            kinds = self.items[at == machine]
            if (self.demands[kinds].sum(axis=0) > FULL).any():
                return f"machine {machine} is overfilled"
        counts = np.zeros((len(self.demands), int(at.max(initial=0)) + 1), dtype=np.int64)
        np.add.at(counts, (self.items, at), 1)
        for one in self.bounds:
            if ((counts[one.kind] > 0) & (counts[one.other] > one.at_most)).any():
                return f"kind {one.kind} has more than {one.at_most} of {one.other} beside it"
        return ""


@dataclass(frozen=True)
class Packed:
    """A packing that keeps everything.

    Attributes:
        at: The machine of each item, numbered from 0 without gaps.
        machines: How many.
        steps: How many items were put somewhere in the search.
    """

    at: NDArray[np.intp]
    machines: int
    steps: int
