"""The laws of messages that come another way than by one publishing and one delivery."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from omnicloud.contracts.messaging import Message, Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Kill, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud_tck.check import equal, that
from omnicloud_tck.general.kept import Kept, Pipe
from omnicloud_tck.law import law
from omnicloud_tck.messaging.outcomes import HEADERS
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["WholesLaws"]

_PLACE = ("whole", "g")
_LEASE = 30.0
_PAUSE = 1.2
_LARGE = 1 << 20
_REASON = "the payment service answered 503: " + "überlastet, später! " * 8 + "end"

Whole = dict[bytes, tuple[str | None, dict[str, str]]]


class WholesLaws(Kept):
    """A message is whole after every way that it can take."""

    def _messages(self, pipe: Pipe) -> list[Message]:
        keys = (None, "k{}", "K {} ", "None{}", "é/ü{}")
        return [
            Message(payload, key=key and key.format(n), headers=HEADERS if n % 3 else {})
            for n, (payload, key) in enumerate(zip(self.payloads(pipe), cycle(keys), strict=False))
        ]

    @law("MS-155", "Messages arrive whole also in a batch, delayed, given back and redriven.")
    async def every_way_keeps_messages_whole(self, world: World[Any]) -> None:
        one = Messaging(await world.pipeline(), world.clock)
        pipe, features = await world.pipeline(), one.pipeline.driver.features
        sent = self._messages(pipe)
        expected: Whole = {m.payload: (m.key, m.headers) for m in sent}
        await pipe.send(Subscribe(*_PLACE))
        if MessagingFeature.BATCH in features:
            most = one.pipeline.driver.limits.batch_max_items
            for first in range(0, len(sent), most):
                await one.publish_many("whole", sent[first : first + most])
            await self._settle(pipe, await self._whole(pipe, expected, "published in a batch"))
        delay = 0.4 if MessagingFeature.DELAYED in features else None
        for m in sent:
            await one.publish("whole", m.payload, key=m.key, headers=m.headers, delay_seconds=delay)
        held = await self._whole(pipe, expected, "published with a delay")
        for lent in held:
            await pipe.send(Nack(*_PLACE, lent.receipt))
        for lent in await self._whole(pipe, expected, "given back"):
            await pipe.send(Kill(*_PLACE, lent.receipt, "on purpose"))
        letters = [letter async for letter in one.dead_letters("whole", group="g")]
        told = {letter.payload: (letter.key, letter.headers) for letter in letters}
        equal(expected, told, "dead letters")
        equal(len(sent), await one.redrive("whole", group="g"), "letters redriven")
        await self._settle(pipe, await self._whole(pipe, expected, "redriven"))

    @law("MS-184", "As large a payload as is allowed is whole on every way, also in a dead letter.")
    async def large_messages_stay_whole(self, world: World[Any]) -> None:
        one = Messaging(await world.pipeline(), world.clock)
        pipe, driver = await world.pipeline(), one.pipeline.driver
        payload = self.random.randbytes(min(driver.limits.payload_max_bytes, _LARGE))
        await pipe.send(Subscribe(*_PLACE))
        delay = 0.4 if MessagingFeature.DELAYED in driver.features else None
        await one.publish("whole", payload, key="k", delay_seconds=delay)
        for attempt in range(1, 3):
            lent = await self._large(pipe, payload, f"at attempt {attempt}")
            if attempt == 1:
                await pipe.send(Nack(*_PLACE, lent.receipt))
        await pipe.send(Kill(*_PLACE, lent.receipt, "on purpose"))
        (letter,) = [letter async for letter in one.dead_letters("whole", group="g")]
        that(letter.payload == payload, f"{len(letter.payload)} of {len(payload)} bytes when dead")
        equal(1, await one.redrive("whole", group="g"), "letters redriven")
        lent = await self._large(pipe, payload, "redriven")
        await pipe.send(Ack(*_PLACE, lent.receipt))

    async def _large(self, pipe: Pipe, payload: bytes, when: str) -> Delivery:
        found = await received(pipe, *_PLACE, 1, wait=3.0, lease=_LEASE)
        equal(1, len(found), f"deliveries of a large message {when}")
        size = len(found[0].payload)
        that(found[0].payload == payload, f"{size} of {len(payload)} bytes came {when}")
        return found[0]

    async def _whole(self, pipe: Pipe, expected: Whole, how: str) -> list[Delivery]:
        """All of them, lent; no two have one key, so none waits for another."""
        found: list[Delivery] = []
        told: Whole = {}
        while len(told) < len(expected):
            more = await pipe.send(Receive(*_PLACE, len(expected), 1.5, _LEASE))
            if not more:
                break
            found += more
            told |= {one.payload: (one.key, dict(one.headers)) for one in more}
        equal(sorted(expected), sorted(told), f"payloads, {how}")
        equal(expected, told, f"keys and headers, {how}")
        return found

    async def _settle(self, pipe: Pipe, held: list[Delivery]) -> None:
        for lent in held:
            await pipe.send(Ack(*_PLACE, lent.receipt))

    @law("MS-156", "A message tells when it was published, and a dead one when and why it died.")
    async def stamps_and_reasons_are_told(self, world: World[Any]) -> None:
        one, two = Messaging(await world.pipeline(), world.clock), await world.pipeline()
        await two.send(Subscribe(*_PLACE))
        await one.publish("whole", b"x")
        await world.sleep(_PAUSE)
        (first,) = await two.send(Receive(*_PLACE, 1, 1.0, _LEASE))
        await two.send(Nack(*_PLACE, first.receipt))
        await world.sleep(_PAUSE)
        (again,) = await two.send(Receive(*_PLACE, 1, 1.0, _LEASE))
        equal(first.published_at, again.published_at, "when it was published, told again")
        await two.send(Kill(*_PLACE, again.receipt, _REASON))
        for turn in range(2):
            (letter,) = [letter async for letter in one.dead_letters("whole")]
            equal((_REASON, 2), (letter.reason, letter.attempts), "reason and attempts")
            equal(first.published_at, letter.published_at, "when the dead one was published")
            lived = letter.died_at - letter.published_at
            that(2 * _PAUSE - 1.1 < lived < 2 * _PAUSE + 5.0, f"it died after {lived:.1f} s")
            await world.sleep(_PAUSE if not turn else 0.0)
