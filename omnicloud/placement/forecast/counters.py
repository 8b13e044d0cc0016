"""From counters that only grow, such as CPU seconds used, to rates."""

from __future__ import annotations

import math

from omnicloud.core.durations import Seconds, positive
from omnicloud.placement.forecast.troubles import Trouble, Troubles

__all__ = ["CounterRates"]


class CounterRates:
    """Rates between readings of one counter for each name.

    Args:
        longest: The longest time between two readings that still gives a rate; a mean over more
            would hide the peaks.
    """

    def __init__(self, longest: Seconds = 900.0) -> None:
        self._longest = positive(longest, "longest")
        self._last: dict[str, tuple[float, float]] = {}
        self.troubles = Troubles()

    def rate(self, name: str, at: float, total: float) -> float | None:
        """Growth per second since the reading before; None where it cannot be told.

        None of the first reading, and of those that :attr:`troubles` counts: not a number, a
        clock that went back, a counter that started anew, or too long a time between. Except for
        what is not a number, the reading is the start of the next rate.
        """
        if not (math.isfinite(at) and math.isfinite(total)):
            self.troubles.note(name, Trouble.NOT_A_NUMBER)
            return None
        before = self._last.get(name)
        self._last[name] = (at, total)
        if before is None:
            return None
        trouble = self._trouble(at - before[0], total - before[1])
        if trouble is not None:
            self.troubles.note(name, trouble)
            return None
        return (total - before[1]) / (at - before[0])

    def forget(self, name: str) -> None:
        """The workload is gone."""
        self._last.pop(name, None)

    def _trouble(self, passed: float, grown: float) -> Trouble | None:
        if passed <= 0:
            return Trouble.CLOCK_WENT_BACK
        if grown < 0:
            return Trouble.COUNTER_RESET
        return Trouble.TOO_LONG_BETWEEN if passed > self._longest else None
