"""The laws of outcomes and faults: retries, dead letters, outages, crashes."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.messaging import (
    DeadLetter,
    Message,
    Messaging,
    MessagingFeature,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.driver import Receive, Subscribe
from omnicloud.errors import PublishError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, law
from omnicloud_tck.listening import Listener
from omnicloud_tck.world import World

__all__ = ["HEADERS", "OutcomeLaws", "listener_ready"]

SUCCESS, RETRY, FAIL = ProcessingOutcome.SUCCESS, ProcessingOutcome.RETRY, ProcessingOutcome.FAIL

HEADERS = {"A": "1", "a": "2", "X-Trace-Id": "é🦀", "empty": "", "with space": " v ", "日本": "語"}


class OutcomeLaws(Contract):
    """What becomes of a message that is handled, fails, or outlives its broker."""

    @law("MS-010", "RETRY delivers again with the next attempt's number; SUCCESS ends it.")
    async def retry_then_success(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def second_time(message: Message) -> ProcessingOutcome:
            message.headers["a"] = "changed by the handler"
            return RETRY if message.attempt < 2 else SUCCESS

        consumer = await self.portable(world)
        async with Listener(world, consumer, "again", second_time, max_attempts=2) as listener:
            await listener_ready(world, messaging, "again")
            await messaging.publish("again", b"x", key="k", headers={"a": "1"})
            await listener.exactly(2)
        equal([1, 2], [message.attempt for message in listener.seen], "attempts")
        for message in listener.seen:
            equal((b"x", "k", {"a": "1"}), _whole(message), "each delivery")
        equal(0, len(await _dead(messaging, "again")), "dead letters")

    @law(
        "MS-011",
        "After max_attempts a message is a dead letter, whole, with reason, attempts and origin.",
    )
    async def exhausted_retries_are_dead_letters(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def never(message: Message) -> ProcessingOutcome:
            message.headers.clear()
            if message.attempt == 2:
                raise RuntimeError("secret words")
            return RETRY

        consumer = await self.portable(world)
        async with Listener(world, consumer, "tired", never, max_attempts=3, group="g") as listener:
            await listener_ready(world, messaging, "tired", "g")
            first = await messaging.publish("tired", b"\xff\0", key="k", headers=HEADERS)
            await listener.exactly(3)
            await messaging.publish("tired", b"")
            await listener.exactly(6)
        letters = await _dead(messaging, "tired", 2)
        equal({b"\xff\0", b""}, {letter.payload for letter in letters}, "payloads of dead letters")
        (letter,) = (one for one in letters if one.id == first)
        equal((b"\xff\0", "k", HEADERS), _whole(letter), "the dead letter")
        equal(("tired", "g", 3), (letter.topic, letter.group, letter.attempts), "its origin")
        that(letter.reason, "a dead letter has no reason")
        that("secret" not in letter.reason, "the reason tells the words of the exception")
        that(
            letter.died_at >= letter.published_at - 1, "a dead letter died before it was published"
        )

    @law("MS-012", "FAIL makes a dead letter at once, whatever attempts are left.")
    async def fail_is_a_dead_letter_at_once(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def never(message: Message) -> ProcessingOutcome:
            return FAIL if message.payload == b"bad" else SUCCESS

        consumer = await self.portable(world)
        async with Listener(world, consumer, "fail", never, max_attempts=4) as listener:
            await listener_ready(world, messaging, "fail")
            await messaging.publish("fail", b"bad", key="k", headers={"A": "1"})
            await messaging.publish("fail", b"good", key="k")
            await listener.exactly(2)
        (letter,) = await _dead(messaging, "fail", 1)
        equal((b"bad", "k", {"A": "1"}), _whole(letter), "the dead letter")
        equal(1, letter.attempts, "attempts of the dead letter")

    @law("MS-013", "A handler's exception is a RETRY, and the consumer goes on.")
    async def an_exception_is_a_retry(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def shaky(message: Message) -> ProcessingOutcome:
            if message.attempt == 1 and int(message.payload) % 2:
                raise ValueError("on purpose")
            return SUCCESS

        async with Listener(world, await self.portable(world), "shaky", shaky) as listener:
            await listener_ready(world, messaging, "shaky")
            for number in range(12):
                await messaging.publish("shaky", b"%d" % number)
            await listener.exactly(18)
            await messaging.publish("shaky", b"100")
            await listener.exactly(19)
        equal([], await _dead(messaging, "shaky"), "dead letters")

    @law("MS-014", "Dead letters are listed by group, oldest first, however many there are.")
    async def dead_letters_are_listed(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def never(_: Message) -> ProcessingOutcome:
            return FAIL

        consumer, other = await self.portable(world), await self.portable(world)
        async with (
            Listener(world, consumer, "dead", never, group="g") as listener,
            Listener(world, other, "dead", group="fine") as fine,
        ):
            await listener_ready(world, messaging, "dead", "g", "fine")
            for number in range(130):
                await messaging.publish("dead", b"%d" % number)
            await listener.exactly(130, 15.0)
            await fine.exactly(130, 15.0)
        letters = await _dead(messaging, "dead", 130)
        equal(listener.payloads, [letter.payload for letter in letters], "dead letters in order")
        found = [one async for one in messaging.dead_letters("dead", group="fine")]
        equal([], found, "dead letters of a group that had none")

    @law("MS-015", "Redriving delivers dead letters again, from attempt 1, and removes them.")
    async def redriven_letters_come_again(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        healed = False

        async def for_now(_: Message) -> ProcessingOutcome:
            return SUCCESS if healed else FAIL

        consumer, other = await self.portable(world), await self.portable(world)
        async with (
            Listener(world, consumer, "heal", for_now, group="g") as listener,
            Listener(world, other, "heal", group="fine") as fine,
        ):
            await listener_ready(world, messaging, "heal", "g", "fine")
            ids = [await messaging.publish("heal", b"%d" % n, headers=HEADERS) for n in range(3)]
            await listener.exactly(3)
            healed = True
            equal(1, await messaging.redrive("heal", ids=[ids[1]]), "letters redriven by id")
            await listener.exactly(4)
            equal(0, await messaging.redrive("heal", group="fine"), "letters of the other group")
            equal(2, await messaging.redrive("heal"), "the other letters redriven")
            await listener.exactly(6)
            await fine.exactly(3)
        again = listener.seen[3:]
        equal({(one, 1) for one in ids}, {(m.id, m.attempt) for m in again}, "what came again")
        equal([HEADERS] * 3, [message.headers for message in again], "their headers")
        equal([], await _dead(messaging, "heal"), "dead letters that are left")

    @law(
        "MS-020",
        "With the broker out of reach publish raises PublishError; it works again afterwards.",
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_is_a_publish_error(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("out", "default"))
        await messaging.publish("out", b"before")
        async with world.outage():
            for _ in range(2):
                with refused(PublishError, "publish to a broker that is out of reach"):
                    async with asyncio.timeout(30):
                        await messaging.publish("out", b"during")
        await messaging.publish("out", b"after")
        async with Listener(world, await self.portable(world), "out") as listener:
            await listener.until(2)
            await world.sleep(0.3)
        kept = [payload for payload in listener.payloads if payload != b"during"]
        equal([b"after", b"before"], sorted(kept), "the acknowledged messages")

    @law(
        "MS-021",
        "A consumer outlives the broker's absence and receives again by itself.",
        abilities=[Ability.OUTAGE],
    )
    async def a_consumer_outlives_an_outage(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        async with Listener(world, await self.portable(world), "back") as listener:
            await listener_ready(world, messaging, "back")
            await messaging.publish("back", b"before")
            await listener.exactly(1)
            async with world.outage():
                await world.sleep(1.0)
            await messaging.publish("back", b"after")
            await listener.until(2, 25.0)
        equal([b"before", b"after"], listener.payloads, "what the consumer got")

    @law(
        "MS-022",
        "What was acknowledged survives a crash of the broker: unhandled, handled and dead.",
        needs=[MessagingFeature.DURABLE],
        abilities=[Ability.RESTART],
    )
    async def messages_survive_a_crash(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def some(message: Message) -> ProcessingOutcome:
            return FAIL if message.payload == b"dead" else SUCCESS

        async with Listener(world, await self.portable(world), "crash", some) as listener:
            await listener_ready(world, messaging, "crash")
            await messaging.publish("crash", b"handled")
            await messaging.publish("crash", b"dead")
            await listener.exactly(2)
        for number in range(30):
            await messaging.publish("crash", b"%d" % number, key="k")
        await messaging.pipeline.send(Receive("crash", "default", 1, 1.0, 1.0))
        await world.restart()
        messaging = await self.portable(world)
        async with Listener(world, await self.portable(world), "crash") as again:
            await again.exactly(30, 10.0)
        equal({b"%d" % n for n in range(30)}, set(again.payloads), "what came after the crash")
        equal([b"dead"], [one.payload for one in await _dead(messaging, "crash")], "dead letters")


async def listener_ready(world: World[Any], messaging: Messaging, topic: str, *groups: str) -> None:
    """Make sure that the groups exist, so that what is published now reaches them."""
    for group in groups or ("default",):
        await messaging.pipeline.send(Subscribe(topic, group))


def _whole(message: Message | DeadLetter) -> tuple[bytes, str | None, dict[str, str]]:
    return message.payload, message.key, message.headers


async def _dead(messaging: Messaging, topic: str, count: int = 0) -> list[DeadLetter]:
    letters = [letter async for letter in messaging.dead_letters(topic)]
    equal(count or len(letters), len(letters), "dead letters")
    return letters
