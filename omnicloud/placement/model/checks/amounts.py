"""Amounts that are no amounts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral, Real

from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.resources import Resources

__all__ = ["check_amount", "check_count", "check_resources"]

_PLAIN = (int, float)
LARGEST = 2.0**50
"""Sums of more than a thousand larger amounts would not be exact."""


def check_amount(where: str, what: str, amount: float) -> Iterator[Problem]:
    """Finite, not negative, not too large to be added up exactly."""
    if type(amount) in _PLAIN and 0 <= amount <= LARGEST:
        return  # most are; asking what a number is takes longer
    if not isinstance(amount, Real) or not abs(amount) < math.inf:
        yield Problem(where, f"{what} is {amount}", "give a number, or 0 where nothing is asked")
    elif amount < 0:
        yield Problem(where, f"{what} is {max(amount, -LARGEST):g}", "amounts are 0 or more")
    elif amount > LARGEST:  # maybe a whole number that no float can be
        yield Problem(where, f"{what} is over {LARGEST:g}", f"amounts are at most {LARGEST:g}")


def check_count(
    where: str, what: str, count: float, *, least: int = 0, most: float = LARGEST
) -> Iterator[Problem]:
    """A whole number within bounds."""
    if type(count) is int and least <= count <= most:
        return
    if not isinstance(count, Integral):
        yield Problem(where, f"{what} is {count}", "give a whole number")
    elif count < least:
        yield Problem(where, f"{what} is {max(count, -LARGEST):g}", f"{least} is the least")
    elif count > most:
        yield Problem(where, f"{what} is over {most:g}", f"{most:g} is the most")


def check_resources(where: str, what: str, resources: Resources) -> Iterator[Problem]:
    """Each of the amounts."""
    for name, amount in resources.amounts().items():
        if amount != 0:  # NaN is not 0 either
            yield from check_amount(where, f"{what} of {name}", amount)
