"""The laws of what a topic tells: dead letters in the order of their deaths, and moments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Kill,
    Nack,
    Publish,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import DeadRecord, Delivery, Outgoing
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["StampLaws"]

Pipe = Pipeline[Any]

_F = MessagingFeature
_GROUPS = ("b", "a", "c")
_DEATHS = (2, 0, 3, 1)
"""Numbers of messages, in the order in which they die."""
_AGAIN = (0, 3)  # those that were lent before they die
_TICK = 0.02  # seconds between two deaths, by any clock
_WAIT, _LONG = 2.0, 600.0
_STEPS = (0.0007, 0.0201, 0.0329, 0.3114, 0.0207, 1.0, 0.0498, 0.0206)
"""Seconds between two messages: no two stamps have one fraction."""
_NEAR = 0.01


class StampLaws(Contract):
    """What is told is what counts."""

    @law(
        "MS-206",
        "Dead letters are told by their deaths: of one group or of all, in pages of any size, "
        "whatever the order of their messages, and those that died again last.",
    )
    async def letters_by_deaths(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        lent = await _begun(one, "deaths")
        died: list[tuple[str, str]] = []
        for number in _DEATHS:
            for group in _GROUPS:
                delivery = lent[group][number]
                await one.send(Kill("deaths", group, delivery.receipt, "on purpose"))
                died.append((group, delivery.id))
                await world.sleep(_TICK)
        await _listed(two, "deaths", died)
        group, message = again = died[1]
        equal(1, await _answer(two, Redrive("deaths", group, (message,))), "letters redriven")
        (delivery,) = await _lent(two, "deaths", group, 1)
        await world.sleep(_TICK)
        await two.send(Kill("deaths", group, delivery.receipt, "once more"))
        died.remove(again)
        await _listed(one, "deaths", [*died, again])

    @law(
        "MS-207",
        "A replay since the moment that is told of a message begins with that message, a little "
        "before and after it as well, and every question tells the same moment.",
        needs=[_F.REPLAY],
    )
    async def told_moments_count(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for group in ("g", "h"):
            await one.send(Subscribe("stamps", group))
        later = _F.DELAYED in one.driver.features
        for number, step in enumerate(_STEPS):
            await world.sleep(step)
            delay = 0.6 if later and number % 3 == 2 else None
            await one.send(Publish("stamps", (Outgoing(f"m-{number}", b"x"),), delay))
        await world.sleep(1.0)
        told = {m.id: m.published_at for m in await _lent(one, "stamps", "h", len(_STEPS))}
        dying = await _lent(one, "stamps", "g", len(_STEPS))
        for lent in dying:
            await one.send(Kill("stamps", "g", lent.receipt, "on purpose"))
        letters = await _pages(two, "stamps", "g", 100)
        _alike(told, dying, "a delivery to another group")
        _alike(told, letters, "a dead letter")
        await one.send(Redrive("stamps", "g"))
        for lent in await _lent(one, "stamps", "g", len(_STEPS)):
            await one.send(Ack("stamps", "g", lent.receipt))
        for since in _around(told.values()):
            await self._replayed(two, since, told)

    async def _replayed(self, pipe: Pipe, since: float, told: dict[str, float]) -> None:
        expected = sorted(one for one, stamp in told.items() if stamp >= since)
        about = f"since {since - min(told.values()):.6f} s after the first"
        count = await pipe.send(Replay("stamps", "g", since))
        equal(len(expected), count, f"messages replayed {about}")
        again = await _lent(pipe, "stamps", "g", len(expected))
        equal(expected, sorted(m.id for m in again), f"ids of what is replayed {about}")
        _alike(told, again, "a delivery after a replay")
        for lent in again:
            await pipe.send(Ack("stamps", "g", lent.receipt))


def _around(stamps: Iterable[float]) -> list[float]:
    """The moments, and others near them that are none of them."""
    exact = sorted(stamps)
    near = [stamp + apart for stamp in exact for apart in (-_NEAR, _NEAR)]
    clear = [one for one in near if all(abs(one - stamp) > _NEAR / 2 for stamp in exact)]
    return [*exact, *clear]


def _alike(told: dict[str, float], found: Iterable[Delivery | DeadRecord], about: str) -> None:
    for one in found:
        equal(told[one.id], one.published_at, f"when it was published, as told of {about}")


async def _begun(pipe: Pipe, topic: str) -> dict[str, list[Delivery]]:
    """What is lent to each group, in the order of its publishing; some of it once more."""
    for group in _GROUPS:
        await pipe.send(Subscribe(topic, group))
    for number in range(len(_DEATHS)):
        await pipe.send(Publish(topic, (Outgoing(f"m-{number}", b"x"),)))
    found = {}
    for group in _GROUPS:
        lent = {m.id: m for m in await _lent(pipe, topic, group, len(_DEATHS))}
        for number in _AGAIN:
            await pipe.send(Nack(topic, group, lent[f"m-{number}"].receipt))
        lent |= {m.id: m for m in await _lent(pipe, topic, group, len(_AGAIN))}
        found[group] = [lent[f"m-{number}"] for number in range(len(_DEATHS))]
    return found


async def _lent(pipe: Pipe, topic: str, group: str, most: int) -> list[Delivery]:
    found = await received(pipe, topic, group, most, wait=_WAIT, lease=_LONG, until=most)
    equal(most, len(found), f"messages lent to {group!r}")
    return found


async def _listed(pipe: Pipe, topic: str, died: list[tuple[str, str]]) -> None:
    for group in (None, *_GROUPS):
        expected = [one for one in died if group in (None, one[0])]
        for limit in (1, 2, 5, 100):
            letters = await _pages(pipe, topic, group, limit)
            found = [(one.group, one.id) for one in letters]
            about = "all groups" if group is None else f"group {group!r}"
            equal(expected, found, f"dead letters of {about}, {limit} on a page")
            stamps = [one.died_at for one in letters]
            that(stamps == sorted(stamps), f"deaths of {about} are told in another order")


async def _pages(pipe: Pipe, topic: str, group: str | None, limit: int) -> list[DeadRecord]:
    found: list[DeadRecord] = []
    cursor: str | None = None
    for _ in range(100):
        page = await pipe.send(DeadLetters(topic, group, cursor, limit))
        found += page.letters
        cursor = page.cursor
        if cursor is None:
            return found
    that(False, "pages of dead letters do not end")
    return found


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
