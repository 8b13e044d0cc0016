"""What the Open Omni-Cloud standard asks of breakers and of iam, of objects made directly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from omnicloud.contracts.breaker import Breaker, CircuitState
from omnicloud.contracts.iam import IAM
from omnicloud.errors import CircuitOpenError
from omnicloud.testing.virtual import LoopClock, run_virtual


async def failing() -> None:
    raise ValueError("the dependency's own")


async def working() -> str:
    return "done"


async def tripped(reset_timeout: float = 1.0) -> Breaker:
    breaker = Breaker(2, reset_timeout, clock=LoopClock())
    for _ in range(2):
        with pytest.raises(ValueError, match="the dependency's own"):
            await breaker.execute(failing)
    return breaker


def in_virtual_time(
    test: Callable[[], Coroutine[Any, Any, None]],
) -> Callable[[], None]:
    def run() -> None:
        run_virtual(test())

    run.__name__ = test.__name__
    return run


@in_virtual_time
async def test_at_the_threshold_the_circuit_opens_and_calls_are_not_made() -> None:
    breaker = await tripped()
    called = False

    async def call() -> None:
        nonlocal called
        called = True

    with pytest.raises(CircuitOpenError):
        await breaker.execute(call)
    assert not called
    assert breaker.state is CircuitState.OPEN


@in_virtual_time
async def test_after_the_reset_timeout_the_circuit_is_half_open() -> None:
    breaker = await tripped()
    await asyncio.sleep(0.9)
    assert breaker.state is CircuitState.OPEN
    await asyncio.sleep(0.2)
    assert breaker.state is CircuitState.HALF_OPEN


@in_virtual_time
async def test_a_trial_that_succeeds_closes_the_circuit() -> None:
    breaker = await tripped()
    await asyncio.sleep(1.1)
    assert await breaker.execute(working) == "done"
    assert breaker.state is CircuitState.CLOSED


@in_virtual_time
async def test_a_trial_that_fails_opens_the_circuit_again() -> None:
    breaker = await tripped()
    await asyncio.sleep(1.1)
    with pytest.raises(ValueError, match="the dependency's own"):
        await breaker.execute(failing)
    assert breaker.state is CircuitState.OPEN


@in_virtual_time
async def test_a_cancelled_trial_frees_its_place_and_counts_for_nothing() -> None:
    breaker = await tripped()
    await asyncio.sleep(1.1)
    for turns in range(6):
        trial = asyncio.ensure_future(breaker.execute(asyncio.sleep, 60))
        for _ in range(turns):
            await asyncio.sleep(0)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        assert (await breaker.read()).retry_after == 0
    assert await breaker.execute(working) == "done"


@in_virtual_time
async def test_one_trial_at_a_time_passes() -> None:
    breaker = await tripped()
    await asyncio.sleep(1.1)
    trial = asyncio.ensure_future(breaker.execute(asyncio.sleep, 0.5))
    await asyncio.sleep(0.1)
    with pytest.raises(CircuitOpenError):
        await breaker.execute(working)
    await trial
    assert breaker.state is CircuitState.CLOSED


@in_virtual_time
async def test_a_late_failure_from_before_the_trip_does_not_arm_the_timer_again() -> None:
    breaker = Breaker(2, 1.0, clock=LoopClock())

    async def late() -> None:
        await asyncio.sleep(0.9)
        raise ValueError("late")

    slow = asyncio.ensure_future(breaker.execute(late))
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    for _ in range(2):
        with pytest.raises(ValueError, match="own"):
            await breaker.execute(failing)
    await asyncio.gather(slow, return_exceptions=True)
    await asyncio.sleep(0.2)
    assert breaker.state is CircuitState.HALF_OPEN


def rule(effect: str, action: str = "s3:GetObject", resource: str = "bucket/a") -> dict[str, str]:
    return {"effect": effect, "principal": "user:alice", "action": action, "resource": resource}


ALICE = "user:alice"


@pytest.mark.parametrize(
    ("policies", "asked", "expected"),
    [
        ([rule("Allow")], (ALICE, "s3:GetObject", "bucket/a"), True),
        ([rule("Allow")], (ALICE, "s3:GetObject", "bucket/b"), False),
        ([rule("Allow")], (ALICE, "s3:PutObject", "bucket/a"), False),
        ([rule("Allow")], ("user:bob", "s3:GetObject", "bucket/a"), False),
        ([rule("Allow")], ("USER:alice", "s3:GetObject", "bucket/a"), False),
        ([], (ALICE, "s3:GetObject", "bucket/a"), False),
        ([rule("Allow", resource="*")], (ALICE, "s3:GetObject", None), False),
        ([rule("Allow", resource="*")], (ALICE, "s3:GetObject", ""), False),
        ([rule("Allow"), rule("Deny")], (ALICE, "s3:GetObject", "bucket/a"), False),
        ([rule("Deny"), rule("Allow")], (ALICE, "s3:GetObject", "bucket/a"), False),
        ([rule("Allow", "s3:Get*")], (ALICE, "s3:GetObject", "bucket/a"), True),
        ([rule("Allow", "s3:Get*")], (ALICE, "s3:GetObjectAcl", "bucket/a"), True),
        ([rule("Allow", "s3:Get*")], (ALICE, "s3:PutObject", "bucket/a"), False),
        ([rule("Allow", "s3:Get?bject")], (ALICE, "s3:GetObject", "bucket/a"), False),
        ([rule("Allow", resource="bucket/[a]")], (ALICE, "s3:GetObject", "bucket/a"), False),
        ([rule("Allow", resource="bucket/[a]")], (ALICE, "s3:GetObject", "bucket/[a]"), True),
    ],
)
async def test_access_is_what_the_rules_say(
    policies: list[dict[str, object]], asked: tuple[str, str, str | None], expected: bool
) -> None:
    answer: Awaitable[bool] = IAM(policies).is_allowed(*asked)
    assert await answer is expected
