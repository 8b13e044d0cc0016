"""From past windows to the knob of the next one: nothing that comes later is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omnicloud.errors import InvalidArgumentError

__all__ = ["Goal", "Outcome", "conformal_factor", "densest"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a knob led to in one past window.

    Attributes:
        density: Workloads per node.
        overloaded: Share of node-intervals with more demand than capacity, 0..1.
        worst_node: The same of the worst node alone.
    """

    density: float
    overloaded: float
    worst_node: float


@dataclass(frozen=True, slots=True)
class Goal:
    """What must hold on the past for a knob to be chosen.

    Attributes:
        overloaded: The most that the mean over the windows may be.
        worst_node: The most that any node of any window may be; 1 where it does not matter.
        recent: How many of the last windows must keep the mean by themselves as well, so that a
            change of level counts before the quiet past is forgotten; 0: none.
    """

    overloaded: float = 0.001
    worst_node: float = 1.0
    recent: int = 0

    def met(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether these windows, in order of time, kept the goal."""
        if any(one.worst_node > self.worst_node for one in outcomes):
            return False
        last = outcomes[-self.recent :] if self.recent else outcomes
        return max(_overloaded(outcomes), _overloaded(last)) <= self.overloaded


def densest(past: Mapping[float, Sequence[Outcome]], goal: Goal, careful: float) -> float:
    """The knob with the greatest mean density on past windows among those that met the goal.

    Args:
        past: For each knob what it led to in the past windows.
        careful: The knob where nothing is known or none met the goal.

    A knob denser than one that missed the goal is still taken if it met it: with few nodes one
    unlucky placement says little. Ties go to the less overloaded.
    """
    met = [(knob, seen) for knob, seen in past.items() if seen and goal.met(seen)]
    if not met:
        return careful
    return max(met, key=lambda one: (_density(one[1]), -_overloaded(one[1]), one[0]))[0]


def _density(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([one.density for one in outcomes]))


def _overloaded(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([one.overloaded for one in outcomes]))


def conformal_factor(ratios: Sequence[float], too_low: float) -> float:
    """The factor on a forecast that makes it too low in at most this share of like cases.

    Args:
        ratios: What came, divided by what was forecast, in past windows.
        too_low: Share of cases, 0..1.

    The ceil((n + 1)(1 - a))-th smallest of n ratios: split conformal prediction (Vovk et al.,
    "Algorithmic Learning in a Random World", 2005), exact where past and future are
    exchangeable. The greatest ratio where n is too small for the share.

    Raises:
        InvalidArgumentError: No ratio, one that is not finite, or a share outside 0..1.
    """
    if not ratios or not np.all(np.isfinite(ratios)):
        raise InvalidArgumentError("a factor needs at least one ratio, and finite ones only")
    if not 0 < too_low < 1:
        raise InvalidArgumentError(f"the share of cases is {too_low}, it must be between 0 and 1")
    rank = math.ceil((len(ratios) + 1) * (1 - too_low))
    return float(np.sort(np.asarray(ratios))[min(rank, len(ratios)) - 1])
