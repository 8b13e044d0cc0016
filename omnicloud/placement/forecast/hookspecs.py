"""The hook of plugins that bring predictors."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from omnicloud.placement.forecast.predictor import Predictor

__all__ = ["ENTRY_POINT_GROUP", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "omnicloud.forecast"
ENTRY_POINT_GROUP = "omnicloud.forecast"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def forecast_predictors() -> Sequence[Predictor]:
    """The predictors that this plugin brings."""
    raise NotImplementedError
