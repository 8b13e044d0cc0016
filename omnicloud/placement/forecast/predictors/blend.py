"""A weighted mean of other predictors."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.usage import Usage

__all__ = ["Blend"]


@dataclass(frozen=True, slots=True)
class Blend:
    """The weighted sum of the loads that its parts expect.

    A sum of percentiles pays for every workload that ever gets busy and the peak of the sum
    only for those that were busy together; half of each errs less than either.
    """

    name: str
    parts: tuple[tuple[float, Predictor], ...]

    def fit(self, usage: Usage, now: int) -> Forecast:
        terms = [
            replace(term, weight=weight * term.weight)
            for weight, predictor in self.parts
            for term in predictor.fit(usage, now).terms
        ]
        return Forecast(usage.names, tuple(terms))
