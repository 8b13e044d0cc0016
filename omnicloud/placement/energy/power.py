"""Power of a server by its load: straight lines between points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from omnicloud.errors import InvalidArgumentError

__all__ = ["ICE_LAKE_WATTS_PER_VCPU", "PowerCurve"]

ICE_LAKE_WATTS_PER_VCPU = (0.766796875, 3.758203125)
"""Idle and at full load, Ice Lake servers at AWS, memory apart: Cloud Carbon Footprint,
ccf-coefficients commit b0032d9, coefficients-aws-use.csv (Apache-2.0), averages over SPECpower
submissions."""


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Watts at some loads, and in between on a straight line.

    Servers are far from proportional: of 184 in the SPECpower_ssj2008 results since 2018 the median
    draws a fifth of its peak when idle, so freed nodes save energy when they are switched
    off, and little when they idle.

    Attributes:
        loads: Ascending from 0 to 1, share of the server's cores that are busy.
        watts: At these loads, each finite and at least zero.
        source: Of the points, for a person.
    """

    loads: tuple[float, ...]
    watts: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        """Check the points.

        Raises:
            InvalidArgumentError: Fewer than two, not ascending from 0 to 1, or watts that
                cannot be.
        """
        loads = np.asarray(self.loads)
        ends = len(loads) >= 2 and loads[0] == 0 and loads[-1] == 1
        if not ends or len(self.watts) != len(loads) or np.any(np.diff(loads) <= 0):
            raise InvalidArgumentError(
                "a power curve needs as many watts as loads, and loads that ascend from 0 to 1"
            )
        if not all(np.isfinite(one) and one >= 0 for one in self.watts):
            raise InvalidArgumentError("the watts of a power curve are finite and at least zero")

    @classmethod
    def linear(cls, cores: float, idle: float, full: float, source: str) -> PowerCurve:
        """Between watts per core when idle and at full load.

        Of the SPECpower servers since 2018, a straight line errs by 5 % of the peak on average and
        by 23 % at worst.
        """
        return cls((0.0, 1.0), (cores * idle, cores * full), source)

    @classmethod
    def scaled(cls, shares: Sequence[float], peak_watts: float, source: str) -> PowerCurve:
        """From shares of the peak at evenly spaced loads from 0 to 1, and the peak."""
        loads = tuple(np.linspace(0, 1, len(shares)).tolist())
        return cls(loads, tuple(share * peak_watts for share in shares), source)

    def at(self, loads: ArrayLike) -> NDArray[np.float64]:
        """Watts at each load; more than all cores is all cores. NaN is a server that is off."""
        asked = np.asarray(loads, dtype=np.float64)
        drawn = np.interp(np.nan_to_num(asked), self.loads, self.watts)
        return np.where(np.isnan(asked), 0.0, drawn)
