"""The shape of a day or a week: what each hour of it saw at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omnicloud.placement.forecast.forecast import Forecast, Term
from omnicloud.placement.forecast.reductions import Peak
from omnicloud.placement.forecast.usage import Floats, Usage

__all__ = ["Seasonal"]


@dataclass(frozen=True, slots=True)
class Seasonal:
    """For each phase of the period the greatest value seen at it; together the peak of the sum.

    Workloads that are busy at the same time of day count as busy together, on whatever days
    they were; those with different hours may share the room. A phase of which nothing is
    known counts with the workload's mean.

    Attributes:
        period_seconds: 86,400 for the day, 604,800 for the week, counted from 1970-01-01 UTC.
        phase_seconds: How finely the period is cut.
    """

    name: str = "seasonal_day"
    period_seconds: float = 86400.0
    phase_seconds: float = 3600.0

    def fit(self, usage: Usage, now: int) -> Forecast:
        past = usage.before(now)
        times = (past.first_slot + np.arange(past.slots)) * past.step_seconds
        phases = (times % self.period_seconds // self.phase_seconds).astype(np.intp)
        count = max(round(self.period_seconds / self.phase_seconds), 1)
        folded = _folded(past.values, phases, count)
        shape = np.where(np.isneginf(folded), _means(past)[:, np.newaxis], folded)
        return Forecast(usage.names, (Term(1.0, shape.astype(np.float32), Peak()),))


def _folded(values: Floats, phases: np.ndarray, count: int) -> Floats:
    folded = np.full((len(values), count), -np.inf, dtype=np.float32)
    for phase in np.unique(phases):
        at = values[:, phases == phase]
        folded[:, phase] = np.fmax.reduce(at, axis=1, initial=-np.inf)
    return folded


def _means(past: Usage) -> Floats:
    """Of each workload, its request where nothing is known."""
    known = ~np.isnan(past.values)
    counts = known.sum(axis=1)
    sums = np.where(known, past.values, 0).sum(axis=1, dtype=np.float64)
    means = np.divide(sums, counts, out=past.requests.astype(np.float64), where=counts > 0)
    return np.asarray(means, dtype=np.float32)
