"""A forecast: profiles that are added up on a node, and how their sum becomes a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.forecast.reductions import Peak, Reduction
from omnicloud.placement.forecast.usage import Floats

__all__ = ["Forecast", "Term", "sizes_alone"]


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One part of a forecast.

    Attributes:
        weight: Of this part in the load.
        profiles: What each workload brings, shape ``(workloads, slots)``; one slot where it is
            a plain size.
        reduction: From the sum of the profiles on a node to its load.
    """

    weight: float
    profiles: Floats
    reduction: Reduction


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What workloads will use at most, alone and together.

    The load of a group is the weighted sum, over the terms, of the reduced sum of the profiles.
    So a sum of percentiles, the peak of a sum and their blends are one kind of thing, and a node
    needs one running sum for each term.
    """

    names: tuple[str, ...]
    terms: tuple[Term, ...]

    def sizes(self) -> Floats:
        """The load of each workload alone, shape ``(workloads,)``."""
        return self._loads([term.profiles for term in self.terms])

    def together(self, rows: Sequence[int] | NDArray[np.intp]) -> float:
        """The load of these workloads on one node; zero of none."""
        index = np.asarray(rows, dtype=np.intp)
        if not len(index):
            return 0.0
        sums = [term.profiles[index].sum(axis=0)[np.newaxis] for term in self.terms]
        return float(self._loads(sums)[0])

    def scaled(self, factor: float) -> Forecast:
        """The same with every load times a factor."""
        terms = tuple(replace(term, weight=term.weight * factor) for term in self.terms)
        return replace(self, terms=terms)

    def _loads(self, sums: Sequence[Floats]) -> Floats:
        total = np.zeros(len(sums[0]), dtype=np.float32)
        for term, one in zip(self.terms, sums, strict=True):
            total += np.float32(term.weight) * term.reduction(one)
        return total


def sizes_alone(names: tuple[str, ...], sizes: Floats) -> Forecast:
    """A forecast that is a plain size for each workload; together they are the sum."""
    column = np.asarray(sizes, dtype=np.float32)[:, np.newaxis]
    return Forecast(names, (Term(1.0, column, Peak()),))
