"""How good a forecast was: what it said beside what came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from omnicloud.errors import InvalidArgumentError

__all__ = ["ForecastErrors", "compare"]


@dataclass(frozen=True, slots=True)
class ForecastErrors:
    """Forecast peaks against those that came.

    Attributes:
        cases: How many were compared.
        too_low: Share in which more came than was forecast, 0..1.
        mape: Mean of |forecast - came| / came.
        ratio_median: Of forecast / came; above 1 is too much.
        ratio_p5: Of the same.
        ratio_p95: Of the same.
    """

    cases: int
    too_low: float
    mape: float
    ratio_median: float
    ratio_p5: float
    ratio_p95: float


def compare(forecast: ArrayLike, came: ArrayLike) -> ForecastErrors:
    """Compare case by case.

    Raises:
        InvalidArgumentError: No case, shapes that differ, or a peak that came and is not
            above zero, of which no ratio can be told.
    """
    said = np.asarray(forecast, dtype=np.float64)
    seen = np.asarray(came, dtype=np.float64)
    if said.shape != seen.shape or not said.size:
        raise InvalidArgumentError("as many forecasts as peaks that came are needed, at least one")
    if not (np.all(np.isfinite(said)) and np.all(np.isfinite(seen)) and np.all(seen > 0)):
        raise InvalidArgumentError("forecasts must be finite, and peaks that came above zero")
    ratios = said / seen
    low, median, high = np.percentile(ratios, [5, 50, 95])
    return ForecastErrors(
        cases=said.size,
        too_low=float(np.mean(ratios < 1)),
        mape=float(np.mean(np.abs(ratios - 1))),
        ratio_median=float(median),
        ratio_p5=float(low),
        ratio_p95=float(high),
    )
