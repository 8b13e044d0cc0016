"""What a workload asks is what it gets: the forecast without a history."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.usage import Usage

__all__ = ["ByRequest"]


@dataclass(frozen=True, slots=True)
class ByRequest:
    """The request of each workload, whatever it used."""

    name: str = "request"

    def fit(self, usage: Usage, now: int) -> Forecast:
        return sizes_alone(usage.names, usage.requests)
