"""What a predictor is."""

from __future__ import annotations

from typing import Protocol

from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.usage import Usage

__all__ = ["Predictor"]


class Predictor(Protocol):
    """Tells from the past of workloads what they will use.

    The laws, which the tests hold every predictor to: samples at or after ``now`` change
    nothing, whatever they are; the same input gives the same answer; the order of the
    workloads does not matter; a workload of which nothing is known counts as its request; a
    gap is not zero; and usage in another unit gives the forecast in that unit.
    """

    @property
    def name(self) -> str:
        """By which it is chosen."""

    def fit(self, usage: Usage, now: int) -> Forecast:
        """The forecast as it can be made when slot ``now`` begins.

        Args:
            usage: May reach beyond ``now``, in a replay; what lies there is not looked at.
            now: Number of a slot, as :attr:`Usage.first_slot`.
        """
