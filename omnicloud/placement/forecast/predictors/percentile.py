"""Percentiles of each workload's own past, recent samples counting more where wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.usage import Floats, Usage

__all__ = ["Percentile"]


@dataclass(frozen=True, slots=True)
class Percentile:
    """A percentile of the samples that are known, times a margin.

    The sum of p99 with neither margin nor decay is what Resource Central (Cortez et al., SOSP
    2017) oversubscribes by. With p90, a half-life of a day and a margin of 1.15 it is the
    CPU target of the Kubernetes Vertical Pod Autoscaler's recommender, without its buckets.

    Attributes:
        share: Of the weight of the samples that does not exceed the forecast, 0..1.
        margin: Factor on the percentile.
        half_life_seconds: Age at which a sample weighs half; None: all weigh the same.
    """

    name: str
    share: float
    margin: float = 1.0
    half_life_seconds: float | None = None

    def fit(self, usage: Usage, now: int) -> Forecast:
        past = usage.before(now)
        ages = (now - past.first_slot - np.arange(past.slots)) * past.step_seconds
        weights = np.ones(past.slots)
        if self.half_life_seconds is not None:
            weights = np.exp2(-ages / self.half_life_seconds)
        sizes = weighted_percentile(past.values, weights, self.share) * np.float32(self.margin)
        return sizes_alone(usage.names, np.where(np.isnan(sizes), usage.requests, sizes))


def weighted_percentile(values: Floats, weights: np.ndarray, share: float) -> Floats:
    """For each row the least value whose samples and those below it have that share of the weight.

    NaN samples weigh nothing; a row without samples gives NaN.
    """
    rows, slots = values.shape
    if not slots:
        return np.full(rows, np.nan, dtype=np.float32)
    order = np.argsort(values, axis=1)  # NaN last
    ranked = np.take_along_axis(values, order, axis=1)
    heavy = np.where(np.isnan(ranked), 0.0, weights[order])
    reached = np.cumsum(heavy, axis=1)
    total = reached[:, -1:]
    place = np.argmax(reached >= share * total * (1 - 1e-12), axis=1)
    found: Floats = np.take_along_axis(ranked, place[:, np.newaxis], axis=1)[:, 0]
    return np.where(total[:, 0] > 0, found, np.float32(np.nan)).astype(np.float32)
