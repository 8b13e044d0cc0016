"""The best regions for k replicas: branch and bound, exact unless its bound on work is met.

The problem is the k-median problem (Hakimi, "Optimum Locations of Switching Centers and the
Absolute Centers and Medians of a Graph", Operations Research 12, 1964) with budgets. What a
partial choice can still reach at best is bounded from below by every region that is left being
open to all: fewer replicas only make it worse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.regions.models import (
    NoSuchChoiceError,
    Region,
    RegionChoice,
    RegionQuestion,
)

__all__ = ["MOST_LOOKS", "choose_regions"]

MOST_LOOKS = 200_000
"""Partial choices looked at; with more to look at the best so far is told with its bound."""

Floats = NDArray[np.float64]
_ROUNDING = 1e-9


def choose_regions(asked: RegionQuestion, *, most_looks: int = MOST_LOOKS) -> RegionChoice:
    """The choice with the lowest mean latency that keeps all bounds; ties by name.

    Raises:
        InvalidArgumentError: The question cannot be asked.
        NoSuchChoiceError: No choice keeps all bounds, or none was found in ``most_looks``.
    """
    asked.check()
    allowed = [region for region in asked.regions if _lawful(region, asked.residency)]
    allowed.sort(key=lambda region: region.name)
    if len(allowed) < asked.replicas:
        raise NoSuchChoiceError(
            f"{len(allowed)} regions are within the residency and {asked.replicas} are needed",
            hint="ask for fewer replicas, or allow more jurisdictions",
        )
    search = _Search(asked, allowed, most_looks)
    search.run()
    if search.best is None:
        raise _nothing(asked, allowed, complete=search.complete)
    return _told(asked, allowed, search)


def _lawful(region: Region, residency: frozenset[str] | None) -> bool:
    return residency is None or bool(region.jurisdictions & residency)


@dataclass
class _Search:
    """A depth-first search that goes to the most promising region first."""

    asked: RegionQuestion
    regions: list[Region]
    most_looks: int
    best: tuple[int, ...] | None = None
    best_ms: float = math.inf
    complete: bool = True
    bound_ms: float = math.inf
    _looks: int = 0
    _ms: Floats = field(init=False)
    _weights: Floats = field(init=False)

    def __post_init__(self) -> None:
        places = sorted(self.asked.users)
        weights = np.array([self.asked.users[place] for place in places])
        self._weights = weights / weights.sum()
        rows = [[self.asked.latency[place][one.name] for one in self.regions] for place in places]
        self._ms = np.array(rows, dtype=np.float64)

    def run(self) -> None:
        """Find the best choice."""
        nearest = np.full(len(self._weights), math.inf)
        self._look((), tuple(range(len(self.regions))), nearest, 0.0, 0.0)
        self.bound_ms = self.best_ms if self.complete else min(self.bound_ms, self.best_ms)

    def _look(
        self,
        taken: tuple[int, ...],
        left: tuple[int, ...],
        nearest: Floats,
        price: float,
        co2: float,
    ) -> None:
        """Every choice that has ``taken`` and otherwise only regions of ``left``."""
        wanted = self.asked.replicas - len(taken)
        if wanted == 0:
            self._arrived(taken, nearest)
            return
        if len(left) < wanted:
            return
        if self._looks >= self.most_looks:
            self.complete = False
            self.bound_ms = min(self.bound_ms, self._at_best(left, nearest))
            return
        self._looks += 1
        if self._hopeless(left, nearest, wanted, price, co2):
            return
        means = self._weights @ np.minimum(nearest[:, None], self._ms[:, left])
        for one in [left[at] for at in np.lexsort((np.array(left), means))]:
            region = self.regions[one]
            left_then = tuple(other for other in left if other != one)
            self._look(
                (*taken, one),
                left_then,
                np.minimum(nearest, self._ms[:, one]),
                price + region.price,
                co2 + region.carbon,
            )
            left = left_then  # choices with it have all been looked at
            if len(left) < wanted or self._hopeless(left, nearest, wanted, price, co2):
                return

    def _arrived(self, taken: tuple[int, ...], nearest: Floats) -> None:
        mean = float(self._weights @ nearest)
        chosen = tuple(sorted(taken))
        better = mean < self.best_ms - _ROUNDING
        equal = abs(mean - self.best_ms) <= _ROUNDING and (self.best is None or chosen < self.best)
        if (better or equal) and self._within(chosen, nearest):
            self.best, self.best_ms = chosen, min(mean, self.best_ms)

    def _within(self, chosen: tuple[int, ...], nearest: Floats) -> bool:
        price = math.fsum(self.regions[one].price for one in chosen)
        carbon = math.fsum(self.regions[one].carbon for one in chosen)
        asked = self.asked
        return (
            price <= asked.price_at_most + _ROUNDING
            and carbon <= asked.carbon_at_most + _ROUNDING
            and float(nearest.max()) <= asked.latency_at_most + _ROUNDING
        )

    def _at_best(self, left: tuple[int, ...], nearest: Floats) -> float:
        return float(self._weights @ np.minimum(nearest, self._ms[:, left].min(axis=1)))

    def _hopeless(
        self, left: tuple[int, ...], nearest: Floats, wanted: int, price: float, co2: float
    ) -> bool:
        reach = np.minimum(nearest, self._ms[:, left].min(axis=1))
        if float(self._weights @ reach) > self.best_ms + _ROUNDING:
            return True
        if float(reach.max()) > self.asked.latency_at_most + _ROUNDING:
            return True
        prices = sorted(self.regions[one].price for one in left)[:wanted]
        carbons = sorted(self.regions[one].carbon for one in left)[:wanted]
        return (
            price + math.fsum(prices) > self.asked.price_at_most + _ROUNDING
            or co2 + math.fsum(carbons) > self.asked.carbon_at_most + _ROUNDING
        )


def _nothing(asked: RegionQuestion, allowed: list[Region], *, complete: bool) -> NoSuchChoiceError:
    if not complete:
        return NoSuchChoiceError("none was found in the looks allowed", hint="raise most_looks")
    least = math.fsum(sorted(region.price for region in allowed)[: asked.replicas])
    cleanest = math.fsum(sorted(region.carbon for region in allowed)[: asked.replicas])
    nearest = max(
        min(asked.latency[place][region.name] for region in allowed) for place in asked.users
    )
    return NoSuchChoiceError(
        f"no {asked.replicas} of {len(allowed)} regions keep all bounds together",
        hint=(
            f"by itself each bound needs at least: price {least:g}, carbon {cleanest:g}, "
            f"latency {nearest:g} ms with all regions open"
        ),
    )


def _told(asked: RegionQuestion, allowed: list[Region], search: _Search) -> RegionChoice:
    chosen = [allowed[one] for one in search.best or ()]
    names = tuple(region.name for region in chosen)
    serves = {
        place: min(names, key=lambda name: (asked.latency[place][name], name))
        for place in asked.users
    }
    return RegionChoice(
        regions=names,
        mean_ms=_mean(asked, names),
        worst_ms=max(asked.latency[place][name] for place, name in serves.items()),
        price=math.fsum(region.price for region in chosen),
        carbon=math.fsum(region.carbon for region in chosen),
        serves=serves,
        exact=search.complete,
        bound_ms=search.bound_ms,
        mean_ms_without={
            lost: _mean(asked, tuple(name for name in names if name != lost)) for lost in names
        },
    )


def _mean(asked: RegionQuestion, names: tuple[str, ...]) -> float:
    if not names:
        return math.inf
    total = math.fsum(asked.users.values())
    return (
        math.fsum(
            share * min(asked.latency[place][name] for name in names)
            for place, share in asked.users.items()
        )
        / total
    )
