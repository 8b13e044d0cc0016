"""Messages of every state, beside messages of the same ids in another place."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal
from omnicloud_tck.general.strangers import Place, Stay, Strangers
from omnicloud_tck.law import law
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["MessagingStrangers"]

Pipe = Pipeline[Any]

_F = MessagingFeature
_LONG = 3600.0
_WAIT = 2.0
_LENT = 6  # messages that are lent; one more stays ready


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of the messages of a group: lent, waiting, dead twice, settled, and lent."""

    receipts: tuple[str, ...]
    ids: tuple[str, ...]
    dead: str
    scheduled: str
    cursor: str | None = None


class MessagingStrangers(Strangers):
    """A receipt is a group's, and an id is a topic's."""

    def stay(self, mark: str, *, every: bool) -> Stay:
        return _Messages(mark)

    @law(
        "MS-203",
        "A receipt settles nothing in another group of its topic, and what dies in one, or is "
        "redriven to it, stays as it is in another.",
    )
    async def groups_settle_their_own(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for group in ("g", "h"):
            await one.send(Subscribe("groups", group))
        ids = await _published(one, "groups", 3)
        lent = {group: await _lent(one, "groups", group, 3) for group in ("g", "h")}
        known = {one.receipt for one in lent["h"]}
        for receipt in {one.receipt for one in lent["g"]} - known:
            await _settles_nothing(two, "groups", "h", (receipt,))
        dead = {m.id: m.receipt for m in lent["g"]}[ids[1]]
        equal(True, await _answer(one, Kill("groups", "g", dead, "on purpose")), "killing it")
        equal(0, await _answer(two, Redrive("groups", "h", (ids[1],))), "redriven to another group")
        equal((0, 3, 0), await _depth(two, "groups", "h"), "ready, lent and dead of the other")
        for message in lent["h"]:
            equal(
                True, await _answer(one, Kill("groups", "h", message.receipt, "too")), "killing it"
            )
        equal(
            1, await _answer(one, Redrive("groups", "h", (ids[1],))), "redriven to the other group"
        )
        equal((0, 2, 1), await _depth(one, "groups", "g"), "ready, lent and dead of the first")
        equal((1, 0, 2), await _depth(one, "groups", "h"), "ready, lent and dead of the other")


class _Messages:
    """Each place has one group; ids are alike where they are the caller's to choose."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    async def begin(self, place: Place) -> _Told:
        pipe, topic = place
        await pipe.send(Subscribe(topic, "g"))
        ids = await _published(pipe, topic, _LENT + 1, f"m {self._mark}")
        lent = await _lent(pipe, topic, "g", _LENT)
        receipts = [one.receipt for one in lent]
        await pipe.send(Nack(topic, "g", receipts[1], _LONG))
        for receipt in receipts[2:4]:
            await pipe.send(Kill(topic, "g", receipt, "on purpose"))
        await pipe.send(Ack(topic, "g", receipts[4]))
        (later,) = await _published(pipe, topic, 1, f"later {self._mark}", delay=_LONG)
        cursor = (await pipe.send(DeadLetters(topic, None, None, 1))).cursor
        known = [one.id for one in lent]  # which are lent first is the driver's affair
        known += [one for one in ids if one not in known]
        return _Told(tuple(receipts), tuple(known), lent[2].id, later, cursor)

    async def ask(self, place: Place, told: Any) -> list[object]:
        pipe, topic = place
        known = told or _Told(("unknown",), (uuid.uuid4().hex,), "unknown", "unknown")
        await pipe.send(Subscribe(topic, "g"))
        found = await self._asked(place, known)
        if _chosen(pipe):  # the same ids are other messages here
            own = await self.begin(place)
            strange = tuple(one for one in known.receipts if one not in own.receipts)
            await _settles_nothing(pipe, topic, "g", strange)
            found.append(await self.look(place, None))
        return found

    async def _asked(self, place: Place, known: _Told) -> list[object]:
        pipe, topic = place
        await _settles_nothing(pipe, topic, "g", known.receipts)
        if known.cursor is not None:
            with suppress(OmniCloudError):  # a cursor may be good for its own listing alone
                page = await pipe.send(DeadLetters(topic, None, known.cursor))
                equal(0, len(page.letters), "letters after one of another place")
        found: list[object] = [
            await _answer(pipe, Redrive(topic, group, ids))
            for group in ("g", None)
            for ids in ((known.dead,), known.ids, ())
        ]
        if _F.CANCEL in pipe.driver.features:
            found.append(await _answer(pipe, Cancel(topic, known.scheduled)))
        if _F.REPLAY in pipe.driver.features:
            found.append(await _answer(pipe, Replay(topic, "g", 0.0)))
        found.append(await self.look(place, None))
        return found

    async def look(self, place: Place, told: Any) -> object:
        pipe, topic = place
        depth = await pipe.send(Measure(topic, "g"))
        letters = (await pipe.send(DeadLetters(topic))).letters
        return depth, [(one.reason, one.attempts) for one in letters]

    async def end(self, place: Place, told: Any) -> object:
        pipe, topic = place
        good = [await pipe.send(Ack(topic, "g", one)) for one in told.receipts]
        good.append(await pipe.send(Redrive(topic, "g", (told.dead,))) == 1)
        if _F.CANCEL in pipe.driver.features:
            good.append(await pipe.send(Cancel(topic, told.scheduled)))
        ready = await _lent(pipe, topic, "g", 2)
        return good, sorted((told.ids.index(one.id), one.attempt) for one in ready)


def _chosen(pipe: Pipe) -> bool:
    return _F.DEDUPE in pipe.driver.features


async def _published(
    pipe: Pipe, topic: str, count: int, name: str = "m", *, delay: float | None = None
) -> list[str]:
    """Publish some, later where that can be asked for; their ids."""
    if delay is not None and _F.DELAYED not in pipe.driver.features:
        return ["unknown"]
    ids = [f"{name}-{n}" if _chosen(pipe) else uuid.uuid4().hex for n in range(count)]
    for one in ids:
        await pipe.send(Publish(topic, (Outgoing(one, b"x"),), delay, _chosen(pipe)))
    return ids


async def _lent(pipe: Pipe, topic: str, group: str, most: int) -> list[Any]:
    lent = await received(pipe, topic, group, most, wait=_WAIT, lease=_LONG, until=most)
    equal(most, len(lent), f"messages lent of {topic!r} to {group!r}")
    return lent


async def _depth(pipe: Pipe, topic: str, group: str) -> tuple[int, int, int]:
    depth = await pipe.send(Measure(topic, group))
    return depth.ready, depth.in_flight, depth.dead


async def _settles_nothing(pipe: Pipe, topic: str, group: str, receipts: tuple[str, ...]) -> None:
    """Settle by receipts of another place, in every way."""
    for receipt in receipts:
        for op in (
            Ack(topic, group, receipt),
            Nack(topic, group, receipt),
            Kill(topic, group, receipt, "on purpose"),
        ):
            equal(False, await _answer(pipe, op), f"{op.name} with a receipt of another place")
    equal((), await _answer(pipe, Extend(topic, group, receipts, _LONG)), "those that are good")


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
