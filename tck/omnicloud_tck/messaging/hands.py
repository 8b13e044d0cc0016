"""The law of messages that are held, and of what stands behind them when they are settled."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    Extend,
    Kill,
    Nack,
    Publish,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Delivery, Outgoing
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["HandLaws"]

Pipe = Pipeline[Any]

_F = MessagingFeature
_PLACE = ("hands", "g")
_LONG, _LONGER = 3600.0, 10 * 3600.0
_SHORT = 0.5
_WAIT = 2.0
_SOON = 0.3
_ALL = ["1", "2", "3"]

_DEEDS: dict[str, list[str]] = {
    "acknowledged": ["2", "3"],
    "killed": ["2", "3"],
    "given back": _ALL,
    "put off": [],
    "redriven": ["2", "3", "1"],
    "left": [],
}
"""What is done to the first of three messages of a key, and what is then lent, in this order."""
_STATES = ("lent", "lent again", "put off and lent", "prolonged")


class HandLaws(Contract):
    """What is settled is out of the way of what is behind it, however it was held."""

    @law(
        "MS-204",
        "Behind a message that was lent, prolonged or put off, and is settled in whatever way, "
        "the next of its key is lent at once, and no other.",
        needs=[_F.ORDERED],
        rung=Rung.RESILIENCE,
        patience=2 * _LONGER,
    )
    async def the_next_is_lent(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        cases = [(state, deed) for state in _STATES for deed in _DEEDS]
        await one.send(Subscribe(*_PLACE))
        held, old = await _held(world, one, cases)
        for receipt in old:
            equal(
                False, await _answer(one, Ack(*_PLACE, receipt)), "acknowledging a delivery before"
            )
        for (state, deed), receipt in held.items():
            await _settle(one, state, deed, receipt)
            about = f"an old receipt of what was {state} and {deed}"
            good = deed == "left"
            equal(good, bool(await _answer(one, Extend(*_PLACE, (receipt,), _LONG))), about)
        told = {f"{state}, {deed}": _DEEDS[deed] for state, deed in cases if _DEEDS[deed]}
        equal(told, await _drained(two), "what is lent of each key after the first was settled")
        if world.virtual:
            await world.sleep(_LONG + 1.0)
            late = [case for case in cases if not _DEEDS[case[1]]]
            told = {f"{state}, {deed}": _ALL for state, deed in late}
            equal(told, await _drained(one), "what is lent of each key when its time is over")

    @law(
        "MS-205",
        "A scheduled message that is taken back leaves all others of its key as they are.",
        needs=[_F.DELAYED, _F.CANCEL],
        patience=2 * _LONGER,
    )
    async def what_is_taken_back_is_gone(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await one.send(Subscribe(*_PLACE))
        delays = (_LONG, _LONG, 2 * _LONG) if world.virtual else (1.5, 1.5, 2.0)
        for number, delay in enumerate(delays):
            await one.send(Publish("hands", (_message("k", f"later {number}"),), delay))
        equal(True, await _answer(two, Cancel("hands", "k, later 0")), "taking it back")
        equal(False, await _answer(one, Cancel("hands", "k, later 0")), "taking it back twice")
        await two.send(Publish("hands", (_message("k", "now"),)))
        equal({"k": ["now"]}, await _drained(one), "what is lent of the key at once")
        await world.sleep(delays[1] + _SOON)
        await world.sleep(delays[2] - delays[1])
        expected = {"k": ["later 1", "later 2"]}
        equal(expected, await _drained(two), "what is lent of the key when it is due")


def _message(key: str, name: str) -> Outgoing:
    return Outgoing(f"{key}, {name}", name.encode(), key)


async def _held(
    world: World[Any], one: Pipe, cases: list[tuple[str, str]]
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Three messages for each key, the first of which is held: its receipts, and older ones."""
    for name in _ALL:
        for state, deed in cases:
            await one.send(Publish("hands", (_message(f"{state}, {deed}", name),)))
    found = {_case(lent): lent for lent in await _lent(one, len(cases))}
    again = ("lent again", "put off and lent")
    for (state, _), lent in found.items():
        if state in again:
            delay = _SHORT if state == "put off and lent" else 0.0
            await one.send(Nack(*_PLACE, lent.receipt, delay))
        elif state == "prolonged":
            await one.send(Extend(*_PLACE, (lent.receipt,), _LONG))
    await world.sleep(_SHORT)
    second = await _lent(one, sum(state in again for state, _ in cases))
    old = [found[_case(lent)].receipt for lent in second]
    found |= {_case(lent): lent for lent in second}
    return {case: lent.receipt for case, lent in found.items()}, old


def _case(lent: Delivery) -> tuple[str, str]:
    state, _, deed = (lent.key or "").partition(", ")
    return state, deed


async def _lent(pipe: Pipe, most: int) -> list[Delivery]:
    found = await received(pipe, *_PLACE, most, wait=_WAIT, lease=_LONG, until=most)
    equal(most, len(found), "messages that are lent, one of each key")
    return found


async def _settle(pipe: Pipe, state: str, deed: str, receipt: str) -> None:
    match deed:
        case "acknowledged":
            done = await pipe.send(Ack(*_PLACE, receipt))
        case "killed" | "redriven":
            done = await pipe.send(Kill(*_PLACE, receipt, deed))
            if deed == "redriven":
                redrive = Redrive(*_PLACE, (f"{state}, {deed}, 1",))
                equal(1, await _answer(pipe, redrive), "letters redriven")
        case "given back" | "put off":
            delay = _LONG if deed == "put off" else 0.0
            done = await pipe.send(Nack(*_PLACE, receipt, delay))
        case _:
            return
    equal(True, done, f"what is {deed} was lent")


async def _drained(pipe: Pipe) -> dict[str, list[str]]:
    """All that is lent, each acknowledged when no more is; in order, by key."""
    found: dict[str, list[str]] = {}
    while lent := await received(pipe, *_PLACE, 1000, wait=_SOON, lease=_LONGER, until=1000):
        keys = [one.key or "" for one in lent]
        equal(sorted(set(keys)), sorted(keys), "keys of what is lent at once")
        for one in lent:
            found.setdefault(one.key or "", []).append(one.payload.decode())
            await pipe.send(Ack(*_PLACE, one.receipt))
    return dict(sorted(found.items()))


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
