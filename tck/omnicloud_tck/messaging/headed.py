"""The law of headers: what they are called and what they say is for the reader alone."""

from __future__ import annotations

import asyncio
from itertools import count, cycle
from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Kill, Publish, Subscribe
from omnicloud.contracts.messaging.models import Delivery, Outgoing
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.messaging.edges import taken
from omnicloud_tck.messaging.headings import ELSEWHERE, headings
from omnicloud_tck.world import World

__all__ = ["HeadedLaws"]

_F = MessagingFeature
_PAYLOAD = b"eA=="
"""That can be decoded, where a header says so."""
_AT_ONCE = 16
_LEASE = 120.0
_SOON = 0.2

Sent = dict[str, dict[str, str]]


class HeadedLaws(Contract):
    """No header is read on the way."""

    @law(
        "MS-165",
        "Headers that protocols use for themselves arrive as they were given, also after a death, "
        "and send nothing elsewhere.",
        rung=Rung.TRUST,
    )
    async def reserved_headers_arrive(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        for topic in ("headers", ELSEWHERE):
            await one.pipeline.send(Subscribe(topic, "g"))
        ops = _published(one)
        sent = {m.id: dict(m.headers) for op in ops for m in op.messages}
        for first in range(0, len(ops), _AT_ONCE):
            some = ops[first : first + _AT_ONCE]
            await asyncio.gather(*(one.pipeline.send(op) for op in some))
        found = await taken(one, "headers", "g", len(sent) + 1, wait=1.0, lease=_LEASE)
        _alike(sent, found, "delivered")
        routed = [m for m in found if ELSEWHERE in " ".join(m.headers.values())]
        for lent in routed:
            await one.pipeline.send(Kill("headers", "g", lent.receipt, "on purpose"))
        letters = [letter async for letter in one.dead_letters("headers")]
        told = {letter.id: dict(letter.headers) for letter in letters}
        equal({m.id: sent[m.id] for m in routed}, told, "headers of dead letters")
        equal(len(routed), await one.redrive("headers"), "letters redriven")
        found = await taken(one, "headers", "g", len(routed) + 1, wait=0.5, lease=_LEASE)
        _alike({m.id: sent[m.id] for m in routed}, found, "redriven")
        astray = await taken(one, ELSEWHERE, "g", 1, wait=0.2)
        equal([], [dict(m.headers) for m in astray], "what came elsewhere")
        equal([], [letter.id async for letter in one.dead_letters(ELSEWHERE)], "what died there")


def _published(one: Messaging) -> list[Publish]:
    """Every heading in one way or another, and those that name a place in each way."""
    features, limits = one.pipeline.driver.features, one.pipeline.driver.limits
    delays = [None, _SOON] if _F.DELAYED in features else [None]
    size = min(3, limits.batch_max_items) if _F.BATCH in features else 1
    single = [(1, delay) for delay in delays]
    ways = single if size == 1 else [*single, *((size, delay) for delay in delays)]
    turn, numbers = cycle(ways), count()
    ops = []
    for headers in headings(limits.headers_max_bytes):
        every = ELSEWHERE in headers.values()
        for copies, delay in ways if every else [next(turn)]:
            messages = (_message(next(numbers), headers) for _ in range(copies if every else 1))
            ops.append(Publish("headers", tuple(messages), delay))
    return ops


def _message(number: int, headers: dict[str, str]) -> Outgoing:
    return Outgoing(f"m-{number}", _PAYLOAD, None, headers)


def _alike(sent: Sent, found: list[Delivery], when: str) -> None:
    told = {m.id: dict(m.headers) for m in found}
    for name, headers in sent.items():
        that(name in told, f"no message with these headers was {when}: {headers}")
        equal(headers, told[name], f"headers when {when}")
    equal(sorted(sent), sorted(m.id for m in found), f"messages {when}")
    equal({_PAYLOAD}, {m.payload for m in found}, f"payloads when {when}")
