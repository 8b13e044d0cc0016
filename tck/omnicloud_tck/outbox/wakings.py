"""The law of relays that wait while an event becomes claimable, in whatever way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from omnicloud.contracts.outbox import Outbox, OutboxEvent, OutboxFeature
from omnicloud.contracts.outbox.driver import Claim, Fail, Keep, Mark
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["WakingLaws"]

_POLL = 20.0  # seconds that a relay waits
_SLOW = 10.0  # of which a slow machine may take so many
_SOON = 0.3
_LEASE = 0.8
_LONG = 300.0
_HOLD = (6.0, 3.0)  # seconds for which somebody waits, and claims
_HOLD_REAL = (2.0, 2.0)
_EARLY = 0.6  # seconds that an answer may take on a slow machine

Change = Callable[[], Awaitable[object]]
Way = Callable[[Outbox], Coroutine[Any, Any, Change]]


class WakingLaws(Contract):
    """Who waits is given the first event that there is, not the first that is saved."""

    @law(
        "OX-139",
        "A relay that waits is given what failed, was given free, requeued, committed, or let "
        "through by an older one of its aggregate, when that is due.",
        rung=Rung.CONCURRENCY,
    )
    async def waiting_relays_are_given(self, world: World[Any]) -> None:
        one, other = await self.portable(world), await self.portable(world)
        for what, (way, needs, after) in _WAYS.items():
            if not needs <= other.pipeline.driver.features:
                continue
            change = await way(other)
            waits = claimed(one, "waits", 1, lease=_LONG, wait=_POLL)
            waiting = asyncio.ensure_future(waits)
            await world.sleep(0.1)
            asked = world.clock.monotonic()
            await change()
            found = await waiting
            waited = world.clock.monotonic() - asked
            equal(1, len(found), f"events claimed by one who waited for what {what}")
            latest = after + (1.0 if world.virtual else _SLOW)
            that(waited <= latest, f"what {what} came after {waited:.2f} s")
            await other.mark_as_processed(found[0].event_id)

    @law(
        "OX-200",
        "A claim's lease begins with the claim, and a delay when it is told, however long "
        "somebody waited before.",
        rung=Rung.RESILIENCE,
    )
    async def leases_begin_with_claims(self, world: World[Any]) -> None:
        one, other = await self.portable(world), await self.portable(world)
        poll, lease = _HOLD if world.virtual else _HOLD_REAL
        for what, way in _LEASED.items() if world.virtual else list(_LEASED.items())[:1]:
            change = await way(other)
            waiting = asyncio.ensure_future(claimed(one, "waits", 1, lease=lease, wait=poll))
            await world.sleep(0.75 * poll)
            await change()
            found = await waiting
            due = world.clock.monotonic() + lease
            about = f"claimed after a long wait for what {what}"
            equal(1, len(found), f"events {about}")
            await _after(world, other, due, about)
            await world.sleep(0.75 * lease)
            await other.pipeline.send(Fail(SPACE, "later", found[0].event_id, lease))
            due = world.clock.monotonic() + lease
            await _after(world, other, due, f"failed for longer, and {about}")
            await other.mark_as_processed(found[0].event_id)


async def _after(world: World[Any], other: Outbox, due: float, about: str) -> None:
    """Claim what becomes claimable at that moment, not before, and not much later."""
    wait = max(0.0, due - world.clock.monotonic()) + _SLOW
    found = await claimed(other, "later", 1, lease=_LONG, wait=wait)
    early = due - world.clock.monotonic()
    that(found, f"what was {about} never comes again")
    that(early <= _EARLY, f"what was {about} comes {early:.2f} s early")
    if world.virtual:
        that(early >= -1.0, f"what was {about} comes {-early:.2f} s late")


async def _was_saved(other: Outbox) -> Change:
    return lambda: other.save_event(OutboxEvent("t", b"x", aggregate_key="a"))


async def _failed(other: Outbox) -> Change:
    held = await _held(other)
    return lambda: other.pipeline.send(Fail(SPACE, "other", held))


async def _failed_for_longer(other: Outbox) -> Change:
    held = await _held(other)
    return lambda: other.pipeline.send(Fail(SPACE, "other", held, _SOON))


async def _was_given_free(other: Outbox) -> Change:
    held = await _held(other)
    return lambda: other.pipeline.send(Keep(SPACE, "other", (held,), 0.0))


async def _was_left(other: Outbox) -> Change:
    await _held(other, lease=_LEASE)
    return lambda: asyncio.sleep(0)


async def _was_requeued(other: Outbox) -> Change:
    held = await _held(other)
    await other.pipeline.send(Fail(SPACE, "other", held, 0.0, park=True))
    return lambda: other.requeue(held)


async def _was_behind_another(other: Outbox) -> Change:
    held = await _held(other)
    await other.save_event(OutboxEvent("t", b"x", aggregate_key="a"))
    return lambda: other.pipeline.send(Mark(SPACE, (held,)))


async def _was_committed(other: Outbox) -> Change:
    async def save() -> None:
        async with other.transaction() as inside:
            await inside.save_event(OutboxEvent("t", b"x", aggregate_key="a"))

    return save


async def _held(other: Outbox, *, lease: float = _LONG) -> str:
    await other.save_event(OutboxEvent("t", b"x", aggregate_key="a"))
    (held,) = await other.pipeline.send(Claim(SPACE, "other", 1, 0.0, lease))
    return held.event_id


_WAYS: dict[str, tuple[Way, frozenset[Feature], float]] = {
    "failed": (_failed, NO_FEATURES, 0.0),
    "failed for longer": (_failed_for_longer, NO_FEATURES, _SOON),
    "was given free": (_was_given_free, NO_FEATURES, 0.0),
    "was left": (_was_left, NO_FEATURES, _LEASE),
    "was requeued": (_was_requeued, NO_FEATURES, 0.0),
    "was behind another": (_was_behind_another, NO_FEATURES, 0.0),
    "was committed": (_was_committed, frozenset({OutboxFeature.TRANSACTION}), 0.0),
}
"""How an event becomes claimable: what makes it so, and after how many seconds."""

_LEASED: dict[str, Way] = {
    "was saved": _was_saved,
    "was given free": _was_given_free,
    "was behind another": _was_behind_another,
}
"""Of those, and of what is new, some in which a claim that waits is answered."""
