"""When the breaker opens, whom it lets through, and what it does not count."""

from __future__ import annotations

import asyncio

import pytest
from probe import READ, pipeline

from omnicloud.core.circuit import CircuitState
from omnicloud.errors import (
    CircuitOpenError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    ThrottledError,
    UnavailableError,
)
from omnicloud.layers.breaker import BreakerLayer
from omnicloud.testing import LoopClock, run_virtual


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
    assert layer.state is CircuitState.CLOSED


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
    assert layer.state is CircuitState.CLOSED


def test_cancelled_calls_do_not_open_it() -> None:
    layer = BreakerLayer(1, 10, clock=LoopClock())
    pipe = pipeline(layer, steps=[60.0])

    async def main() -> None:
        task = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])

    run_virtual(main())
    assert layer.state is CircuitState.CLOSED


def test_two_breakers_share_nothing() -> None:
    bad, good = BreakerLayer(1, 10), BreakerLayer(1, 10)
    with pytest.raises(UnavailableError):
        run_virtual(pipeline(bad, steps=[UnavailableError("down")]).send(READ))
    assert (bad.state, good.state) == (CircuitState.OPEN, CircuitState.CLOSED)


def test_a_threshold_below_one_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="failures is 0"):
        BreakerLayer(0, 10)
