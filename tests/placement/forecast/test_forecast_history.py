"""A bounded history takes in what can be right, and names what cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.errors import InvalidArgumentError, NotFoundError, ResourceExhaustedError
from omnicloud.placement.forecast.counters import CounterRates
from omnicloud.placement.forecast.history import History
from omnicloud.placement.forecast.troubles import Trouble
from omnicloud.placement.forecast.usage import Usage
from omnicloud.testing.clock import FakeClock

STEP = 300.0
START = 1_700_000_100.0 // STEP * STEP


def history(clock: FakeClock, slots: int = 4, **more: int) -> History:
    kept = History(step=STEP, keep=slots * STEP, clock=clock, **more)
    kept.watch("web", request=2.0, ceiling=8.0)
    return kept


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=START)


def test_samples_of_a_slot_become_their_mean_and_other_slots_stay_unknown(
    clock: FakeClock,
) -> None:
    kept = history(clock)
    for at, value in ((0, 1.0), (100, 3.0), (2 * STEP, 5.0)):
        assert kept.add("web", START - 4 * STEP + at, value) is None
    np.testing.assert_array_equal(kept.usage().values, [[2.0, np.nan, 5.0, np.nan]])


def test_a_clock_that_was_ahead_and_is_set_right_begins_the_history_anew(clock: FakeClock) -> None:
    kept = history(clock)
    clock.step_wall(1e8)
    assert kept.add("web", clock.wall(), 1.0) is None
    clock.step_wall(-1e8)
    assert kept.add("web", START - 10, 3.0) is None
    np.testing.assert_array_equal(kept.usage().values, [[np.nan, np.nan, np.nan, 3.0]])


def test_the_running_slot_is_not_told(clock: FakeClock) -> None:
    kept = history(clock)
    kept.add("web", START, 5.0)
    assert np.isnan(kept.usage().values).all()


@pytest.mark.parametrize(
    ("at", "value", "trouble"),
    [
        (START - 10, math.nan, Trouble.NOT_A_NUMBER),
        (START - 10, math.inf, Trouble.NOT_A_NUMBER),
        (math.nan, 1.0, Trouble.NOT_A_NUMBER),
        (START - 10, -0.1, Trouble.NEGATIVE),
        (START - 10, 8.1, Trouble.IMPLAUSIBLE),
        (START + STEP + 1, 1.0, Trouble.FROM_THE_FUTURE),
        (START - 5 * STEP, 1.0, Trouble.TOO_OLD),
    ],
)
def test_what_cannot_be_right_is_named_and_left_out(
    clock: FakeClock, at: float, value: float, trouble: Trouble
) -> None:
    kept = history(clock)
    assert kept.add("web", at, value) is trouble
    assert kept.troubles.of("web") == {trouble: 1}
    assert np.isnan(kept.usage().values).all()


def test_a_clock_that_went_back_changes_nothing_that_was_told(clock: FakeClock) -> None:
    kept = history(clock)
    kept.add("web", START - STEP, 1.0)
    told = kept.usage().values.copy()
    assert kept.add("web", START - 2 * STEP, 7.0) is Trouble.CLOCK_WENT_BACK
    np.testing.assert_array_equal(kept.usage().values, told)


def test_a_jump_of_the_clock_leaves_unknown_slots_not_old_ones(clock: FakeClock) -> None:
    kept = history(clock)
    for back in (4, 3, 2, 1):
        kept.add("web", START - back * STEP, 1.0)
    clock.advance(3 * STEP)
    kept.add("web", START + 2 * STEP, 4.0)
    np.testing.assert_array_equal(kept.usage().values, [[1.0, np.nan, np.nan, 4.0]])
    clock.advance(100 * STEP)
    kept.add("web", START + 102 * STEP, 5.0)
    np.testing.assert_array_equal(kept.usage().values, [[np.nan, np.nan, np.nan, 5.0]])


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0, 8)), max_size=40))
@settings(deadline=None)
def test_the_ring_tells_what_a_plain_list_would(steps: list[tuple[int, float]]) -> None:
    clock = FakeClock(wall=START)
    kept = history(clock, slots=5)
    seen: dict[int, list[float]] = {}
    for passed, value in steps:
        clock.advance(passed * STEP / 4)
        seen.setdefault(int(clock.wall() // STEP), []).append(value)
        assert kept.add("web", clock.wall(), value) is None
    usage = kept.usage()
    wanted = [
        np.mean(seen[slot]) if slot in seen else np.nan
        for slot in range(usage.first_slot, usage.first_slot + 5)
    ]
    np.testing.assert_allclose(usage.values[0], wanted, rtol=1e-5, atol=1e-7)


def test_the_history_is_bounded_and_says_so(clock: FakeClock) -> None:
    kept = history(clock, most_workloads=1)
    kept.watch("web", request=3.0)
    with pytest.raises(ResourceExhaustedError, match="1 workloads"):
        kept.watch("api", request=1.0)
    kept.forget("web")
    kept.watch("api", request=1.0)
    assert kept.usage().names == ("api",)


def test_what_is_not_watched_has_no_samples(clock: FakeClock) -> None:
    with pytest.raises(NotFoundError, match="call watch"):
        history(clock).add("api", START, 1.0)


@pytest.mark.parametrize("request_", [0.0, -1.0, math.nan, math.inf, 9.0])
def test_a_request_that_cannot_be_is_refused(clock: FakeClock, request_: float) -> None:
    with pytest.raises(InvalidArgumentError, match="request"):
        history(clock).watch("api", request=request_, ceiling=8.0)


def test_a_counter_gives_rates_between_readings() -> None:
    rates = CounterRates()
    assert rates.rate("web", 0.0, 50.0) is None
    assert rates.rate("web", 10.0, 55.0) == 0.5
    assert rates.rate("api", 10.0, 5.0) is None


@pytest.mark.parametrize(
    ("at", "total", "trouble"),
    [
        (10.0, 4.0, Trouble.COUNTER_RESET),
        (0.0, 60.0, Trouble.CLOCK_WENT_BACK),
        (-5.0, 60.0, Trouble.CLOCK_WENT_BACK),
        (901.0, 60.0, Trouble.TOO_LONG_BETWEEN),
        (10.0, math.nan, Trouble.NOT_A_NUMBER),
    ],
)
def test_a_reading_that_tells_no_rate_is_named(at: float, total: float, trouble: Trouble) -> None:
    rates = CounterRates()
    rates.rate("web", 0.0, 50.0)
    assert rates.rate("web", at, total) is None
    assert rates.troubles.total() == {trouble: 1}


def test_after_a_reset_the_next_reading_tells_a_rate_again() -> None:
    rates = CounterRates()
    for at, total in ((0.0, 50.0), (10.0, 1.0)):
        rates.rate("web", at, total)
    assert rates.rate("web", 20.0, 6.0) == 0.5
    rates.forget("web")
    assert rates.rate("web", 30.0, 7.0) is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"names": ("a", "a")}, "names"),
        ({"requests": np.array([1.0, np.nan], dtype=np.float32)}, "requests"),
        ({"requests": np.array([1.0, 0.0], dtype=np.float32)}, "requests"),
        ({"values": np.array([[1.0], [-1.0]], dtype=np.float32)}, "values"),
        ({"values": np.array([[1.0], [np.inf]], dtype=np.float32)}, "values"),
        ({"values": np.zeros((1, 3), dtype=np.float32)}, "values"),
        ({"step_seconds": 0.0}, "step_seconds"),
    ],
)
def test_usage_that_predictors_cannot_rely_on_is_refused(
    change: dict[str, object], what: str
) -> None:
    sound: dict[str, object] = {
        "names": ("a", "b"),
        "requests": np.ones(2, dtype=np.float32),
        "values": np.ones((2, 3), dtype=np.float32),
        "step_seconds": 60.0,
    }
    with pytest.raises(InvalidArgumentError, match=what):
        Usage(**{**sound, **change})
