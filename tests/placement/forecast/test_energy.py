"""Energy from load, and what may call itself measured."""

from __future__ import annotations

import numpy as np
import pytest

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.energy.figures import Basis, Figure
from omnicloud.placement.energy.power import ICE_LAKE_WATTS_PER_VCPU, PowerCurve
from omnicloud.placement.energy.site import (
    assumed_pue,
    carbon,
    measured_pue,
    of_workloads,
    servers,
)

CURVE = PowerCurve((0.0, 0.5, 1.0), (100.0, 200.0, 240.0), "a test")


def test_power_is_on_straight_lines_between_the_points() -> None:
    assert list(CURVE.at([0, 0.25, 0.5, 0.75, 1, 1.3])) == [100, 150, 200, 220, 240, 240]


def test_a_server_that_is_off_draws_nothing_and_an_idle_one_does() -> None:
    loads = np.array([[5, 5], [np.nan, 0]], dtype=np.float32)
    assert servers(loads, 10, CURVE, 1800).value == pytest.approx((200 + 200 + 0 + 100) / 2000)
    assert servers(loads, 10, CURVE, 1800, idle=2).value == pytest.approx(0.25 + 0.2)


def test_curves_by_core_and_by_share_of_the_peak() -> None:
    linear = PowerCurve.linear(32, *ICE_LAKE_WATTS_PER_VCPU, "ccf")
    assert list(linear.at([0, 1])) == pytest.approx([24.5375, 120.2625])
    assert list(PowerCurve.scaled([0.2, 0.5, 1], 300, "x").at([0, 0.5, 1])) == [60, 150, 300]


@pytest.mark.parametrize(
    ("loads", "watts"),
    [
        ((0.0,), (1.0,)),
        ((0.0, 1.0), (1.0,)),
        ((0.1, 1.0), (1.0, 2.0)),
        ((0.0, 0.5, 0.5, 1.0), (1.0, 2.0, 3.0, 4.0)),
        ((0.0, 1.0), (-1.0, 2.0)),
        ((0.0, 1.0), (1.0, float("nan"))),
    ],
)
def test_a_curve_that_cannot_be_is_refused(loads: tuple[float], watts: tuple[float]) -> None:
    with pytest.raises(InvalidArgumentError):
        PowerCurve(loads, watts, "x")


def test_only_meters_make_a_measured_figure() -> None:
    metered = Figure(2.0, "kWh", Basis.MEASURED, "rack meter")
    site = metered.times(measured_pue(12, 10, "site and rack meters"), "kWh")
    assert (site.value, site.basis) == (pytest.approx(2.4), Basis.MEASURED)
    guess = metered.times(assumed_pue(1.2, "the operator's report"), "kWh")
    assert guess.basis is Basis.ESTIMATE
    assert "estimate: rack meter x the operator's report" in str(guess)
    emitted = carbon(site, 400, "the grid's mean of a year")
    assert (emitted.value, emitted.unit, emitted.basis) == (
        pytest.approx(960),
        "gCO2e",
        Basis.ESTIMATE,
    )


def test_a_model_is_never_called_measured() -> None:
    assert servers(np.zeros((1, 1), dtype=np.float32), 1, CURVE, 60).basis is Basis.ESTIMATE


@pytest.mark.parametrize("ratio", [0.99, float("nan"), float("inf")])
def test_a_site_draws_no_less_than_its_servers(ratio: float) -> None:
    with pytest.raises(InvalidArgumentError):
        assumed_pue(ratio, "x")


@pytest.mark.parametrize(("site", "inside"), [(1.0, 0.0), (9.0, 10.0), (float("nan"), 1.0)])
def test_meters_that_contradict_each_other_are_told(site: float, inside: float) -> None:
    with pytest.raises(InvalidArgumentError, match="meters"):
        measured_pue(site, inside, "x")


def test_a_figure_below_zero_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="-1"):
        Figure(-1, "kWh", Basis.MEASURED, "x")


def test_workloads_share_idle_power_by_request_and_the_rest_by_use() -> None:
    asked, used = np.array([1, 3], dtype=np.float32), np.array([1, 1], dtype=np.float32)
    assert list(of_workloads(200, 100, used, asked)) == [75, 125]
    assert list(of_workloads(90, 100, used * 0, asked)) == [22.5, 67.5]
