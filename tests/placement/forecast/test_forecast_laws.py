"""What every predictor keeps, and predictors that break each of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from forecast_worlds import DAY, FIRST, fleet

from omnicloud.errors import ConfigurationError
from omnicloud.placement.forecast.catalogue import Predictors
from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.hookspecs import hookimpl
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.usage import Floats, Usage

NOW = FIRST + 3 * DAY
EVERY = [pytest.param(one, id=one.name) for one in Predictors()]
SEEDS = range(3)


def loads(predictor: Predictor, usage: Usage, now: int = NOW) -> Floats:
    """Of each workload, of pairs and of all."""
    forecast = predictor.fit(usage, now)
    rows = range(len(usage.names))
    groups = [forecast.together([row, rows[row - 1]]) for row in rows]
    return np.array([*forecast.sizes(), *groups, forecast.together(rows)], dtype=np.float32)


def futures(usage: Usage, seed: int) -> dict[str, Usage]:
    """The same past with other futures: shuffled, wild, unknown, quiet, cut off."""
    random = np.random.default_rng(seed)
    start = NOW - usage.first_slot
    kinds = {
        "shuffled": random.permutation(usage.values[:, start:], axis=1),
        "replaced": usage.values[:, start:] * 1000 + 7,
        "unknown": np.full_like(usage.values[:, start:], np.nan),
        "idle": np.zeros_like(usage.values[:, start:]),
    }
    with_other = {
        name: replace(usage, values=np.concatenate([usage.values[:, :start], later], axis=1))
        for name, later in kinds.items()
    }
    return with_other | {"cut off": replace(usage, values=usage.values[:, :start].copy())}


@pytest.mark.parametrize("predictor", EVERY)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_future_changes_a_forecast(predictor: Predictor, seed: int) -> None:
    usage = fleet(seed)
    said = loads(predictor, usage)
    for name, other in futures(usage, seed).items():
        np.testing.assert_array_equal(loads(predictor, other), said, err_msg=name)


@pytest.mark.parametrize("predictor", EVERY)
def test_the_past_does_change_a_forecast(predictor: Predictor) -> None:
    usage = fleet(1)
    busier = replace(usage, values=usage.values * np.float32(1.5))
    changed = loads(predictor, busier)[:6] > loads(predictor, usage)[:6]
    assert changed.all() == (predictor.name != "request")


@pytest.mark.parametrize("predictor", EVERY)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_past_gives_the_same_forecast_in_any_order(
    predictor: Predictor, seed: int
) -> None:
    usage = fleet(seed)
    order = np.random.default_rng(seed).permutation(len(usage.names))
    said = predictor.fit(usage, NOW).sizes()
    np.testing.assert_array_equal(predictor.fit(usage, NOW).sizes(), said)
    np.testing.assert_array_equal(predictor.fit(usage.of(order), NOW).sizes(), said[order])


@pytest.mark.parametrize("predictor", EVERY)
def test_another_unit_gives_the_forecast_in_that_unit(predictor: Predictor) -> None:
    usage = fleet(2)
    thousandths = replace(
        usage, values=usage.values * np.float32(1024), requests=usage.requests * np.float32(1024)
    )
    np.testing.assert_allclose(
        loads(predictor, thousandths), loads(predictor, usage) * 1024, rtol=1e-5
    )


@pytest.mark.parametrize("predictor", EVERY)
def test_a_workload_of_which_nothing_is_known_counts_as_its_request(predictor: Predictor) -> None:
    usage = fleet(3)
    values = usage.values.copy()
    values[2] = np.nan
    sizes = predictor.fit(replace(usage, values=values), NOW).sizes()
    assert sizes[2] == pytest.approx(float(usage.requests[2]), rel=1e-6)


@pytest.mark.parametrize("predictor", EVERY)
def test_without_any_past_all_count_as_their_requests(predictor: Predictor) -> None:
    usage = fleet(3)
    np.testing.assert_allclose(
        predictor.fit(usage, usage.first_slot).sizes(), usage.requests, rtol=1e-6
    )


@pytest.mark.parametrize("predictor", EVERY)
def test_a_gap_is_not_zero(predictor: Predictor) -> None:
    usage = fleet(4, gaps=0.0)
    level = replace(usage, values=np.ones_like(usage.values) * usage.requests[:, None] / 2)
    gaps = np.random.default_rng(5).random(level.values.shape) < 0.4
    gaps[:, DAY : DAY + DAY // 2] = True  # nobody was measured for half a day
    holed = replace(level, values=np.where(gaps, np.float32(np.nan), level.values))
    whole, seen = predictor.fit(level, NOW).sizes(), predictor.fit(holed, NOW).sizes()
    if predictor.name.endswith("_cold"):
        assert np.all(seen >= whole * np.float32(0.999))
    else:
        np.testing.assert_allclose(seen, whole, rtol=1e-5)


@pytest.mark.parametrize("predictor", EVERY)
def test_forecasts_are_finite_and_not_below_zero(predictor: Predictor) -> None:
    for seed in SEEDS:
        said = loads(predictor, fleet(seed, gaps=0.7))
        assert np.all(np.isfinite(said))
        assert np.all(said >= 0)


@pytest.mark.parametrize("predictor", EVERY)
def test_together_is_at_most_the_sum_of_each_alone(predictor: Predictor) -> None:
    forecast = predictor.fit(fleet(6), NOW)
    assert forecast.together(range(6)) <= float(forecast.sizes().sum()) * (1 + 1e-5)


@dataclass(frozen=True)
class _Peeks:
    """Broken: the maximum of all it is given."""

    name: str = "peeks"

    def fit(self, usage: Usage, now: int) -> Forecast:
        return sizes_alone(usage.names, np.nanmax(usage.values, axis=1))


@dataclass(frozen=True)
class _GapsAreZero:
    """Broken: the mean, with gaps as zero."""

    name: str = "gaps_are_zero"

    def fit(self, usage: Usage, now: int) -> Forecast:
        past = np.nan_to_num(usage.before(now).values)
        return sizes_alone(usage.names, past.mean(axis=1))


def test_a_predictor_that_looks_ahead_is_caught() -> None:
    with pytest.raises(AssertionError):
        test_no_future_changes_a_forecast(_Peeks(), 0)


def test_a_predictor_that_takes_gaps_for_zero_is_caught() -> None:
    with pytest.raises(AssertionError):
        test_a_gap_is_not_zero(_GapsAreZero())


class _Plugin:
    def __init__(self, *names: str) -> None:
        self._names = names

    @hookimpl
    def forecast_predictors(self) -> list[Predictor]:
        return [_Peeks(name) for name in self._names]


def test_a_plugin_brings_predictors_by_name() -> None:
    predictors = Predictors(_Plugin("ours"))
    assert predictors.named("ours").name == "ours"
    assert [one.name for one in predictors][-1] == "ours"


def test_two_predictors_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'blend'"):
        Predictors(_Plugin("blend"))


def test_an_unknown_predictor_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="blend"):
        Predictors().named("oracle")


def test_installed_predictors_are_found() -> None:
    assert [one.name for one in Predictors.discover()] == [one.name for one in Predictors()]
