"""The greatest values of each workload's own past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.predictors.percentile import weighted_percentile
from omnicloud.placement.forecast.usage import Floats, Usage

__all__ = ["DailyPeaks", "Maximum"]

_DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Maximum:
    """The greatest sample, times a margin."""

    name: str = "maximum"
    margin: float = 1.0

    def fit(self, usage: Usage, now: int) -> Forecast:
        highest = _highest(usage.before(now).values) * np.float32(self.margin)
        return sizes_alone(usage.names, np.where(np.isnan(highest), usage.requests, highest))


@dataclass(frozen=True, slots=True)
class DailyPeaks:
    """A percentile of the greatest samples of each 24 hours, times a margin.

    With p90 of the last eight days and a margin of 1.15 it is the memory target of the
    Kubernetes Vertical Pod Autoscaler's recommender, without its buckets and its decay.
    """

    name: str = "vpa_memory"
    share: float = 0.9
    margin: float = 1.15
    days: int = 8

    def fit(self, usage: Usage, now: int) -> Forecast:
        day = max(round(_DAY_SECONDS / usage.step_seconds), 1)
        peaks = [
            _highest(usage.between(now - (back + 1) * day, now - back * day).values)
            for back in range(self.days)
        ]
        sizes = weighted_percentile(np.stack(peaks, axis=1), np.ones(self.days), self.share)
        sizes = sizes * np.float32(self.margin)
        return sizes_alone(usage.names, np.where(np.isnan(sizes), usage.requests, sizes))


def _highest(values: Floats) -> Floats:
    """Of each row the greatest that is known, NaN where nothing is."""
    highest: Floats = np.fmax.reduce(values, axis=1, initial=-np.inf)
    return np.where(np.isneginf(highest), np.float32(np.nan), highest).astype(np.float32)
