"""What is asked about regions, and what is answered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from omnicloud.errors import InvalidArgumentError, ResourceExhaustedError

__all__ = ["MOST_REPLICAS", "NoSuchChoiceError", "Region", "RegionChoice", "RegionQuestion"]

MOST_REPLICAS = 256
"""Far more than anybody offers regions."""
_MOST = 1e15  # sums of larger amounts would not be exact


class NoSuchChoiceError(ResourceExhaustedError):
    """No choice of regions keeps all rules and budgets; the hint says what forbids it."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where a replica may run.

    Attributes:
        name: Unique in a question.
        price: Of one replica, in any currency per hour.
        carbon: Of one replica, in gCO2e per hour.
        jurisdictions: Whose law its data is under, as residency rules name them.
    """

    name: str
    price: float = 0.0
    carbon: float = 0.0
    jurisdictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RegionQuestion:
    """How many replicas, for which users, within which bounds.

    Attributes:
        regions: Those that there are.
        users: Share of the users by the place that they are at; any positive unit.
        latency: Milliseconds from a place to a region, ``latency[place][region]``.
        replicas: How many, each in a region of its own; at most ``MOST_REPLICAS``.
        residency: Only regions under one of these jurisdictions; ``None``: any.
        price_at_most: Of all replicas together, per hour.
        carbon_at_most: Of all replicas together, in gCO2e per hour.
        latency_at_most: Milliseconds from each place to its nearest replica.
    """

    regions: tuple[Region, ...]
    users: Mapping[str, float]
    latency: Mapping[str, Mapping[str, float]]
    replicas: int
    residency: frozenset[str] | None = None
    price_at_most: float = math.inf
    carbon_at_most: float = math.inf
    latency_at_most: float = math.inf

    def check(self) -> None:
        """Refuse what cannot be asked, all mistakes at once.

        Raises:
            InvalidArgumentError: With every mistake in its message.
        """
        wrong = [*_wrong_regions(self), *_wrong_users(self), *_wrong_bounds(self)]
        if wrong:
            raise InvalidArgumentError(
                "the question about regions cannot be answered: " + "; ".join(wrong)
            )


@dataclass(frozen=True, slots=True)
class RegionChoice:
    """The regions chosen, and what they come to.

    Attributes:
        regions: By name, in order.
        mean_ms: From a user to the nearest replica, weighted by users.
        worst_ms: From the place that is farthest from its nearest replica.
        price: Of all replicas, per hour.
        carbon: Of all replicas, in gCO2e per hour.
        serves: The region nearest to each place.
        mean_ms_without: The mean should one region be lost, by that region; infinite for the
            only one.
        exact: Whether no other choice has a lower mean. Else ``bound_ms`` is how low it could be.
    """

    regions: tuple[str, ...]
    mean_ms: float
    worst_ms: float
    price: float
    carbon: float
    serves: Mapping[str, str]
    exact: bool
    bound_ms: float
    mean_ms_without: Mapping[str, float] = field(default_factory=dict)


def _wrong_regions(asked: RegionQuestion) -> list[str]:
    names = [region.name for region in asked.regions]
    wrong = [f"region {name!r} is named twice" for name in sorted(_twice(names))]
    for region in asked.regions:
        for what, amount in (("price", region.price), ("carbon", region.carbon)):
            if not 0 <= amount <= _MOST:
                wrong.append(f"the {what} of {region.name!r} is {amount}, 0 or more is needed")
    return wrong


def _wrong_users(asked: RegionQuestion) -> list[str]:
    wrong = [] if asked.users else ["no users are given"]
    for place, share in asked.users.items():
        if not 0 < share <= _MOST:
            wrong.append(f"the share of {place!r} is {share}, more than 0 is needed")
        known = asked.latency.get(place, {})
        for region in asked.regions:
            value = known.get(region.name, math.nan)
            if not 0 <= value <= _MOST:
                wrong.append(f"latency[{place!r}][{region.name!r}] is {value}, 0 or more is needed")
    return wrong


def _wrong_bounds(asked: RegionQuestion) -> list[str]:
    wrong = []
    most = min(len(asked.regions), MOST_REPLICAS)
    if not (isinstance(asked.replicas, int) and 1 <= asked.replicas <= most):
        wrong.append(f"replicas is {asked.replicas}, it must be 1 to {most}")
    bounds = {
        "price_at_most": asked.price_at_most,
        "carbon_at_most": asked.carbon_at_most,
        "latency_at_most": asked.latency_at_most,
    }
    least = "0 or more is needed"
    return wrong + [
        f"{name} is {value}, {least}" for name, value in bounds.items() if not value >= 0
    ]


def _twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}
