"""Bulkhead and rate: who goes, who waits, who is refused."""

from __future__ import annotations

import asyncio

import pytest
from probe import READ, Ask, pipeline

from omnicloud.core.context import deadline
from omnicloud.errors import InvalidArgumentError, ThrottledError
from omnicloud.layers.limits import BulkheadLayer, RateLayer, TokenBucket
from omnicloud.testing import LoopClock, run_virtual


def test_never_more_calls_are_in_flight_than_allowed_and_all_are_served() -> None:
    pipe = pipeline(BulkheadLayer(3, 100), steps=[1.0])

    async def main() -> float:
        await asyncio.gather(*(pipe.send(READ) for _ in range(9)))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3.0
    assert pipe.driver.most == 3


def test_turns_come_in_the_order_of_asking() -> None:
    pipe = pipeline(BulkheadLayer(1, 100), steps=[1.0])

    async def main() -> None:
        await asyncio.gather(*(pipe.send(Ask(str(n))) for n in range(5)))

    run_virtual(main())
    assert [op.key for op in pipe.driver.seen] == ["0", "1", "2", "3", "4"]


def test_a_full_queue_refuses_and_sends_nothing() -> None:
    pipe = pipeline(BulkheadLayer(1, 1), steps=[1.0])

    async def main() -> list[object]:
        return await asyncio.gather(*(pipe.send(READ) for _ in range(3)), return_exceptions=True)

    ends = run_virtual(main())
    assert [type(end) for end in ends] == [float, float, ThrottledError]
    assert len(pipe.driver.seen) == 2


@pytest.mark.parametrize("late", [False, True], ids=["waiting", "with its turn come"])
def test_a_cancelled_wait_loses_no_turn(late: bool) -> None:
    pipe = pipeline(BulkheadLayer(1, 9), steps=[1.0])

    async def main() -> object:
        first = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(0)
        second = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(0)
        if late:
            first.add_done_callback(lambda _: second.cancel())
        else:
            second.cancel()
        await asyncio.wait([first, second])
        return await pipe.send(READ)

    assert run_virtual(main()) == 1.0


def test_long_polls_take_no_turn() -> None:
    pipe = pipeline(BulkheadLayer(1, 0), steps=[20.0, "ok"])

    async def main() -> object:
        async with asyncio.TaskGroup() as group:
            group.create_task(pipe.send(Ask(poll=20.0)))
            await asyncio.sleep(1)
            return await pipe.send(READ)

    assert run_virtual(main()) == "ok"


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(10.0, 2.0)
    assert [bucket.take(5.0) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert bucket.take(100.0) == 0.0


def test_attempts_are_spread_over_time() -> None:
    pipe = pipeline(RateLayer(2.0, 1, clock=LoopClock()))

    async def main() -> None:
        await asyncio.gather(*(pipe.send(READ) for _ in range(5)))

    run_virtual(main())
    assert pipe.driver.at == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])


def test_a_token_that_would_come_after_the_deadline_is_not_waited_for() -> None:
    pipe = pipeline(RateLayer(0.1, 1, clock=LoopClock()))

    async def main() -> float:
        await pipe.send(READ)
        with deadline(5, clock=LoopClock()), pytest.raises(ThrottledError) as caught:
            await pipe.send(READ)
        assert caught.value.retry_after == pytest.approx(10.0)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0.0


def test_a_cancelled_wait_gives_its_token_back() -> None:
    pipe = pipeline(RateLayer(0.1, 1, clock=LoopClock()))

    async def main() -> float:
        await pipe.send(READ)
        task = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        await pipe.send(READ)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(10.0)


def test_senseless_limits_are_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        BulkheadLayer(0, 1)
    with pytest.raises(InvalidArgumentError):
        RateLayer(0.0, None)
