"""What the Open Omni-Cloud standard asks of breakers, alone and over a provider's service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from omnicloud import CircuitOpenError, OmniCloud
from omnicloud.contracts.breaker import Breaker, CircuitState
from omnicloud.testing import FakeClock


class Dependency:
    """Fails so many times, then works."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    async def call(self) -> str:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls <= self.failures:
            raise ValueError("the dependency's own")
        return "done"


@pytest.fixture(params=["service", "alone"])
def breaker(request: pytest.FixtureRequest, cloud: OmniCloud, clock: FakeClock) -> Breaker:
    if request.param == "alone":
        return Breaker(2, 1.0, clock=clock)
    return cloud.breaker("payments", 2, 1.0)


async def failed(call: Callable[[], Awaitable[object]], breaker: Breaker) -> None:
    with pytest.raises(ValueError, match="the dependency's own"):
        await breaker.execute(call)


async def tripped(breaker: Breaker, failures: int = 2) -> Dependency:
    dependency = Dependency(failures)
    await failed(dependency.call, breaker)
    assert breaker.state is CircuitState.CLOSED
    await failed(dependency.call, breaker)
    return dependency


async def test_a_new_circuit_is_closed_and_passes_calls_on(breaker: Breaker) -> None:
    assert breaker.state is CircuitState.CLOSED
    assert await breaker.execute(Dependency(0).call) == "done"
    assert breaker.state is CircuitState.CLOSED


async def test_at_the_threshold_the_circuit_opens_and_calls_are_not_made(breaker: Breaker) -> None:
    dependency = await tripped(breaker)
    assert breaker.state is CircuitState.OPEN
    with pytest.raises(CircuitOpenError):
        await breaker.execute(dependency.call)
    assert dependency.calls == 2


async def test_after_the_reset_timeout_the_circuit_is_half_open(
    breaker: Breaker, clock: FakeClock
) -> None:
    await tripped(breaker)
    states = []
    for seconds in (0.9, 0.2):
        clock.advance(seconds)
        states.append(breaker.state)
    assert states == [CircuitState.OPEN, CircuitState.HALF_OPEN]


async def test_a_trial_that_succeeds_closes_the_circuit(breaker: Breaker, clock: FakeClock) -> None:
    dependency = await tripped(breaker)
    clock.advance(1.1)
    assert await breaker.execute(dependency.call) == "done"
    assert breaker.state is CircuitState.CLOSED


async def test_a_trial_that_fails_opens_the_circuit_again(
    breaker: Breaker, clock: FakeClock
) -> None:
    dependency = await tripped(breaker, failures=3)
    clock.advance(1.1)
    await failed(dependency.call, breaker)
    assert breaker.state is CircuitState.OPEN
