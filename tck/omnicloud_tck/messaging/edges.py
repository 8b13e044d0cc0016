"""The laws of messages at their edges: names, limits, receipts, groups and topics apart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from omnicloud.contracts.messaging import Message, Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Extend, Kill, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["EdgeLaws", "taken"]

_ALIKE = ("k", "k ", "K", "\u00e9", "e\u0301", "k\0", "\uff4b", "k:", "None")
_LETTERS = 130  # more than a page
_LEASE = 20.0


class EdgeLaws(Contract):
    """What is apart stays apart, and a request says exactly what it says."""

    async def _sent(self, world: World[Any], place: tuple[str, str], *payloads: bytes) -> Messaging:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe(*place))
        for payload in payloads:
            await messaging.publish(place[0], payload)
        return messaging

    @law(
        "MS-120",
        "Of a batch each unknown id is delivered once, whatever ids beside it are known.",
        needs=[MessagingFeature.BATCH, MessagingFeature.DEDUPE],
    )
    async def batches_know_each_id(self, world: World[Any]) -> None:
        one = await self._sent(world, ("ids", "g"))
        await one.publish("ids", b"a", message_id="a")
        batch = [Message(name.encode(), id=name) for name in ("b", "a", "c", "b")]
        await one.publish_many("ids", batch)
        found = await taken(one, "ids", "g", 4)
        equal(["a", "b", "c"], sorted(message.id for message in found), "ids delivered")

    @law("MS-121", "Keys arrive as they were given, and groups of like names are groups apart.")
    async def alike_is_not_the_same(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        for group in _ALIKE:
            await _answer(one, Subscribe("alike", group))
        for key in _ALIKE:
            await one.publish("alike", key.encode(), key=key)
        for group in _ALIKE:
            found = await taken(one, "alike", group, len(_ALIKE))
            keys = {message.payload: message.key for message in found}
            equal({key.encode(): key for key in _ALIKE}, keys, f"keys in group {group!r}")

    @law("MS-122", "Dead letters belong to their topic and group, however the names are cut.")
    async def dead_letters_have_one_place(self, world: World[Any]) -> None:
        for cut in (":", "/", ".", "-", "_", "|", "\0"):
            one = await self._sent(world, (f"a{cut}b", "c"), b"x")
            await _answer(one, Subscribe("a", f"b{cut}c"))
            (lent,) = await taken(one, f"a{cut}b", "c", 1)
            await _answer(one, Kill(f"a{cut}b", "c", lent.receipt, "on purpose"))
            other = [letter.id async for letter in one.dead_letters("a", group=f"b{cut}c")]
            equal([], other, f"dead letters of another topic and group, cut by {cut!r}")
            own = [letter.id async for letter in one.dead_letters(f"a{cut}b", group="c")]
            equal([lent.id], own, "dead letters of the topic and group")
            equal([], [letter.id async for letter in one.dead_letters("a")], "of another topic")
            equal(0, await one.redrive("a"), "letters redriven of another topic")

    @law("MS-123", "A payload of exactly payload_max_bytes is taken and arrives whole.")
    async def the_limit_itself_is_taken(self, world: World[Any]) -> None:
        one = await self._sent(world, ("limit", "g"))
        payload = b"\x00\xff" * (one.pipeline.driver.limits.payload_max_bytes // 2)
        await one.publish("limit", payload)
        (found,) = await taken(one, "limit", "g", 1)
        that(found.payload == payload, "a payload of the limit did not arrive whole")

    @law("MS-124", "Each dead letter is listed, also while those listed before are redriven.")
    async def redriving_moves_no_page(self, world: World[Any]) -> None:
        payloads = [b"%d" % number for number in range(_LETTERS)]
        one = await self._sent(world, ("pages", "g"), *payloads)
        for lent in await taken(one, "pages", "g", _LETTERS):
            await _answer(one, Kill("pages", "g", lent.receipt, "on purpose"))
        seen: list[str] = []
        async for letter in one.dead_letters("pages", group="g"):
            seen.append(letter.id)
            if len(seen) % 10 == 1:
                equal(1, await one.redrive("pages", group="g", ids=[letter.id]), "redriven")
        equal((_LETTERS, _LETTERS), (len(seen), len(set(seen))), "dead letters listed, and unlike")

    @law("MS-125", "An extension counts from now, whether it prolongs or shortens.")
    async def extensions_count_from_now(self, world: World[Any]) -> None:
        one = await self._sent(world, ("extend", "g"), b"x")
        (lent,) = await taken(one, "extend", "g", 1)
        await _answer(one, Extend("extend", "g", (lent.receipt,), 0.5))
        found = await taken(one, "extend", "g", 1, wait=2.0)
        equal([lent.id], [again.id for again in found], "delivered after the shorter lease")

    @law("MS-126", "What is given back waits its delay, whether or not it was an attempt.")
    async def uncounted_waits_as_well(self, world: World[Any]) -> None:
        one = await self._sent(world, ("back", "g"), b"x")
        for count in (False, True):
            (lent,) = await taken(one, "back", "g", 1)
            await _answer(one, Nack("back", "g", lent.receipt, 0.8, count))
            early = await _answer(one, Receive("back", "g", 1, 0.4, _LEASE))
            equal((), early, f"before its delay, with count={count}")
            await world.sleep(0.6)

    @law(
        "MS-127",
        "When its lease has ended a receipt settles nothing, also while nobody else has it.",
        rung=Rung.RESILIENCE,
    )
    async def ended_receipts_settle_nothing(self, world: World[Any]) -> None:
        one = await self._sent(world, ("ended", "g"), b"x")
        for settle in (Ack, Nack, _late_kill):
            (lent,) = await _answer(one, Receive("ended", "g", 1, 1.0, 0.4))
            await world.sleep(0.7)
            op: Any = settle("ended", "g", lent.receipt)
            equal(False, await _answer(one, op), f"{op.name} after the lease")
        (lent,) = await taken(one, "ended", "g", 1)
        that(lent.attempt == 4, f"attempt {lent.attempt} after three leases that ended")

    @law(
        "MS-128",
        "Of receivers that wait at once each message is lent to one.",
        rung=Rung.CONCURRENCY,
    )
    async def waiters_share(self, world: World[Any]) -> None:
        one = await self._sent(world, ("waiters", "g"))
        clients = [await self.portable(world) for _ in range(3)]
        op = Receive("waiters", "g", 5, 1.5, _LEASE)
        waiting = [asyncio.ensure_future(c.pipeline.send(op)) for c in clients * 2]
        await world.sleep(0.3)
        for number in range(4):
            await one.publish("waiters", b"%d" % number)
        lent = [message.id for found in await asyncio.gather(*waiting) for message in found]
        equal((4, 4), (len(lent), len(set(lent))), "messages lent, and unlike ones")

    @law("MS-129", "Redriving moves the letters of that group alone, behind what waits there.")
    async def redriving_keeps_to_its_group(self, world: World[Any]) -> None:
        one = await self._sent(world, ("redrive", "g"))
        await _answer(one, Subscribe("redrive", "h"))
        name = await one.publish("redrive", b"dead", "k")
        for group in ("g", "h"):
            (lent,) = await taken(one, "redrive", group, 1)
            await _answer(one, Kill("redrive", group, lent.receipt, "on purpose"))
        depths = [await one.depth("redrive", group) for group in ("g", "h")]
        equal([1, 1], [depth.dead for depth in depths], "dead letters of each group")
        await one.publish("redrive", b"waits", "k")
        equal(1, await one.redrive("redrive", group="g", ids=[name]), "letters moved")
        found: list[bytes] = []
        for _ in range(2):  # of one key, which has an order: one after the other
            (lent,) = await taken(one, "redrive", "g", 1)
            found.append(lent.payload)
            await _answer(one, Ack("redrive", "g", lent.receipt))
        if MessagingFeature.ORDERED not in one.pipeline.driver.features:
            found.sort(reverse=True)
        equal([b"waits", b"dead"], found, "delivered to that group")
        equal(1, (await one.depth("redrive", "h")).dead, "dead letters of the other group")

    @law(
        "MS-130",
        "Replay begins at the very moment given, and leaves what the group has before it.",
        needs=[MessagingFeature.REPLAY],
    )
    async def replay_leaves_what_waits(self, world: World[Any]) -> None:
        one = await self._sent(world, ("replay", "g"), b"x", b"y")
        done, waits = await taken(one, "replay", "g", 2)
        since = min(done.published_at, waits.published_at)
        await _answer(one, Ack("replay", "g", done.receipt))
        await _answer(one, Nack("replay", "g", waits.receipt, 0.5))
        equal(1, await one.replay("replay", "g", since=since), "messages that come back")
        await world.sleep(0.6)
        found = {m.id: m.attempt for m in await taken(one, "replay", "g", 2)}
        equal({done.id: 1, waits.id: 2}, found, "attempts after the replay")

    @law(
        "MS-131",
        "An id that one topic knows is new to another, and so to another tenant.",
        needs=[MessagingFeature.DEDUPE],
        rung=Rung.TRUST,
    )
    async def ids_belong_to_a_topic(self, world: World[Any]) -> None:
        one = await self._sent(world, ("ids-1", "g"))
        await _answer(one, Subscribe("ids-2", "g"))
        for topic in ("ids-1", "ids-2"):
            await one.publish(topic, b"x", message_id="same")
            equal(1, len(await taken(one, topic, "g", 1)), f"messages in {topic}")

    @law(
        "MS-132",
        "While the broker is away receiving and settling are errors, never empty answers.",
        abilities=[Ability.OUTAGE],
    )
    async def outages_are_errors(self, world: World[Any]) -> None:
        one = await self._sent(world, ("away", "g"), b"x", b"y")
        lent, _ = await taken(one, "away", "g", 2)
        async with world.outage():
            await fails(_answer(one, Receive("away", "g", 1, 0.2, _LEASE)), "receiving")
            await fails(_answer(one, Ack("away", "g", lent.receipt)), "acknowledging")
            await fails(one.depth("away", "g"), "measuring")

    @law(
        "MS-134",
        "A batch whose publishing is cancelled is delivered whole or not at all.",
        needs=[MessagingFeature.BATCH],
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_batches_are_whole(self, world: World[Any]) -> None:
        one = await self._sent(world, ("cancelled", "g"))
        for turns in range(16):
            batch = [Message(b"%d" % number) for number in range(6)]
            task = asyncio.ensure_future(one.publish_many("cancelled", batch))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            await world.sleep(0.1)
            found = await taken(one, "cancelled", "g", 6, wait=0.2)
            that(len(found) in (0, 6), f"{len(found)} of a batch of 6 after {turns} turns")
            for lent in found:
                await _answer(one, Ack("cancelled", "g", lent.receipt))

    @law("MS-135", "No payload is logged, whatever becomes of its message.", rung=Rung.TRUST)
    async def payloads_are_not_logged(self, world: World[Any]) -> None:
        told = _Told()
        root, level = logging.getLogger(), logging.getLogger().level
        root.addHandler(told)
        root.setLevel(logging.DEBUG)
        try:
            one = await self._sent(world, ("told", "g"), *[b"s3cr3t-payload"] * 3)
            first, second, third = await taken(one, "told", "g", 3)
            await _answer(one, Kill("told", "g", first.receipt, "on purpose"))
            await _answer(one, Nack("told", "g", second.receipt, 0.1))
            await _answer(one, Ack("told", "g", third.receipt))
            await one.redrive("told", group="g")
        finally:
            root.removeHandler(told)
            root.setLevel(level)
        that("s3cr3t-payload" not in told.text, "a payload was logged")


def _late_kill(topic: str, group: str, receipt: str) -> Kill:
    return Kill(topic, group, receipt, "late")


class _Told(logging.Handler):
    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage()


async def taken(
    messaging: Messaging,
    topic: str,
    group: str,
    count: int,
    *,
    wait: float = 0.5,
    lease: float = _LEASE,
) -> list[Delivery]:
    """At most ``count`` messages, lent for long; fewer when no more come."""
    pipe = messaging.pipeline
    return await received(pipe, topic, group, count, wait=wait, lease=lease, until=count)


async def fails(call: Awaitable[object], about: str) -> None:
    """Break the law unless the call says that the broker does not answer."""
    try:
        await call
    except (UnavailableError, DeadlineExceededError):
        return
    that(False, f"{about} during an outage was answered")


async def _answer(messaging: Messaging, op: Any) -> Any:
    return await messaging.pipeline.send(op)
