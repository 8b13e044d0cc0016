"""Amounts that are no amounts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.resources import Resources

__all__ = ["check_amount", "check_resources"]

LARGEST = 2.0**50
"""Sums of more than a thousand larger amounts would not be exact."""


def check_amount(where: str, what: str, amount: float) -> Iterator[Problem]:
    """Finite, not negative, not too large to be added up exactly."""
    if not math.isfinite(amount):
        yield Problem(where, f"{what} is {amount}", "give a number, or 0 where nothing is asked")
    elif amount < 0:
        yield Problem(where, f"{what} is {amount:g}", "amounts are 0 or more")
    elif amount > LARGEST:
        yield Problem(where, f"{what} is {amount:g}", f"amounts are at most {LARGEST:g}")


def check_resources(where: str, what: str, resources: Resources) -> Iterator[Problem]:
    """Each of the amounts."""
    for name, amount in resources.amounts().items():
        if amount != 0:  # NaN is not 0 either
            yield from check_amount(where, f"{what} of {name}", amount)
