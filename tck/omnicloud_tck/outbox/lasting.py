"""The laws of the outbox over relays that close, and long silences."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.outbox.driver import Claim, Fail, Mark, Save
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LastingLaws"]

_LONG = 60.0
_POLLS = 20  # of a relay to which nothing comes


class LastingLaws(Contract):
    """An event is published in the end, whichever relay comes and goes."""

    @law(
        "OX-136",
        "What a relay failed, or held when it closed, another claims when its time has come.",
        rung=Rung.RESILIENCE,
    )
    async def closing_loses_nothing(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for number in range(3):
            await one.send(Save("s", NewEvent(f"e-{number}", "t", b"%d" % number)))
        began = world.clock.monotonic()
        for number, lease in enumerate((_LONG, _LONG, 1.0)):
            (held,) = await one.send(Claim("s", "first", 1, 0.0, lease))
            equal(f"e-{number}", held.event_id, "the event claimed")
        await one.send(Fail("s", "first", "e-0"))
        await one.send(Fail("s", "first", "e-1", 1.0))
        await one.aclose()
        found: list[tuple[str, bool]] = []
        while len(found) < 3 and world.clock.monotonic() < began + 8.0:
            more = await two.send(Claim("s", "second", 1, 0.5, _LONG))
            early = world.clock.monotonic() < began + 0.9
            found += [(event.event_id, early) for event in more]
        expected = [("e-0", True), ("e-1", False), ("e-2", False)]
        equal(expected, sorted(found), "events claimed by the other, and whether early")

    @law(
        "OX-138",
        "A claim holds its aggregate for its owner too: the next event comes after it is settled.",
    )
    async def a_claim_holds_for_its_owner(self, world: World[Any]) -> None:
        one = await world.pipeline()
        for number in range(3):
            for key in ("a", "b"):
                await one.send(Save("s", NewEvent(f"{key}-{number}", "t", b"x", None, key)))
        for number in range(3):
            held = [await one.send(Claim("s", "me", 1, 0.0, _LONG)) for _ in range(3)]
            found = [event.event_id for claimed in held for event in claimed]
            equal([f"a-{number}", f"b-{number}"], found, "events claimed one by one")
            await one.send(Mark("s", (f"a-{number}",)))
            await one.send(Mark("s", (f"b-{number}",)))

    @law(
        "OX-137",
        "A relay that waited in vain, for however long, is given what is saved then.",
        rung=Rung.RESILIENCE,
        patience=3600.0,
    )
    async def idle_relays_are_given(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        polls, wait = (_POLLS, 20.0) if world.virtual else (4, 0.5)
        for _ in range(polls):
            nothing = await one.send(Claim("s", "me", 5, wait, _LONG))
            equal((), nothing, "claims of nothing")
        waiting = asyncio.ensure_future(one.send(Claim("s", "me", 5, 10.0, _LONG)))
        await world.sleep(0.3)
        await two.send(Save("s", NewEvent("late", "t", b"x", None, "agg")))
        found = [event.event_id for event in await waiting]
        equal(["late"], found, "claimed after a long silence")
