"""Numbers that say whether they were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from omnicloud.errors import InvalidArgumentError

__all__ = ["Basis", "Figure"]


class Basis(Enum):
    """Where a number comes from."""

    ESTIMATE = "estimate"
    """At least one part of it is a model or an assumption."""
    MEASURED = "measured"
    """All of it was read from meters."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of energy, power or carbon.

    Attributes:
        value: In the unit.
        unit: Such as ``kWh``, ``W`` or ``gCO2e``.
        basis: Whether it was measured.
        how: The model or the meter, for a person.
    """

    value: float
    unit: str
    basis: Basis
    how: str

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            InvalidArgumentError: It is below zero or not finite.
        """
        if not (math.isfinite(self.value) and self.value >= 0):
            raise InvalidArgumentError(f"{self.value} {self.unit} cannot be: {self.how}")

    def times(self, factor: Figure, unit: str) -> Figure:
        """The product; measured where both are."""
        measured = self.basis is factor.basis is Basis.MEASURED
        basis = Basis.MEASURED if measured else Basis.ESTIMATE
        return Figure(self.value * factor.value, unit, basis, f"{self.how} x {factor.how}")

    def __str__(self) -> str:
        return f"{self.value:.4g} {self.unit} ({self.basis.value}: {self.how})"
