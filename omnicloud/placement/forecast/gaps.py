"""What stands in for usage that is not known: never zero."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.forecast.usage import Floats, Usage

__all__ = ["known_together", "whole"]

_CARRY_SECONDS = 3600.0
"""How long the last value stands in before the workload's mean does."""


def whole(usage: Usage) -> Floats:
    """The values without NaN.

    A gap is filled with the last value for up to an hour, then with the mean of what is known
    of the workload; where nothing is known, with its request. Slots in which less than half as
    many workloads are known as in the best slot are left out, so that an outage of the meter
    does not count as a quiet hour of the fleet. Columns stay in order of time.
    """
    values = usage.values[:, known_together(usage)]
    if not values.shape[1]:
        return usage.requests[:, np.newaxis].astype(np.float32)
    known = ~np.isnan(values)
    columns = np.arange(values.shape[1])
    last = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    reach = max(int(_CARRY_SECONDS / usage.step_seconds), 1)
    fresh = (last >= 0) & (columns - last <= reach)
    filled: Floats = np.where(fresh, carried, _stand_in(usage, values, known)[:, np.newaxis])
    return filled.astype(np.float32)


def known_together(usage: Usage) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The slots in which at least half as many workloads are known as in the best one."""
    counts = np.count_nonzero(~np.isnan(usage.values), axis=0)
    most = int(counts.max(initial=0))
    return np.asarray((counts > 0) & (2 * counts >= most), dtype=np.bool_)


def _stand_in(
    usage: Usage, values: Floats, known: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> Floats:
    counts = np.count_nonzero(known, axis=1)
    sums = np.where(known, values, 0).sum(axis=1, dtype=np.float64)
    means = np.divide(sums, counts, out=usage.requests.astype(np.float64), where=counts > 0)
    return np.asarray(means, dtype=np.float32)
