"""Which moment it is, as the dates of answers tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omnicloud.core.clock import SystemClock
from omnicloud_etcd.clock import ServerTime

_SERVER = 1_700_000_000.0  # the server's wall clock when the monotonic clock says 0


class Hands(SystemClock):
    """Clocks that a test sets: the wall clock is off by ``wrong`` seconds."""

    def __init__(self, wrong: float) -> None:
        self.at = 0.0
        self.wrong = wrong

    def monotonic(self) -> float:  # type: ignore[override]  # a method here, an attribute there
        return self.at

    def wall(self) -> float:  # type: ignore[override]  # a method here, an attribute there
        return _SERVER + self.at + self.wrong


def answered(time: ServerTime, hands: Hands, moment: float, took: float = 0.01) -> None:
    """Let an answer come, dated half way, and cut to the second as servers do."""
    hands.at = moment + took
    stamp = datetime.fromtimestamp(int(_SERVER + moment + took / 2), UTC)
    time.learn(stamp.strftime("%a, %d %b %Y %H:%M:%S GMT"), moment, moment + took)


@pytest.mark.parametrize("wrong", [3600.0, -3600.0, 0.6])
def test_a_wrong_clock_is_put_right_by_dates(wrong: float) -> None:
    hands = Hands(wrong)
    time = ServerTime(hands)
    answered(time, hands, 0.3)
    assert abs(time.now() - (_SERVER + hands.at)) <= 1.02
    for step in range(1, 120):
        answered(time, hands, step * 0.37)
    assert abs(time.now() - (_SERVER + hands.at)) < 0.1


def test_a_right_clock_is_left_alone_whatever_the_dates_round() -> None:
    hands = Hands(0.0)
    time = ServerTime(hands)
    for step in range(50):
        answered(time, hands, step * 0.23)
        assert time.now() == pytest.approx(_SERVER + hands.at, abs=1e-6)


def test_a_step_of_the_wall_clock_is_not_felt() -> None:
    hands = Hands(0.0)
    time = ServerTime(hands)
    end = time.end_ms(10.0)
    hands.wrong = -7200.0
    hands.at = 9.0
    left = time.seconds_to(end)
    assert left is not None
    assert left == pytest.approx(1.0, abs=0.01)


def test_another_members_clock_is_followed() -> None:
    hands = Hands(0.0)
    time = ServerTime(hands)
    for step in range(20):
        answered(time, hands, step * 0.23)
    hands.at = 10.0
    time.learn("Tue, 14 Nov 2023 22:13:40 GMT", 9.99, 10.0)  # ten seconds ahead
    assert time.now() >= _SERVER + 19.9


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2023 22:13:40 GMT"])
def test_what_is_no_date_is_passed_over(date: str) -> None:
    hands = Hands(0.0)
    time = ServerTime(hands)
    time.learn(date, 0.0, 0.0)
    assert time.now() == _SERVER
