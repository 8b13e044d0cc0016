"""B5: the next week's greatest load of groups of 30 workloads, forecast and as it came.

Run ``python benchmarks/placement/forecast.py --data DIR``. A forecast that is too low overloads a
node, one that is too high wastes it: both are told, for the raw predictors and for those with a
factor that the past chose. The past may raise a forecast and never lowers it: weeks in which
one was too high say little of a week in which the level rises. ``--smoke`` needs no data and
takes a made-up fleet.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from _options import fleet_options, shape
from _traces import Fleet, Window, load, rehearsals, starts, window
from _writing import plot_scatter, table, write

from omnicloud.placement.forecast.builtin import RC_LIKE
from omnicloud.placement.forecast.calibration import conformal_factor
from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.predictors.blend import Blend
from omnicloud.placement.forecast.predictors.maximum import Maximum
from omnicloud.placement.forecast.predictors.peak import NSigma, PeakOfSum
from omnicloud.placement.forecast.report import compare

GROUP = 30
TOO_LOW = 0.08  # share of past cases; drift adds to it
PEAK = PeakOfSum()
RAW: tuple[Predictor, ...] = (PEAK, RC_LIKE, Maximum("sum_of_maxima"), NSigma())
SCALED: dict[str, tuple[Predictor, ...]] = {
    "peak_of_sum_scaled": (PEAK,),
    "rc_like_scaled": (RC_LIKE,),
    "omnicloud": (Blend("three to one", ((0.75, RC_LIKE), (0.25, PEAK))),),
}
SHOWN = {"too_low": ".1%", "mape": ".3f", "ratio_median": ".2f", "ratio_p95": ".2f"}


class Cases:
    """Groups of a fleet's windows: what each predictor said, and what came."""

    def __init__(self, fleet: Fleet, node: tuple[float, float], seed: int, rounds: int) -> None:
        self._fleet, self._node, self._seed, self._rounds = fleet, node, seed, rounds
        self._kept: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = {}
        self._windows: dict[int, Window] = {}

    def of(self, start: int, predictor: Predictor) -> tuple[np.ndarray, np.ndarray]:
        """Forecast and came, for each group of the window."""
        key = start, predictor.name
        if key not in self._kept:
            there = self._window(start)
            forecast = predictor.fit(there.cpu, there.now)
            self._kept[key] = self._groups(there, forecast, start)
        return self._kept[key]

    def _window(self, start: int) -> Window:
        if start not in self._windows:
            self._windows[start] = window(self._fleet, start, self._node)
        return self._windows[start]

    def _groups(
        self, there: Window, forecast: Forecast, start: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if there.count < GROUP:
            sys.exit(f"groups of {GROUP} are forecast, {there.count} workloads fit in a window")
        random = np.random.default_rng([self._seed, start])
        said, came = [], []
        for _ in range(self._rounds):
            order = random.permutation(there.count)
            for first in range(0, there.count - GROUP + 1, GROUP):
                rows = order[first : first + GROUP]
                said.append(forecast.together(rows))
                came.append(float(there.cpu_came[rows].sum(axis=0).max()))
        return np.array(said), np.array(came)


def scaled(
    cases: Cases, start: int, past: Sequence[int], predictors: Sequence[Predictor]
) -> tuple[np.ndarray, np.ndarray, str, float]:
    """The predictor and factor that erred least on past windows; what they say of this one."""
    best: tuple[float, Predictor, float] | None = None
    for predictor in predictors:
        pairs = [cases.of(one, predictor) for one in past]
        said = np.concatenate([pair[0] for pair in pairs]) if pairs else np.ones(1)
        came = np.concatenate([pair[1] for pair in pairs]) if pairs else np.ones(1)
        factor = max(1.0, conformal_factor(list(came / said), TOO_LOW))
        error = compare(said * factor, came).mape
        if best is None or error < best[0]:
            best = error, predictor, factor
    assert best is not None
    said, came = cases.of(start, best[1])
    return said * best[2], came, best[1].name, best[2]


def main() -> None:
    options = fleet_options(__doc__.splitlines()[0]).parse_args()
    fleet = load(options.data, options.smoke, options.seed, options.until_day)
    node = shape(options.node)
    cases = Cases(fleet, (node.cores, node.gib), options.seed, options.orders)
    tested = starts(fleet, 1 if options.smoke else options.weeks)
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    chosen: dict[str, list[object]] = {}
    for start in tested:
        past = [] if options.smoke else rehearsals(start)
        for predictor in RAW:
            pairs.setdefault(predictor.name, []).append(cases.of(start, predictor))
        for name, predictors in SCALED.items():
            said, came, which, factor = scaled(cases, start, past, predictors)
            pairs.setdefault(name, []).append((said, came))
            chosen.setdefault(name, []).append([start / 288, which, factor])
    figures = {name: judged(every) for name, every in pairs.items()}
    table(figures, SHOWN)
    name = "B5" + ("-smoke" if options.smoke else "")
    said = {k: str(v) for k, v in vars(options).items()} | {"workloads": fleet.name}
    each = {name: [judged([one]) for one in every] for name, every in pairs.items()}
    write(name, figures, data=fleet.hashes, options=said, more={"chosen": chosen, "windows": each})
    plot_scatter(name, f"Peaks of groups of {GROUP}, {fleet.name}", pairs["omnicloud"])


def judged(every: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    said = np.concatenate([one[0] for one in every])
    came = np.concatenate([one[1] for one in every])
    errors = compare(said, came)
    return {
        "cases": float(errors.cases),
        "too_low": errors.too_low,
        "mape": errors.mape,
        "ratio_median": errors.ratio_median,
        "ratio_p5": errors.ratio_p5,
        "ratio_p95": errors.ratio_p95,
    }


if __name__ == "__main__":
    main()
