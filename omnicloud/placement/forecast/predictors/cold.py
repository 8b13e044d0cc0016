"""Workloads too young to be known count as their request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omnicloud.placement.forecast.forecast import Forecast, Term
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.reductions import Peak
from omnicloud.placement.forecast.usage import Usage

__all__ = ["ColdStart"]


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Another predictor for workloads with enough samples, the request for the others.

    A request counts in full beside whatever the others on the node use.

    Attributes:
        inner: For those that are known.
        least_seconds: How much of the past must be known of a workload; gaps do not count.
    """

    inner: Predictor
    least_seconds: float = 86400.0

    @property
    def name(self) -> str:
        return f"{self.inner.name}_cold"

    def fit(self, usage: Usage, now: int) -> Forecast:
        past = usage.before(now)
        known = np.count_nonzero(~np.isnan(past.values), axis=1) * past.step_seconds
        cold = (known < self.least_seconds)[:, np.newaxis]
        terms = [
            Term(term.weight, np.where(cold, np.float32(0), term.profiles), term.reduction)
            for term in self.inner.fit(usage, now).terms
        ]
        requests = np.where(cold, usage.requests[:, np.newaxis], np.float32(0))
        return Forecast(usage.names, (*terms, Term(1.0, requests.astype(np.float32), Peak())))
