"""The law of relays for whom the store goes away while they wait."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from omnicloud.contracts.outbox import EventStatus, Outbox, OutboxEvent
from omnicloud.contracts.outbox.driver import Claim, Fail, ListEvents, Save
from omnicloud.contracts.outbox.models import EventRecord, NewEvent
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.interruptions import after_trouble, interrupted, troubles
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["InterruptionLaws"]

Pipe = Pipeline[Any]

_DUE = 1.0  # seconds from now, when the store is away
_LEASE, _LONG = 3.0, 3600.0
_WAIT = 5.0


class InterruptionLaws(Contract):
    """An error or nothing; and nothing of it stays."""

    @law(
        "OX-204",
        "A relay that waits while the store goes away is told an error or given what there is; no "
        "event, claim or attempt is another for it, and the same relay goes on.",
        abilities=[Ability.OUTAGE],
        rung=Rung.RESILIENCE,
        patience=2 * _LONG,
    )
    async def waits_are_interrupted(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        two: Outbox = await self.portable(world)
        for trouble in troubles(world):
            names = {each: f"{each}, {trouble}" for each in ("put off", "left", "new")}
            held = await _begun(two, names)
            waiting = asyncio.ensure_future(_asked(one.pipeline))
            found = await interrupted(world, trouble, waiting, _DUE)
            save = Save(SPACE, NewEvent(names["new"], "t", b"x", None, "new"))
            await after_trouble(world, partial(two.pipeline.send, save))
            await _marked(two, found)
            while left := set(names.values()) - {event.event_id for event in found}:
                more = await after_trouble(world, partial(_given, one))
                that(more, f"after {trouble} in a wait these are never given: {sorted(left)}")
                await _marked(two, more)
                found += more
            told = {event.event_id: event.attempts for event in found}
            expected = {name: int(each == "put off") for each, name in names.items()}
            equal(expected, told, f"attempts of what is given after {trouble} in a wait")
            await self._goes_on(two, held, trouble)

    async def _goes_on(self, outbox: Outbox, held: str, trouble: str) -> None:
        """What was claimed before is claimed still, and what is behind it is untouched."""
        await outbox.pipeline.send(Fail(SPACE, "holds", held, 0.0, park=True))
        parked = await outbox.pipeline.send(ListEvents(SPACE, EventStatus.PARKED, every=True))
        equal([held], [event.event_id for event in parked], f"what is parked after {trouble}")
        await outbox.mark_as_processed(held)
        (behind,) = await claimed(outbox, "holds", 1, lease=_LONG, wait=_WAIT)
        equal((2, 0), (behind.sequence_id, behind.attempts), f"what is behind it, after {trouble}")
        await outbox.mark_as_processed(behind.event_id)


async def _begun(outbox: Outbox, names: dict[str, str]) -> str:
    """Hold an aggregate for long, and have other events come due soon; the id of what is held."""
    key = f"held, {names['new']}"
    held = await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))
    await claimed(outbox, "holds", 1, lease=_LONG)
    await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))
    await outbox.pipeline.send(Save(SPACE, NewEvent(names["put off"], "t", b"x", None, "off")))
    await claimed(outbox, "soon", 1, lease=_LONG)
    await outbox.pipeline.send(Fail(SPACE, "soon", names["put off"], _DUE))
    await outbox.pipeline.send(Save(SPACE, NewEvent(names["left"], "t", b"x")))
    await claimed(outbox, "soon", 1, lease=_DUE)
    return held


async def _asked(pipe: Pipe) -> list[EventRecord]:
    """What somebody is given who waits for long, or nothing where that is an error."""
    try:
        return list(await _answer(pipe, Claim(SPACE, "waits", 10, _WAIT, _LEASE)))
    except (UnavailableError, DeadlineExceededError):
        return []


async def _marked(outbox: Outbox, events: list[EventRecord]) -> None:
    for event in events:
        await outbox.mark_as_processed(event.event_id)


async def _given(outbox: Outbox) -> list[EventRecord]:
    return list(await claimed(outbox, "again", 10, lease=_LEASE, wait=_WAIT))


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
