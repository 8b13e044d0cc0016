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

_STEP = 300.0
_HORIZONS = (1, 3, 6, 12, 24, 48, 96, 192, 288, 432, 720, 1152, 1728)
HORIZONS_SECONDS = np.array(_HORIZONS) * _STEP
_AGES = np.union1d(np.arange(13), np.geomspace(13, 2900, 70).round()) * _STEP
_FINE = (np.arange(24), np.arange(24, 150, 3), np.arange(150, 300, 6))
_EDGES = np.concatenate([*_FINE, np.geomspace(300, 6000, 60).round()]) * _STEP
_WIDTHS = np.diff(_EDGES)
_MIDDLES = (_EDGES[:-1] + _EDGES[1:]) / 2
_OLDEST = 50  # so many must be seen at an age for its chance to leave to be told from
_SLOWEST = 0.02  # power of age by which the oldest leave at the least


class Survival:
    """For each kind the chance to be there yet at each horizon, given the age.

    A quantile of lifetimes says nothing where most leave within the hour and few stay for weeks,
    chances say both. Those that are there yet count with the time that they have been: leaving
    them out, or taking them as never leaving, would err on either side (Kaplan and Meier,
    "Nonparametric Estimation from Incomplete Observations", 1958).

    Args:
        left: Kinds and seconds stayed of workloads of the past.
        there: The same of those that have not left: how long they have been there.
        beside: So many of the next wider kind count beside those of a kind itself, in each slot
            of age; all together are the widest.

    Raises:
        InvalidArgumentError: A time that is not above zero, nothing was seen, or ``beside`` is
            below zero.
    """

    def __init__(
        self,
        left: Iterable[tuple[Kinds, float]],
        there: Iterable[tuple[Kinds, float]] = (),
        *,
        beside: float = 30.0,
    ) -> None:
        if not 0 <= beside < np.inf:
            raise InvalidArgumentError(f"beside is {beside}, 0 or more is needed")
        wider: dict[Hashable, Hashable] = {}
        gone, stay = _by_kind(left, wider), _by_kind(there, wider)
        if not (gone or stay):
            raise InvalidArgumentError("lifetimes can be learnt from workloads that were seen only")
        rates: dict[Hashable, Floats] = {}
        for kind in [None, *wider]:
            leaving, seen = _counted(gone.get(kind, []), stay.get(kind, []))
            if kind is None:
                rates[kind] = _smoothed(leaving, seen, _rarer_with_age(leaving, seen), 5.0)
            else:
                rates[kind] = _smoothed(leaving, seen, rates[wider[kind]], beside)
        self._numbers = {kind: number for number, kind in enumerate(rates)}
        self._table = np.stack([_conditional(one) for one in rates.values()])

    def curve(self, kinds: Kinds) -> int:
        """The number of the curve of a workload that is like this."""
        return next((self._numbers[kind] for kind in kinds if kind in self._numbers), 0)

    def chances(self, curves: NDArray[np.intp], ages: Floats) -> Floats:
        """The chance to be there yet after each horizon; shape ``(workloads, horizons)``.

        Args:
            curves: Of each workload, see :meth:`curve`.
            ages: Seconds since each came; below zero, by a clock that was set back, is none.
        """
        young = np.maximum(ages, 0.0)
        found: Floats = self._table[curves, np.searchsorted(_AGES, young, side="right") - 1]
        return found


def _by_kind(
    seen: Iterable[tuple[Kinds, float]], wider: dict[Hashable, Hashable]
) -> dict[Hashable, list[float]]:
    """Times of each kind and, under ``None``, of all.

    Notes in ``wider`` of each kind the next wider one, which is there before it.
    """
    times: dict[Hashable, list[float]] = {}
    for kinds, seconds in seen:
        if not seconds > 0:
            raise InvalidArgumentError(f"a workload stayed for {seconds} s, which is no time")
        times.setdefault(None, []).append(seconds)
        above: Hashable = None
        for kind in reversed(kinds):
            times.setdefault(kind, []).append(seconds)
            wider.setdefault(kind, above)
            above = kind
    return times


def _counted(gone: list[float], stay: list[float]) -> tuple[Floats, Floats]:
    """Of each slot of age, who left in it and who was seen in it, by half if no longer than it."""
    slots = len(_WIDTHS)
    left, there = (
        np.bincount(np.minimum(np.searchsorted(_EDGES, times) - 1, slots - 1), minlength=slots)
        for times in (np.array(gone, dtype=float), np.array(stay, dtype=float))
    )
    reached = np.cumsum((left + there)[::-1])[::-1]
    return left.astype(np.float64), reached - 0.5 * there


def _rarer_with_age(left: Floats, seen: Floats) -> Floats:
    """The chance to leave in each slot if it falls as one over the age, as among the oldest."""
    last = int(np.flatnonzero(seen > _OLDEST)[-1]) if (seen > _OLDEST).any() else 0
    oldest = slice(int(np.searchsorted(_MIDDLES, _MIDDLES[last] / 4)), last + 1)
    wanted = (seen * _WIDTHS / _MIDDLES)[oldest].sum()
    power = max(float(left[oldest].sum() / max(wanted, 1e-9)), _SLOWEST)
    return np.asarray(1 - np.exp(-power * _WIDTHS / _MIDDLES), dtype=np.float64)


def _smoothed(left: Floats, seen: Floats, wider: Floats, beside: float) -> Floats:
    return np.asarray((left + beside * wider) / (seen + beside), dtype=np.float64)


def _conditional(rates: Floats) -> Floats:
    """Shape ``(ages, horizons)``, from the chance to leave in each slot; none is quite one."""
    logs = np.concatenate([[0.0], np.cumsum(np.log1p(-np.minimum(rates, 0.9999)))])

    def alive(at: Floats) -> Floats:
        return np.asarray(np.interp(at, _EDGES, logs), dtype=np.float64)

    later = alive(_AGES[:, np.newaxis] + HORIZONS_SECONDS)
    return np.asarray(np.exp(later - alive(_AGES)[:, np.newaxis]), dtype=np.float64)
