"""What workloads used, as one matrix: a row for each, a column for each slot of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError

__all__ = ["Floats", "Usage"]

_MOST = 1e30
"""Sums of larger ones are none in single precision."""
Floats = NDArray[np.float32]
"""Amounts in the unit of the resource: cores, bytes."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Usage:
    """Usage of one resource on a common grid of time.

    Attributes:
        names: Of the workloads, one for each row.
        requests: What each asks, shape ``(workloads,)``, in the unit of the values.
        values: Mean usage in each slot, shape ``(workloads, slots)``; NaN where it is not
            known, which is not zero.
        step_seconds: Length of a slot.
        first_slot: Number of the first column, counted in steps since 1970-01-01 UTC, so that
            times of day and of week are known.
    """

    names: tuple[str, ...]
    requests: Floats
    values: Floats
    step_seconds: float
    first_slot: int = 0

    def __post_init__(self) -> None:
        """Check what the predictors rely on.

        Raises:
            InvalidArgumentError: Shapes that do not fit, a name twice, a request that is not above
                zero, a value below zero, either over 1e30, a step that is not positive.
        """
        count = len(self.names)
        _require(len(set(self.names)) == count, "names", "each workload is named once")
        shapes = self.values.ndim == 2 and len(self.values) == count
        _require(shapes, "values", f"the shape is ({count}, slots)")
        _require(self.requests.shape == (count,), "requests", f"the shape is ({count},)")
        requests = self.requests
        sound = bool(np.all((requests > 0) & (requests <= _MOST)))
        _require(sound, "requests", "each is finite and above zero")
        known = self.values[~np.isnan(self.values)]
        good = bool(np.all((known >= 0) & (known <= _MOST)))
        _require(good, "values", "each is 0 or more and no more than 1e30, or NaN")
        _require(0 < self.step_seconds < np.inf, "step_seconds", "it is above zero")

    @property
    def slots(self) -> int:
        """How many columns."""
        return int(self.values.shape[1])

    def before(self, slot: int) -> Usage:
        """What is known when that slot begins: nothing of it or of later ones."""
        return self.between(self.first_slot, slot)

    def between(self, start: int, stop: int) -> Usage:
        """The slots from ``start`` up to, not including, ``stop``, as far as they are here."""
        low = min(max(start - self.first_slot, 0), self.slots)
        high = max(min(stop - self.first_slot, self.slots), low)
        return replace(self, values=self.values[:, low:high], first_slot=self.first_slot + low)

    def of(self, rows: Sequence[int] | NDArray[np.intp]) -> Usage:
        """These workloads alone, in this order."""
        names = tuple(self.names[row] for row in rows)
        index = np.asarray(rows, dtype=np.intp)
        return replace(self, names=names, requests=self.requests[index], values=self.values[index])


def _require(holds: bool, what: str, rule: str) -> None:
    if not holds:
        raise InvalidArgumentError(f"usage: {what} cannot be used", hint=f"{what}: {rule}")
