"""Sharing and closing."""

import asyncio

import pytest

from omnicloud.resolver.sharing import Shelf


class Thing:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.log.append(self.name)


async def test_those_who_ask_at_once_share_one_opening() -> None:
    opened: list[str] = []
    shelf = Shelf()

    async def open_() -> Thing:
        opened.append("x")
        await asyncio.sleep(0)
        return Thing("x", [])

    first, second = await asyncio.gather(shelf.share("k", open_), shelf.share("k", open_))
    assert first is second
    assert await shelf.share("other", open_) is not first
    assert opened == ["x", "x"]


async def test_an_opening_that_failed_or_was_cancelled_is_tried_again() -> None:
    shelf = Shelf()
    asked = asyncio.Event()

    async def fails() -> Thing:
        await asyncio.sleep(0)
        raise RuntimeError

    async def hangs() -> Thing:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def works() -> Thing:
        await asyncio.sleep(0)
        return Thing("x", [])

    with pytest.raises(RuntimeError):
        await shelf.share("k", fails)
    hanging = asyncio.create_task(shelf.share("k", hangs))
    await asked.wait()
    waiting = asyncio.create_task(shelf.share("k", works))
    hanging.cancel()
    assert (await waiting).name == "x"


async def test_everything_is_closed_in_reverse_and_twice_is_silent() -> None:
    log: list[str] = []
    shelf = Shelf()
    for name in "abc":
        shelf.put(Thing(name, log))
    assert await shelf.aclose() == []
    assert await shelf.aclose() == []
    assert log == ["c", "b", "a"]
