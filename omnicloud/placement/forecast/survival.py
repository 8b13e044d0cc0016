"""How long workloads stay, learnt from others of their kind, and told anew at every age."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError

__all__ = ["HORIZONS_SECONDS", "Kinds", "Survival"]

Floats = NDArray[np.float64]
Kinds = tuple[Hashable, ...]
"""What a workload is like, the narrowest description first."""

HORIZONS_SECONDS = np.array([600.0, 1800, 3600, 3 * 3600, 8 * 3600, 24 * 3600, 72 * 3600])
_AGES = np.concatenate([[0.0], np.geomspace(300, 6 * 86400, 64)])


class Survival:
    """For each kind the chance to be there yet at each horizon, given the age.

    One curve for each kind of which enough were seen, and one for all together. A workload has
    the curve of its narrowest kind that is known: a quantile of lifetimes says nothing where most
    leave within the hour and few stay for weeks, chances say both.

    Args:
        seen: Kinds and seconds stayed of workloads of the past; infinity for one that has not
            left and is older than any horizon.
        least: So many must be seen of a kind.

    Raises:
        InvalidArgumentError: A time that is not above zero, or nothing was seen.
    """

    def __init__(self, seen: Iterable[tuple[Kinds, float]], *, least: int = 30) -> None:
        times: dict[Hashable, list[float]] = {None: []}
        for kinds, seconds in seen:
            if not seconds > 0:
                raise InvalidArgumentError(f"a workload stayed for {seconds} s, which is no time")
            for kind in (*kinds, None):
                times.setdefault(kind, []).append(seconds)
        if not times[None]:
            raise InvalidArgumentError("lifetimes can be learnt from workloads that were seen only")
        known = {k: v for k, v in times.items() if k is None or len(v) >= least}
        self._numbers = {kind: number for number, kind in enumerate(known)}
        self._table = np.stack([_conditional(np.sort(v)) for v in known.values()])

    def curve(self, kinds: Kinds) -> int:
        """The number of the curve of a workload that is like this."""
        return next((self._numbers[kind] for kind in kinds if kind in self._numbers), 0)

    def chances(self, curves: NDArray[np.intp], ages: Floats) -> Floats:
        """The chance to be there yet after each horizon; shape ``(workloads, horizons)``.

        Args:
            curves: Of each workload, see :meth:`curve`.
            ages: Seconds since each came.
        """
        found: Floats = self._table[curves, np.searchsorted(_AGES, ages, side="right") - 1]
        return found


def _conditional(times: Floats) -> Floats:
    """Shape ``(ages, horizons)``. Half a workload never leaves, so that no chance is zero."""
    count = len(times)

    def alive(at: Floats) -> Floats:
        left = np.searchsorted(times, at, side="right")
        return np.asarray((count - left + 0.5) / (count + 0.5), dtype=np.float64)

    return alive(_AGES[:, np.newaxis] + HORIZONS_SECONDS) / alive(_AGES)[:, np.newaxis]
