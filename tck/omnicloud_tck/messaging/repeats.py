"""The law of a publish that fails, in whatever way, and is repeated with its id."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Publish, Subscribe
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.core.operation import Feature
from omnicloud.errors import DeadlineExceededError, OmniCloudError, UnavailableError
from omnicloud_tck.check import that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.programs.houses import turned
from omnicloud_tck.world import World

__all__ = ["RepeatLaws"]

_F = MessagingFeature
_SOON = 0.3
_LONG = 120.0
_TURNS = 8  # of the loop, at each of which something comes between
_SILENT = 1.0  # seconds after which who is told nothing gives up
_AWAY = 20.0  # seconds that a call in an outage may take
_BACK = 20.0  # seconds in which a client finds the broker again
_MOMENTS = {"cancelled": (0.0, 0.002, 0.01), "gone": (0.0, 0.003)}
"""Seconds after which it comes between over a real backend; where it costs more, at once."""


class _Way(NamedTuple):
    """How a message is published."""

    size: int = 1
    delay: float | None = None
    keyed: bool = False

    def needs(self) -> set[Feature]:
        batch = {_F.BATCH} if self.size > 1 else set()
        return batch | ({_F.DELAYED} if self.delay else set())

    def publish(self, topic: str, name: str, *, dedupe: bool = True) -> Publish:
        names = [f"{name}, {number}" for number in range(self.size)]
        messages = [Outgoing(one, b"x", one if self.keyed else None) for one in names]
        return Publish(topic, tuple(messages), self.delay, dedupe)


_WAYS = {
    "alone": _Way(),
    "keyed": _Way(keyed=True),
    "later": _Way(delay=_SOON),
    "batch": _Way(size=3, keyed=True),
    "batch-later": _Way(size=3, delay=_SOON),
}


class RepeatLaws(Contract):
    """An id is known when its message is there, no sooner and no later."""

    @law(
        "MS-201",
        "A publish that is cancelled, lost or met by an outage, and repeated with its id, is "
        "delivered; once where that is declared.",
        rung=Rung.RESILIENCE,
    )
    async def repeated_publishes_are_delivered(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        two: Messaging = await self.portable(world)
        features = one.pipeline.driver.features
        dedupe = _F.DEDUPE in features
        ways = {what: way for what, way in _WAYS.items() if way.needs() <= features}
        for what in ways:
            await one.pipeline.send(Subscribe(what, "g"))
        for number, (trouble, moment) in enumerate(_troubles(world)):
            said = f"{trouble} after {moment}"
            ops = [way.publish(what, said, dedupe=dedupe) for what, way in ways.items()]
            await _troubled(world, one, ops, trouble, moment)
            again = (one, two)[number % 2]  # a client may remember what it sent, too
            await asyncio.gather(*(_repeated(world, again, op) for op in ops))
            await world.sleep(0.01)  # a virtual clock that never waits is taken to spin
        await world.sleep(world.on_its_way + _SOON)
        names = [f"{trouble} after {moment}" for trouble, moment in _troubles(world)]
        told = [_told(one, what, way, names) for what, way in ways.items()]
        for what, (lost, twice) in zip(ways, await asyncio.gather(*told), strict=True):
            that(not lost, f"repeated with their ids, {what}, and never delivered: {lost}")
            that(
                not (twice and dedupe), f"repeated with their ids, {what}, and twice there: {twice}"
            )


def _troubles(world: World[Any]) -> list[tuple[str, float]]:
    """What comes between, and when: after so many turns, or seconds on a real clock."""
    kinds = [
        ("cancelled", None),
        *(("gone", Ability.OUTAGE), ("silent", Ability.PARTITION), ("unheard", Ability.CUT)),
    ]
    return [
        (kind, moment)
        for kind, ability in kinds
        if ability is None or ability in world.abilities
        for moment in (range(_TURNS) if world.virtual else _MOMENTS.get(kind, (0.0,)))
    ]


async def _troubled(
    world: World[Any], one: Messaging, ops: list[Publish], trouble: str, moment: float
) -> None:
    """Publish all of them at once, while something comes between."""
    tasks = [asyncio.ensure_future(one.pipeline.send(op)) for op in ops]
    if world.virtual:
        await turned(int(moment))
    elif moment:
        await world.sleep(moment)
    async with _trouble(world, trouble):
        if trouble != "cancelled":
            patience = _SILENT if trouble == "silent" else _AWAY
            await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        fair = error is None or isinstance(error, asyncio.CancelledError | OmniCloudError)
        that(fair, f"a publish that is {trouble} ends in {error!r}")


@contextlib.asynccontextmanager
async def _trouble(world: World[Any], trouble: str) -> AsyncIterator[None]:
    match trouble:
        case "gone":
            block: Any = world.outage()
        case "silent":
            block = world.partition()
        case "unheard":
            block = world.cut_mid_answer(0)
        case _:
            block = contextlib.nullcontext()
    async with block:
        yield


async def _repeated(world: World[Any], again: Messaging, op: Publish) -> None:
    """Publish until it is taken; the client may have to find its broker again."""
    until = world.clock.monotonic() + _BACK
    while True:
        try:
            async with asyncio.timeout(_BACK):
                return await again.pipeline.send(op)
        except (UnavailableError, DeadlineExceededError):
            if world.clock.monotonic() > until:
                raise
            await world.sleep(0.1)


async def _told(
    one: Messaging, what: str, way: _Way, names: list[str]
) -> tuple[list[str], list[str]]:
    """Ids published in that way, under these names, that are delivered never, and twice."""
    ids = [m.id for name in names for m in way.publish(what, name).messages]
    found = await taken(one, what, "g", 2 * len(ids), wait=1.0, lease=_LONG)
    seen = Counter(lent.id for lent in found)
    return [name for name in ids if not seen[name]], [one for one in seen if seen[one] > 1]
