"""When the breaker opens, whom it lets through, and what it does not count."""

from __future__ import annotations

import asyncio

import pytest
from probe import READ, pipeline

from omnicloud.errors import (
    CircuitOpenError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    ThrottledError,
    UnavailableError,
)
from omnicloud.layers.breaker import BreakerLayer, Circuit, State, Verdict
from omnicloud.testing import LoopClock, run_virtual

FAILURE, SUCCESS, NEUTRAL, ANSWERED = (
    Verdict.FAILURE,
    Verdict.SUCCESS,
    Verdict.NEUTRAL,
    Verdict.ANSWERED,
)


def opened() -> Circuit:
    circuit = Circuit(2, 10.0)
    for _ in range(2):
        circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    assert circuit.state is State.OPEN
    return circuit


def test_it_opens_after_that_many_failures_in_a_row() -> None:
    circuit = Circuit(3, 10.0)
    for verdict in (FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE):
        circuit.settle(circuit.admit(0.0), verdict, 0.0)
        assert circuit.state is State.CLOSED
    circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    assert circuit.state is State.OPEN


@pytest.mark.parametrize("verdict", [NEUTRAL, ANSWERED])
def test_what_is_no_failure_of_the_service_neither_counts_nor_resets(verdict: Verdict) -> None:
    circuit = Circuit(2, 10.0)
    for _ in range(5):
        circuit.settle(circuit.admit(0.0), verdict, 0.0)
    circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    circuit.settle(circuit.admit(0.0), verdict, 0.0)
    assert circuit.state is State.CLOSED
    circuit.settle(circuit.admit(0.0), FAILURE, 0.0)
    assert circuit.state is State.OPEN


def test_an_open_circuit_refuses_until_its_reset_and_then_lets_one_trial_through() -> None:
    circuit = opened()
    with pytest.raises(CircuitOpenError):
        circuit.admit(9.99)
    circuit.admit(10.0)
    with pytest.raises(CircuitOpenError):
        circuit.admit(10.0)


@pytest.mark.parametrize("verdict", [SUCCESS, ANSWERED])
def test_a_good_trial_closes_it_and_forgets_the_failures(verdict: Verdict) -> None:
    circuit = opened()
    circuit.settle(circuit.admit(10.0), verdict, 11.0)
    assert circuit.state is State.CLOSED
    circuit.settle(circuit.admit(11.0), FAILURE, 11.0)
    assert circuit.state is State.CLOSED


def test_a_failed_trial_opens_it_for_a_whole_reset() -> None:
    circuit = opened()
    circuit.settle(circuit.admit(10.0), FAILURE, 12.0)
    with pytest.raises(CircuitOpenError):
        circuit.admit(21.9)
    circuit.admit(22.0)


def test_a_late_failure_from_before_the_trip_does_not_arm_it_again() -> None:
    circuit = Circuit(1, 10.0)
    slow, quick = circuit.admit(0.0), circuit.admit(0.0)
    circuit.settle(quick, FAILURE, 0.0)
    circuit.settle(slow, FAILURE, 9.0)
    trial = circuit.admit(10.0)
    circuit.settle(slow, FAILURE, 10.0)
    assert circuit.state is State.HALF_OPEN
    circuit.settle(trial, SUCCESS, 10.0)
    circuit.settle(slow, FAILURE, 10.0)
    assert circuit.state is State.CLOSED


def test_a_neutral_trial_frees_its_permit() -> None:
    circuit = opened()
    circuit.settle(circuit.admit(10.0), NEUTRAL, 10.0)
    assert circuit.state is State.HALF_OPEN
    circuit.settle(circuit.admit(10.0), SUCCESS, 10.0)
    assert circuit.state is State.CLOSED


def test_a_cancelled_trial_frees_its_permit() -> None:
    layer = BreakerLayer(1, 10, clock=LoopClock())
    pipe = pipeline(layer, steps=[UnavailableError("down"), 60.0, "ok"])

    async def main() -> object:
        with pytest.raises(UnavailableError):
            await pipe.send(READ)
        await asyncio.sleep(10)
        trial = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(1)
        with pytest.raises(CircuitOpenError):
            await pipe.send(READ)
        trial.cancel()
        await asyncio.wait([trial])
        return await pipe.send(READ)

    assert run_virtual(main()) == "ok"
    assert layer.state is State.CLOSED


def test_only_one_of_many_callers_at_once_is_the_trial() -> None:
    layer = BreakerLayer(1, 10, clock=LoopClock())
    pipe = pipeline(layer, steps=[UnavailableError("down"), 1.0])

    async def main() -> list[object]:
        with pytest.raises(UnavailableError):
            await pipe.send(READ)
        await asyncio.sleep(10)
        return await asyncio.gather(*(pipe.send(READ) for _ in range(50)), return_exceptions=True)

    ends = run_virtual(main())
    assert len([end for end in ends if isinstance(end, CircuitOpenError)]) == 49
    assert len(pipe.driver.seen) == 2


@pytest.mark.parametrize(
    "error",
    [NotFoundError("x"), ConflictError("x"), InvalidArgumentError("x"), ThrottledError("x")],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_caller_and_full_services_do_not_open_it(error: OmniCloudError) -> None:
    layer = BreakerLayer(1, 10, clock=LoopClock())
    pipe = pipeline(layer, steps=[error])
    with pytest.raises(type(error)):
        run_virtual(pipe.send(READ))
    assert layer.state is State.CLOSED


def test_cancelled_calls_do_not_open_it() -> None:
    layer = BreakerLayer(1, 10, clock=LoopClock())
    pipe = pipeline(layer, steps=[60.0])

    async def main() -> None:
        task = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])

    run_virtual(main())
    assert layer.state is State.CLOSED


def test_two_breakers_share_nothing() -> None:
    bad, good = BreakerLayer(1, 10), BreakerLayer(1, 10)
    with pytest.raises(UnavailableError):
        run_virtual(pipeline(bad, steps=[UnavailableError("down")]).send(READ))
    assert (bad.state, good.state) == (State.OPEN, State.CLOSED)


def test_a_threshold_below_one_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="failures is 0"):
        BreakerLayer(0, 10)
