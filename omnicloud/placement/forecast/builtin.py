"""The predictors of the library, as a plugin brings them."""

from __future__ import annotations

from omnicloud.placement.forecast.hookspecs import hookimpl
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.predictors.blend import Blend
from omnicloud.placement.forecast.predictors.cold import ColdStart
from omnicloud.placement.forecast.predictors.maximum import DailyPeaks, Maximum
from omnicloud.placement.forecast.predictors.peak import NSigma, PeakOfSum
from omnicloud.placement.forecast.predictors.percentile import Percentile
from omnicloud.placement.forecast.predictors.request import ByRequest
from omnicloud.placement.forecast.predictors.seasonal import Seasonal
from omnicloud.placement.forecast.reductions import Quantile

__all__ = ["BLEND", "RC_LIKE", "forecast_predictors"]

_WEEK = 7 * 86400.0
RC_LIKE = Percentile("rc_like", 0.99)
BLEND = Blend("blend", ((0.5, RC_LIKE), (0.5, PeakOfSum())))


@hookimpl
def forecast_predictors() -> tuple[Predictor, ...]:
    return (
        ByRequest(),
        Maximum(),
        Percentile("p99_decay", 0.99, half_life_seconds=_WEEK),
        Percentile("vpa_cpu", 0.9, margin=1.15, half_life_seconds=86400.0),
        DailyPeaks(),
        RC_LIKE,
        PeakOfSum(),
        PeakOfSum("p999_of_sum", Quantile(0.999)),
        NSigma(),
        Seasonal(),
        Seasonal("seasonal_week", period_seconds=_WEEK),
        BLEND,
        ColdStart(BLEND),
    )
