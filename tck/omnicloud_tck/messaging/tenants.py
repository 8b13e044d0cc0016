"""The laws of messaging about one tenant beside another, and about further members."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Extend, Kill, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.core.clock import Clock
from omnicloud_tck.check import equal, that
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.tenants import Tenants, of_tenants
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ApartLaws"]

_TENANTS = ("acme", "acme2", "other")
_PLACE = ("t", "g")
_LEASE = 20.0


class ApartLaws(Tenants):
    """A group is one tenant's, and its members share it without taking from each other."""

    @law(
        "MS-150",
        "Receiving, settling, counting, redriving and cancelling stay within their tenant.",
        rung=Rung.TRUST,
    )
    async def every_request_stays_at_home(self, world: World[Any]) -> None:
        rooms = [Messaging(pipe) for pipe in (await of_tenants(world, _TENANTS)).values()]
        for number, room in enumerate(rooms):
            await room.pipeline.send(Subscribe(*_PLACE))
            for name in ("dead", "lent", "ready"):
                await room.publish("t", f"{name} of {number}".encode())
        held = [await _lent(room.pipeline, 2) for room in rooms]
        for number, (dead, lent) in enumerate(held):
            told = {one.payload.decode() for one in (dead, lent)}
            mine = {f"{name} of {number}" for name in ("dead", "lent", "ready")}
            that(told < mine, f"a tenant receives {sorted(told)}")
        for number, room in enumerate(rooms):
            await room.pipeline.send(Kill(*_PLACE, held[number][0].receipt, "on purpose"))
            for other in range(number + 1, len(rooms)):
                await self._untouched(rooms[other], 0, f"{_TENANTS[number]} killed its own")
            for other in range(number + 1):
                await self._untouched(rooms[other], 1, f"{_TENANTS[number]} killed its own")
        equal(1, await rooms[1].redrive("t", group="g"), "letters that one tenant redrives")
        for other in (0, 2):
            await self._untouched(rooms[other], 1, "another tenant redrove its own")

    async def _untouched(self, room: Messaging, dead: int, after: str) -> None:
        letters = [letter.payload async for letter in room.dead_letters("t")]
        equal(dead, len(letters), f"dead letters after {after}")
        depth = await room.depth("t", "g")
        found = (depth.ready, depth.in_flight, depth.dead)
        equal((1, 2 - dead, dead), found, f"ready, lent and dead after {after}")

    @law(
        "MS-151",
        "Scheduled messages and replays stay within their tenant.",
        needs=[MessagingFeature.DELAYED, MessagingFeature.CANCEL, MessagingFeature.REPLAY],
        rung=Rung.TRUST,
    )
    async def schedules_stay_at_home(self, world: World[Any]) -> None:
        rooms = [Messaging(pipe) for pipe in (await of_tenants(world, _TENANTS)).values()]
        ids = []
        for room in rooms:
            await room.pipeline.send(Subscribe(*_PLACE))
            await room.publish("t", b"now")
            for lent in await _lent(room.pipeline, 1):
                await room.pipeline.send(Ack(*_PLACE, lent.receipt))
            ids.append(await room.publish("t", b"later", delay_seconds=3600))
        for number, room in enumerate(rooms):
            for other in ids[number + 1 :]:
                equal(False, await room.cancel("t", other), "cancelling another tenant's")
            equal(True, await room.cancel("t", ids[number]), "cancelling one's own")
            left = [(await each.depth("t", "g")).scheduled for each in rooms[number + 1 :]]
            equal([1] * len(left), left, "scheduled ones of the others")
        equal(1, await rooms[1].replay("t", "g", since=0.0), "messages that come back")
        ready = [(await room.depth("t", "g")).ready for room in rooms]
        equal([0, 1, 0], ready, "messages of the three tenants after one replayed")

    @law(
        "MS-152",
        "A further member changes nothing of what the group holds, wherever each message is.",
        rung=Rung.CONCURRENCY,
    )
    async def members_take_nothing(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await self._spread(one, world.clock)
        for pipe in (two, one, await world.pipeline(), two):
            await pipe.send(Subscribe(*_PLACE))
            depth = await Messaging(pipe).depth("t", "g")
            found = (depth.ready, depth.in_flight, depth.waiting, depth.dead)
            equal((1, 1, 1, 1), found, "ready, lent, waiting and dead after another subscribed")
        (last,) = await _lent(two, 5, wait=0.3)
        equal((b"ready", 1), (last.payload, last.attempt), "what the further member receives")

    async def _spread(self, pipe: Pipe, clock: Clock) -> None:
        """One message each that is dead, lent, waiting and ready."""
        await pipe.send(Subscribe(*_PLACE))
        for payload in (b"dead", b"lent", b"waiting"):
            await Messaging(pipe, clock).publish("t", payload)
        held = {one.payload: one.receipt for one in await _lent(pipe, 3)}
        await pipe.send(Kill(*_PLACE, held[b"dead"], "on purpose"))
        await pipe.send(Nack(*_PLACE, held[b"waiting"], delay=_LEASE))
        good = await pipe.send(Extend(*_PLACE, (held[b"lent"],), _LEASE))
        equal((held[b"lent"],), good, "the receipts that are good")
        await Messaging(pipe, clock).publish("t", b"ready")


async def _lent(pipe: Pipe, most: int, *, wait: float = 0.5) -> list[Delivery]:
    """At most ``most`` messages, lent for long; fewer when no more come."""
    found: list[Delivery] = []
    while len(found) < most:
        op = Receive(*_PLACE, most - len(found), wait, _LEASE)
        more = await pipe.send(op)
        if not more:
            break
        found += more
    return found
