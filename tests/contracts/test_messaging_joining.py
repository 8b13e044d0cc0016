"""Calls that find no place publish together, and each is answered for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from omnicloud.contracts.messaging.driver import Publish
from omnicloud.contracts.messaging.joining import Joining
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.errors import UnavailableError


class Wire:
    """Takes requests, and answers when it is told to."""

    def __init__(self, failing: Callable[[Publish], Exception | None] = lambda _: None) -> None:
        self.sent: list[Publish] = []
        self.open = asyncio.Event()
        self._failing = failing

    async def send(self, op: Publish) -> None:
        self.sent.append(op)
        await self.open.wait()
        if error := self._failing(op):
            raise error

    @property
    def ids(self) -> list[list[str]]:
        return [[one.id for one in op.messages] for op in self.sent]


def request(id_: str, topic: str = "t", payload: bytes = b"p", **options: Any) -> Publish:
    return Publish(topic, (Outgoing(id_, payload),), **options)


async def begun(joining: Joining, *requests: Publish) -> list[asyncio.Task[None]]:
    tasks = [asyncio.ensure_future(joining.publish(op)) for op in requests]
    await asyncio.sleep(0.01)
    return tasks


async def test_calls_beyond_the_places_gather_and_go_in_one_statement() -> None:
    wire = Wire()
    joining = Joining(wire.send, 2)
    calls = await begun(joining, *(request(f"{n}") for n in range(7)))
    assert wire.ids == [["0"], ["1"]]
    wire.open.set()
    await asyncio.gather(*calls)
    assert wire.ids == [["0"], ["1"], ["2", "3", "4", "5", "6"]]
    assert not joining._topics
    assert not joining._sending


async def test_what_differs_in_topic_delay_or_dedupe_is_not_mixed() -> None:
    wire = Wire()
    joining = Joining(wire.send, 1)
    kinds: list[dict[str, Any]] = [{}, {"topic": "u"}, {"delay": 1.0}, {"dedupe": True}]
    requests = [request(f"{turn}-{n}", **kind) for turn in range(3) for n, kind in enumerate(kinds)]
    calls = await begun(joining, *requests)
    wire.open.set()
    await asyncio.gather(*calls)
    for op in wire.sent:
        assert len({one.id.partition("-")[2] for one in op.messages}) == 1
    assert sorted(len(op.messages) for op in wire.sent) == [1, 1, 1, 1, 2, 2, 2, 2]


async def test_each_caller_has_an_error_of_their_own() -> None:
    wire = Wire(lambda op: UnavailableError("gone") if len(op.messages) > 1 else None)
    joining = Joining(wire.send, 1)
    calls = await begun(joining, *(request(f"{n}") for n in range(3)))
    wire.open.set()
    first, *errors = await asyncio.gather(*calls, return_exceptions=True)
    assert first is None
    assert [type(error) for error in errors] == [UnavailableError, UnavailableError]
    assert errors[0] is not errors[1]
    assert [str(error) for error in errors] == ["gone", "gone"]


async def test_who_is_cancelled_while_waiting_sends_nothing() -> None:
    wire = Wire()
    joining = Joining(wire.send, 1)
    first, second, third = await begun(joining, *(request(f"{n}") for n in range(3)))
    second.cancel()
    wire.open.set()
    await asyncio.gather(first, third)
    assert wire.ids == [["0"], ["2"]]
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_who_is_cancelled_while_being_sent_takes_nobody_along() -> None:
    wire = Wire()
    joining = Joining(wire.send, 1)
    first, second, third = await begun(joining, *(request(f"{n}") for n in range(3)))
    first.cancel()
    await asyncio.sleep(0.01)
    assert wire.ids == [["0"], ["1", "2"]]
    second.cancel()
    await asyncio.sleep(0.01)
    assert not second.done(), "what it does next comes after what it sent"
    wire.open.set()
    await third
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_one_statement_holds_so_much_and_what_is_large_goes_alone() -> None:
    wire = Wire()
    joining = Joining(wire.send, 1)
    small = [request(f"{n}") for n in range(200)]
    large = [request(f"l{n}", payload=bytes(200 << 10)) for n in range(2)]
    calls = await begun(joining, *small, *large, request("huge", payload=bytes(300 << 10)))
    assert wire.ids == [["0"], ["huge"]]
    wire.open.set()
    await asyncio.gather(*calls)
    assert [len(ids) for ids in wire.ids] == [1, 1, 128, 72, 1]
