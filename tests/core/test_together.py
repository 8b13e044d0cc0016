"""Several calls at once end as one."""

from __future__ import annotations

import asyncio

import pytest

from omnicloud.core.together import together


async def test_answers_are_in_the_order_of_what_was_asked_and_few_are_under_way() -> None:
    under_way, most = 0, 0

    async def call(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(9 - number):
            await asyncio.sleep(0)
        under_way -= 1
        return number * 2

    assert await together(call, range(9), 3) == [number * 2 for number in range(9)]
    assert most == 3
    assert await together(call, [], 3) == []


async def test_one_error_ends_all_and_is_raised_itself() -> None:
    ended: list[int] = []

    async def call(number: int) -> None:
        try:
            await asyncio.sleep(0 if number == 1 else 60)
            raise ValueError(number)
        finally:
            ended.append(number)

    with pytest.raises(ValueError, match="1"):
        await together(call, range(4), 4)
    assert sorted(ended) == [0, 1, 2, 3]


async def test_cancelling_cancels_all() -> None:
    ended: list[int] = []

    async def call(number: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    task = asyncio.ensure_future(together(call, range(3), 3))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [0, 1, 2]
