"""The past of a node, had these workloads been on it: the peak of their summed profiles."""

from __future__ import annotations

from dataclasses import dataclass, field

from omnicloud.placement.forecast.forecast import Forecast, Term
from omnicloud.placement.forecast.gaps import whole
from omnicloud.placement.forecast.reductions import Peak, Reduction, Sigma
from omnicloud.placement.forecast.usage import Usage

__all__ = ["NSigma", "PeakOfSum"]


@dataclass(frozen=True, slots=True)
class PeakOfSum:
    """The greatest value, or a high quantile, of the sum over the past.

    It knows which workloads were busy together. Peaks of one workload are chance, those of
    thirty are not, so this is nearest to the truth; it is also too low in one of three weeks,
    because the greatest coincidence of the next week may be greater than that of the past.
    """

    name: str = "peak_of_sum"
    reduction: Reduction = field(default_factory=Peak)

    def fit(self, usage: Usage, now: int) -> Forecast:
        past = usage.before(now)
        return Forecast(usage.names, (Term(1.0, whole(past), self.reduction),))


@dataclass(frozen=True, slots=True)
class NSigma:
    """Mean and n standard deviations of the sum over the past.

    One more workload may lower it, where it is busy when the others are not.
    """

    name: str = "n_sigma"
    deviations: float = 5.0

    def fit(self, usage: Usage, now: int) -> Forecast:
        past = usage.before(now)
        return Forecast(usage.names, (Term(1.0, whole(past), Sigma(self.deviations)),))
