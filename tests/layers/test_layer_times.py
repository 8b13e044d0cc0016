"""Attempt timeouts and deadlines, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from probe import READ, WRITE, Ask, pipeline

from omnicloud.core.context import deadline
from omnicloud.errors import AttemptTimeoutError, DeadlineExceededError, NotFoundError, Outcome
from omnicloud.layers.deadline import DeadlineLayer
from omnicloud.layers.retry import RetryLayer
from omnicloud.layers.timeout import TimeoutLayer
from omnicloud.testing import LoopClock, run_virtual


def now() -> float:
    return asyncio.get_running_loop().time()


def budget(seconds: float | None) -> DeadlineLayer:
    return DeadlineLayer(seconds, clock=LoopClock())


@pytest.mark.parametrize(
    ("op", "outcome"), [(WRITE, Outcome.UNKNOWN), (READ, Outcome.NOT_DONE)], ids=["write", "read"]
)
def test_an_attempt_that_takes_too_long_is_ended(op: Ask, outcome: Outcome) -> None:
    pipe = pipeline(TimeoutLayer(10), steps=[11.0])

    async def main() -> float:
        with pytest.raises(AttemptTimeoutError) as caught:
            await pipe.send(op)
        assert caught.value.outcome is outcome
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return now()

    assert run_virtual(main()) == 10.0


def test_an_attempt_in_time_is_left_alone() -> None:
    pipe = pipeline(TimeoutLayer(10), steps=[9.9])
    assert run_virtual(pipe.send(READ)) == 9.9


def test_each_of_many_calls_has_its_own_time() -> None:
    pipe = pipeline(TimeoutLayer(10), steps=[5.0, 20.0, 9.0, 20.0])

    async def one(start: float) -> float:
        await asyncio.sleep(start)
        try:
            await pipe.send(READ)
        except AttemptTimeoutError:
            return -now()
        return now()

    async def main() -> list[float]:
        return await asyncio.gather(*(one(start) for start in (0.0, 1.0, 2.0, 3.0)))

    assert run_virtual(main()) == [5.0, -11.0, 11.0, -13.0]


def test_a_long_poll_may_wait_and_then_take_its_time() -> None:
    pipe = pipeline(budget(10), TimeoutLayer(10), steps=[25.0])
    assert run_virtual(pipe.send(Ask(poll=20.0))) == 25.0
    with pytest.raises(AttemptTimeoutError):
        run_virtual(pipeline(TimeoutLayer(10), steps=[31.0]).send(Ask(poll=20.0)))


@pytest.mark.parametrize("layer", [TimeoutLayer(10), DeadlineLayer(10)], ids=["attempt", "call"])
def test_a_cancellation_from_outside_is_never_a_timeout(
    layer: TimeoutLayer | DeadlineLayer,
) -> None:
    pipe = pipeline(layer, steps=[60.0])

    async def main() -> bool:
        task = asyncio.create_task(pipe.send(READ))
        loop = asyncio.get_running_loop()
        loop.call_at(10.0, task.cancel)  # in the same turn in which the time is over
        await asyncio.wait([task])
        return task.cancelled()

    assert run_virtual(main())


def test_a_users_own_timeout_stays_a_timeout_of_the_user() -> None:
    pipe = pipeline(budget(30), TimeoutLayer(10), steps=[60.0])

    async def main() -> None:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await pipe.send(READ)
        assert not isinstance(caught.value, DeadlineExceededError)

    run_virtual(main())


def test_a_block_that_ends_while_it_is_cancelled_leaves_the_task_clean() -> None:
    async def main() -> int:
        layer = TimeoutLayer(10)

        async def stubborn(_: object) -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise NotFoundError("found out while it was cancelled") from None
            return "never"

        with pytest.raises(NotFoundError):
            await layer.handle(Call(READ, Ambient(), ServiceInfo()), stubborn)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    from omnicloud.core.context import Ambient, ServiceInfo
    from omnicloud.core.pipeline import Call

    assert run_virtual(main()) == 0


def test_a_call_ends_at_the_services_budget() -> None:
    pipe = pipeline(budget(30), RetryLayer(clock=LoopClock()), TimeoutLayer(20), steps=[60.0])

    async def main() -> float:
        with pytest.raises(DeadlineExceededError) as caught:
            await pipe.send(WRITE)
        assert not isinstance(caught.value, AttemptTimeoutError)
        assert caught.value.outcome is Outcome.UNKNOWN
        return now()

    assert run_virtual(main()) == pytest.approx(30.0)


@pytest.mark.parametrize("own", [3, 300])
def test_the_earlier_of_the_callers_deadline_and_the_budget_holds(own: int) -> None:
    pipe = pipeline(budget(30), steps=[1000.0])

    async def main() -> float:
        with deadline(own, clock=LoopClock()), pytest.raises(DeadlineExceededError):
            await pipe.send(READ)
        return now()

    assert run_virtual(main()) == pytest.approx(min(own, 30))


def test_without_a_budget_the_callers_deadline_still_holds() -> None:
    pipe = pipeline(budget(None), steps=[100.0])

    async def main() -> float:
        with deadline(7, clock=LoopClock()), pytest.raises(DeadlineExceededError):
            await pipe.send(READ)
        return now()

    assert run_virtual(main()) == 7.0
    assert run_virtual(pipe.send(READ)) == 100.0


def test_a_budget_that_is_spent_sends_nothing() -> None:
    pipe = pipeline(budget(30))

    async def main() -> None:
        with deadline(1, clock=LoopClock()):
            await asyncio.sleep(2)
            with pytest.raises(DeadlineExceededError) as caught:
                await pipe.send(WRITE)
        assert caught.value.outcome is Outcome.NOT_DONE

    run_virtual(main())
    assert pipe.driver.seen == []


def test_calls_under_one_deadline_share_it() -> None:
    pipe = pipeline(budget(30), steps=[4.0])

    async def main() -> float:
        with deadline(10, clock=LoopClock()):
            await pipe.send(READ)
            await pipe.send(READ)
            with pytest.raises(DeadlineExceededError):
                await pipe.send(READ)
        return now()

    assert run_virtual(main()) == pytest.approx(10.0)
    assert len(pipe.driver.seen) == 3


def test_a_layer_outlives_the_loop_that_it_was_used_on() -> None:
    pipe = pipeline(TimeoutLayer(10), steps=[20.0])
    for _ in range(2):
        with pytest.raises(AttemptTimeoutError):
            run_virtual(pipe.send(READ))
