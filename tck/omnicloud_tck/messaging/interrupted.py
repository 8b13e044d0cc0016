"""The law of receivers for whom the broker goes away while they wait."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Extend, Nack, Publish, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery, Outgoing
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.interruptions import after_trouble, interrupted, troubles
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["InterruptionLaws"]

Pipe = Pipeline[Any]

_F = MessagingFeature
_DUE = 1.0  # seconds from now, when the broker is away
_LEASE, _LONG = 3.0, 3600.0
_WAIT = 5.0


class InterruptionLaws(Contract):
    """An error or nothing; and nothing of it stays."""

    @law(
        "MS-208",
        "Who waits while the broker goes away is told an error or lent what there is; no message, "
        "schedule or attempt is another for it, and the same client goes on.",
        abilities=[Ability.OUTAGE],
        rung=Rung.RESILIENCE,
        patience=2 * _LONG,
    )
    async def waits_are_interrupted(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for trouble in troubles(world):
            place = (f"while in {trouble}", "g")
            await two.send(Subscribe(*place))
            held, expected = await _begun(two, place)
            waiting = asyncio.ensure_future(_asked(one, place))
            found = await interrupted(world, trouble, waiting, _DUE)
            await after_trouble(world, partial(two.send, _publish(place, "new")))
            expected |= {"new"}
            await _settled(one, place, found)
            while left := expected - {m.payload.decode() for m in found}:
                more = await after_trouble(world, partial(_lent, one, place))
                that(more, f"after {trouble} in a wait these are never lent: {sorted(left)}")
                await _settled(one, place, more)
                found += more
            _as_they_were(world, found, expected, trouble)
            await self._goes_on(two, place, held, trouble)

    async def _goes_on(
        self, pipe: Pipe, place: tuple[str, str], held: Delivery, trouble: str
    ) -> None:
        """What is behind what was lent before, and is lent still, is untouched."""
        good = await pipe.send(Extend(*place, (held.receipt,), _LONG))
        if good and _F.ORDERED in pipe.driver.features:
            await pipe.send(Ack(*place, held.receipt))
            (behind,) = await received(pipe, *place, 1, wait=_WAIT, lease=_LONG)
            told = (behind.payload, behind.attempt)
            equal((b"behind", 1), told, f"what is behind it, after {trouble}")


async def _begun(pipe: Pipe, place: tuple[str, str]) -> tuple[Delivery, set[str]]:
    """A message that is held, and what is due soon."""
    ordered = _F.ORDERED in pipe.driver.features
    for name in ("held", "behind") if ordered else ("held",):
        await pipe.send(_publish(place, name, "k"))
    (held,) = await received(pipe, *place, 1, wait=_WAIT, lease=_LONG)
    for name in ("put off", "left"):
        await pipe.send(_publish(place, name))
    for lent in await received(pipe, *place, 2, wait=_WAIT, lease=_LONG, until=2):
        if lent.payload == b"left":
            await pipe.send(Extend(*place, (lent.receipt,), _DUE))
        else:
            await pipe.send(Nack(*place, lent.receipt, _DUE))
    if _F.DELAYED not in pipe.driver.features:
        return held, {"put off", "left"}
    await pipe.send(_publish(place, "scheduled", delay=_DUE))
    return held, {"put off", "left", "scheduled"}


def _publish(
    place: tuple[str, str], name: str, key: str | None = None, *, delay: float | None = None
) -> Publish:
    return Publish(place[0], (Outgoing(f"{name}, {place[0]}", name.encode(), key),), delay)


async def _asked(pipe: Pipe, place: tuple[str, str]) -> list[Delivery]:
    """What somebody is lent who waits for long, or nothing where that is an error."""
    try:
        return list(await _answer(pipe, Receive(*place, 10, _WAIT, _LEASE)))
    except (UnavailableError, DeadlineExceededError):
        return []


async def _lent(pipe: Pipe, place: tuple[str, str]) -> list[Delivery]:
    return await received(pipe, *place, 10, wait=_WAIT, lease=_LEASE)


async def _settled(pipe: Pipe, place: tuple[str, str], lent: list[Delivery]) -> None:
    for message in lent:
        await pipe.send(Ack(*place, message.receipt))


def _as_they_were(
    world: World[Any], found: list[Delivery], expected: set[str], trouble: str
) -> None:
    # What was lent on a connection that is gone may be lent again before its lease ends.
    told = {m.payload.decode() for m in found} - {"held", "behind"}
    equal(sorted(expected), sorted(told), f"what is lent after {trouble} in a wait")
    for m in found if world.virtual else ():  # over a network an answer may be lost
        if m.payload in (b"held", b"behind"):
            continue
        attempt = 2 if m.payload in (b"put off", b"left") else 1
        equal(attempt, m.attempt, f"the attempt of {m.payload!r} after {trouble} in a wait")


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
