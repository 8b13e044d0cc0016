"""What a circuit decides: when it opens, whom it lets through, what counts."""

from __future__ import annotations

import pytest

from omnicloud.core.circuit import (
    CLOSED_CIRCUIT,
    CircuitSettings,
    CircuitState,
    Permit,
    Verdict,
    admit,
    report,
    state_at,
)


class Kept:
    """A circuit in a variable, with tickets of its own."""

    def __init__(self, failures: int, reset: float) -> None:
        self._settings = CircuitSettings(failures, reset)
        self._circuit = CLOSED_CIRCUIT
        self._tickets = 0

    def admit(self, now: float) -> Permit | None:
        self._tickets += 1
        self._circuit, permit = admit(self._circuit, self._settings, now, str(self._tickets))
        return permit

    def settle(self, permit: Permit | None, verdict: Verdict, now: float) -> None:
        assert permit is not None
        self._circuit = report(self._circuit, self._settings, now, permit, verdict)

    def state(self, now: float) -> CircuitState:
        return state_at(self._circuit, self._settings, now)


FAILURE, SUCCESS, NEUTRAL, ANSWERED = (
    Verdict.FAILURE,
    Verdict.SUCCESS,
    Verdict.NEUTRAL,
    Verdict.ANSWERED,
)


def opened() -> Kept:
    circuit = Kept(2, 10.0)
    for _ in range(2):
        circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    assert circuit.state(0.0) is CircuitState.OPEN
    return circuit


def test_it_opens_after_that_many_failures_in_a_row() -> None:
    circuit = Kept(3, 10.0)
    for verdict in (FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE):
        circuit.settle(circuit.admit(0.0), verdict, 0.0)
        assert circuit.state(0.0) is CircuitState.CLOSED
    circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    assert circuit.state(0.0) is CircuitState.OPEN


@pytest.mark.parametrize("verdict", [NEUTRAL, ANSWERED])
def test_what_is_no_failure_of_the_service_neither_counts_nor_resets(verdict: Verdict) -> None:
    circuit = Kept(2, 10.0)
    for _ in range(5):
        circuit.settle(circuit.admit(0.0), verdict, 0.0)
    circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    circuit.settle(circuit.admit(0.0), verdict, 0.0)
    assert circuit.state(0.0) is CircuitState.CLOSED
    circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    assert circuit.state(0.0) is CircuitState.OPEN


def test_an_open_circuit_refuses_until_its_reset_and_then_lets_one_trial_through() -> None:
    circuit = opened()
    assert circuit.admit(9.99) is None
    circuit.admit(10.0)
    assert circuit.admit(10.0) is None


@pytest.mark.parametrize("verdict", [SUCCESS, ANSWERED])
def test_a_good_trial_closes_it_and_forgets_the_failures(verdict: Verdict) -> None:
    circuit = opened()
    circuit.settle(circuit.admit(10.0), verdict, 11.0)
    assert circuit.state(0.0) is CircuitState.CLOSED
    circuit.settle(circuit.admit(11.0), FAILURE, 11.0)
    assert circuit.state(0.0) is CircuitState.CLOSED


def test_a_failed_trial_opens_it_for_a_whole_reset() -> None:
    circuit = opened()
    circuit.settle(circuit.admit(10.0), FAILURE, 12.0)
    assert circuit.admit(21.9) is None
    circuit.admit(22.0)


def test_a_late_failure_from_before_the_trip_does_not_arm_it_again() -> None:
    circuit = Kept(1, 10.0)
    slow, quick = circuit.admit(0.0), circuit.admit(0.0)
    circuit.settle(quick, FAILURE, 0.0)
    circuit.settle(slow, FAILURE, 9.0)
    trial = circuit.admit(10.0)
    circuit.settle(slow, FAILURE, 10.0)
    assert circuit.state(10.0) is CircuitState.HALF_OPEN
    circuit.settle(trial, SUCCESS, 10.0)
    circuit.settle(slow, FAILURE, 10.0)
    assert circuit.state(0.0) is CircuitState.CLOSED


def test_a_neutral_trial_frees_its_permit() -> None:
    circuit = opened()
    circuit.settle(circuit.admit(10.0), NEUTRAL, 10.0)
    assert circuit.state(10.0) is CircuitState.HALF_OPEN
    circuit.settle(circuit.admit(10.0), SUCCESS, 10.0)
    assert circuit.state(0.0) is CircuitState.CLOSED
