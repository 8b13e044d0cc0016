"""Trials of a half-open circuit: one at a time, given back, and not troubled by late answers."""

from __future__ import annotations

import asyncio

import pytest

from omnicloud.contracts.breaker import Breaker, CircuitState
from omnicloud.errors import CircuitOpenError
from omnicloud.testing import LoopClock, run_virtual


async def failing() -> None:
    raise ValueError("the dependency's own")


async def working() -> str:
    await asyncio.sleep(0)
    return "done"


async def tripped(breaker: Breaker) -> Breaker:
    for _ in range(2):
        with pytest.raises(ValueError, match="the dependency's own"):
            await breaker.execute(failing)
    return breaker


async def half_open() -> Breaker:
    breaker = await tripped(Breaker(2, 1.0, clock=LoopClock()))
    await asyncio.sleep(1.1)
    return breaker


def test_a_cancelled_trial_frees_its_place_and_counts_for_nothing() -> None:
    async def main() -> None:
        breaker = await half_open()
        for turns in range(6):
            trial = asyncio.ensure_future(breaker.execute(asyncio.sleep, 60))
            for _ in range(turns):
                await asyncio.sleep(0)
            trial.cancel()
            await asyncio.gather(trial, return_exceptions=True)
            assert (await breaker.read()).retry_after == 0
        assert await breaker.execute(working) == "done"

    run_virtual(main())


def test_one_trial_at_a_time_passes() -> None:
    async def main() -> None:
        breaker = await half_open()
        trial = asyncio.ensure_future(breaker.execute(asyncio.sleep, 0.5))
        await asyncio.sleep(0.1)
        with pytest.raises(CircuitOpenError):
            await breaker.execute(working)
        await trial
        assert breaker.state is CircuitState.CLOSED

    run_virtual(main())


def test_a_late_failure_from_before_the_trip_does_not_arm_the_timer_again() -> None:
    async def late() -> None:
        await asyncio.sleep(0.9)
        raise ValueError("late")

    async def main() -> None:
        breaker = Breaker(2, 1.0, clock=LoopClock())
        slow = asyncio.ensure_future(breaker.execute(late))
        await asyncio.sleep(0.01)
        await tripped(breaker)
        await asyncio.gather(slow, return_exceptions=True)
        await asyncio.sleep(0.2)
        assert breaker.state is CircuitState.HALF_OPEN

    run_virtual(main())
