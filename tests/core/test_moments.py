"""The time of a service: ours while it can be right, the service's where it cannot."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omnicloud.core.clock import SystemClock
from omnicloud.core.moments import ServiceTime, moment_of

_NOON = 1_000_000


class Set(SystemClock):
    """Clocks that a test sets."""

    def __init__(self, wall: float) -> None:
        self.walls = wall
        self.ran = 0.0

    def wall(self) -> float:
        return self.walls

    def monotonic(self) -> float:
        return self.ran


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_a_clock_that_can_be_right_is_left_as_it_is() -> None:
    time = ServiceTime(Set(_NOON + 0.3))
    time.told(_date(_NOON), asked=0.0)
    assert time.now() == pytest.approx(_NOON + 0.3)


@pytest.mark.parametrize(("wrong", "right"), [(-3600.0, 0.0), (3600.0, 1.0)])
def test_a_clock_that_must_be_wrong_goes_to_the_nearer_bound(wrong: float, right: float) -> None:
    time = ServiceTime(Set(_NOON + wrong))
    time.told(_date(_NOON), asked=0.0)
    assert time.now() == pytest.approx(_NOON + right)


def test_the_length_of_a_call_widens_what_can_be_right() -> None:
    clock = Set(_NOON + 4.0)
    time = ServiceTime(clock)
    clock.ran = 5.0  # the answer may have been given at any moment of the call
    time.told(_date(_NOON), asked=0.0)
    assert time.now() == pytest.approx(_NOON + 6.0)


def test_many_answers_bring_wrong_clocks_together() -> None:
    late, early = Set(_NOON - 50.0), Set(_NOON + 50.0)
    times = [ServiceTime(late), ServiceTime(early)]
    for tenth in range(30):
        for clock, time in ((late, times[0]), (early, times[1])):
            clock.ran = tenth / 10
            time.told(_date(_NOON + tenth // 10), asked=clock.ran)
    assert abs(times[0].now() - times[1].now()) < 0.11
    assert times[0].now() == pytest.approx(_NOON + 2.9, abs=0.11)


def test_it_runs_on_by_elapsed_time_and_a_step_of_the_wall_clock_moves_nothing() -> None:
    clock = Set(_NOON)
    time = ServiceTime(clock)
    clock.ran, clock.walls = 7.0, _NOON - 7200.0
    assert time.now() == pytest.approx(_NOON + 7.0)


def test_an_answer_without_a_date_that_can_be_read_says_nothing() -> None:
    time = ServiceTime(Set(_NOON))
    for date in (None, "", "yesterday"):
        time.told(date, asked=0.0)
    assert time.now() == pytest.approx(_NOON)


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 17:30:05 GMT", 1795282205.0),
        ("Sun, 29 Feb 2032 23:59:59 GMT", 1961711999.0),
        ("21 Nov 2026 18:30:05 +0100", 1795282205.0),
    ],
)
def test_a_date_of_http_is_a_moment(date: str, moment: float) -> None:
    assert moment_of(date) == moment


@pytest.mark.parametrize(
    "date", ["", "soon", "Sat, 21 Nox 2026 17:30:05 GMT", "Sat, 31 Feb 2026 17:30:05 GMT"]
)
def test_what_is_no_date_is_refused(date: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says its own
        moment_of(date)
