"""Knobs from past windows, and forecasts beside what came."""

from __future__ import annotations

import numpy as np
import pytest
from forecast_worlds import fleet

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.calibration import Goal, Outcome, conformal_factor, densest
from omnicloud.placement.forecast.gaps import whole
from omnicloud.placement.forecast.predictors.percentile import weighted_percentile
from omnicloud.placement.forecast.predictors.seasonal import Seasonal
from omnicloud.placement.forecast.reductions import Quantile
from omnicloud.placement.forecast.report import compare
from omnicloud.placement.forecast.usage import Usage

GOAL = Goal(0.001, worst_node=0.01)


def test_the_densest_knob_that_met_the_goal_is_chosen() -> None:
    past = {
        0.7: [Outcome(40, 0.002, 0.005), Outcome(42, 0.001, 0.005)],
        0.8: [Outcome(38, 0.0005, 0.005), Outcome(38, 0.0012, 0.005)],
        0.9: [Outcome(34, 0.0, 0.0), Outcome(34, 0.0, 0.0)],
    }
    assert densest(past, GOAL, careful=1.0) == 0.8


def test_one_bad_node_rules_a_knob_out() -> None:
    past = {0.8: [Outcome(38, 0.0001, 0.02)], 0.9: [Outcome(34, 0.0, 0.0)]}
    assert densest(past, GOAL, careful=1.0) == 0.9


def test_a_quiet_past_does_not_make_up_for_busy_weeks_of_late() -> None:
    seen = [Outcome(38, 0.0, 0.0)] * 4 + [Outcome(38, 0.002, 0.0)] * 2
    assert Goal(0.001).met(seen)
    assert not Goal(0.001, recent=2).met(seen)
    assert Goal(0.001, recent=2).met(seen[::-1])


def test_where_nothing_met_the_goal_or_is_known_the_careful_knob_is_used() -> None:
    assert densest({0.8: [Outcome(38, 0.1, 0.1)]}, GOAL, careful=1.2) == 1.2
    assert densest({0.8: []}, GOAL, careful=1.2) == 1.2


def test_a_conformal_factor_covers_the_share_it_promises() -> None:
    random = np.random.default_rng(1)
    low = []
    for _ in range(400):
        ratios = random.lognormal(0, 0.3, size=40)
        low.append(ratios[-1] > conformal_factor(list(ratios[:-1]), 0.1))
    assert 0.05 < np.mean(low) <= 0.13


def test_too_few_ratios_give_the_greatest() -> None:
    assert conformal_factor([0.9, 1.4, 1.1], 0.1) == 1.4


@pytest.mark.parametrize(("ratios", "share"), [([], 0.1), ([float("nan")], 0.1), ([1.0], 0.0)])
def test_a_factor_from_nothing_is_refused(ratios: list[float], share: float) -> None:
    with pytest.raises(InvalidArgumentError):
        conformal_factor(ratios, share)


def test_errors_are_told_in_shares_and_ratios() -> None:
    errors = compare([9.0, 11.0, 20.0], [10.0, 10.0, 10.0])
    assert (errors.cases, errors.ratio_median) == (3, 1.1)
    assert errors.too_low == pytest.approx(1 / 3)
    assert errors.mape == pytest.approx(1.2 / 3)


@pytest.mark.parametrize(("said", "came"), [([], []), ([1.0], [0.0]), ([1.0, 2.0], [1.0])])
def test_what_cannot_be_compared_is_refused(said: list[float], came: list[float]) -> None:
    with pytest.raises(InvalidArgumentError):
        compare(said, came)


def test_old_samples_weigh_less_in_a_percentile_with_decay() -> None:
    values = np.array([[8, 8, 8, 1, 1, 1]], dtype=np.float32)
    halved_each_time = np.array([1, 2, 4, 8, 16, 32], dtype=float) / 32
    assert weighted_percentile(values, np.ones(6), 0.6)[0] == 8
    assert weighted_percentile(values, halved_each_time, 0.6)[0] == 1


def test_a_quantile_is_the_least_value_that_covers_its_share() -> None:
    profile = np.arange(1, 11, dtype=np.float32)[np.newaxis]
    assert [Quantile(share)(profile)[0] for share in (0.0, 0.9, 0.91, 1.0)] == [1, 9, 10, 10]


def _usage(values: list[list[float]], step: float = 1800.0) -> Usage:
    return Usage(
        names=tuple(f"w{row}" for row in range(len(values))),
        requests=np.full(len(values), 9.0, dtype=np.float32),
        values=np.array(values, dtype=np.float32),
        step_seconds=step,
    )


def test_a_gap_holds_the_last_value_for_an_hour_and_then_the_mean() -> None:
    nan = float("nan")
    filled = whole(_usage([[1, 5, nan, nan, nan, nan], [0, 0, 0, 0, 0, 0]]))
    np.testing.assert_allclose(filled[0], [1, 5, 5, 5, 3, 3])


def test_slots_that_most_workloads_miss_are_left_out() -> None:
    nan = float("nan")
    filled = whole(_usage([[1, 2, 3], [1, nan, 3], [1, nan, nan]]))
    np.testing.assert_allclose(filled, [[1, 3], [1, 3], [1, 1]])


def test_workloads_with_different_hours_share_the_room() -> None:
    day = 24
    hours = np.arange(4 * day)
    values = [np.where(hours % day < 12, 4.0, 0.5), np.where(hours % day < 12, 0.5, 4.0)]
    forecast = Seasonal().fit(_usage([list(one) for one in values], step=3600.0), 4 * day)
    assert list(forecast.sizes()) == [4.0, 4.0]
    assert forecast.together([0, 1]) == 4.5


def test_slots_are_cut_by_their_numbers() -> None:
    usage = fleet(1)
    part = usage.between(usage.first_slot + 10, usage.first_slot + 12)
    assert (part.slots, part.first_slot) == (2, usage.first_slot + 10)
    assert usage.before(usage.first_slot - 5).slots == 0
