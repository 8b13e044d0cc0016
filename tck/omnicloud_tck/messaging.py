"""The laws of the messaging contract: what is published, delivered, and given up."""

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
from omnicloud.contracts.messaging.driver import Ack, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import InvalidArgumentError, PublishError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general import Kept, Pipe
from omnicloud_tck.law import Ability, law
from omnicloud_tck.listening import Listener
from omnicloud_tck.messaging_delays import DelayLaws
from omnicloud_tck.messaging_loans import LoanLaws
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.world import World

__all__ = ["MessagingContract"]

SUCCESS, RETRY, FAIL = ProcessingOutcome.SUCCESS, ProcessingOutcome.RETRY, ProcessingOutcome.FAIL

_GROUP = "kept"
_HEADERS = {"A": "1", "a": "2", "X-Trace-Id": "é🦀", "empty": "", "with space": " v ", "日本": "語"}


class MessagingContract(LoanLaws, DelayLaws, Kept):
    """Every promise of ``Messaging``."""

    contract = "messaging"

    async def portable(self, world: World[Any]) -> Messaging:
        return Messaging(await world.pipeline(), world.clock)

    # Names, tenants, seals: a topic keeps its newest message for a group that never settles it.

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await pipeline.send(Subscribe(name, _GROUP))
        for old in await pipeline.send(Receive(name, _GROUP, 100, 0.0, 5.0)):
            await pipeline.send(Ack(name, _GROUP, old.receipt))
        await Messaging(pipeline).publish(name, payload)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        await pipeline.send(Subscribe(name, _GROUP))
        found: tuple[Delivery, ...] = await pipeline.send(Receive(name, _GROUP, 100, 0.2, 5.0))
        for one in found:
            await pipeline.send(Nack(name, _GROUP, one.receipt, count=False))
        return max(found, key=lambda one: one.published_at).payload if found else None

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await pipeline.send(Subscribe(name, _GROUP))
        for old in await pipeline.send(Receive(name, _GROUP, 100, 0.0, 5.0)):
            await pipeline.send(Ack(name, _GROUP, old.receipt))

    # Delivery

    @law("MS-001", "A message arrives whole: payload byte for byte, key or None, every header.")
    async def messages_arrive_whole(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        sent: dict[str, tuple[bytes, str | None, dict[str, str]]] = {}
        async with Listener(world, await self.portable(world), "whole") as listener:
            await listener_ready(world, messaging, "whole")
            for number, payload in enumerate(PAYLOADS):
                key = (None, "k", "None", "K/é")[number % 4]
                headers = {} if number % 3 == 0 else {**_HEADERS, f"own-{number}": "x"}
                message_id = await messaging.publish("whole", payload, key=key, headers=headers)
                sent[message_id] = (payload, key, headers)
            await listener.exactly(len(sent))
        equal(len(PAYLOADS), len(sent), "unlike ids of published messages")
        for message in listener.seen:
            that(message.id in sent, "a message arrived with an id that publish did not return")
            payload, key, headers = sent[message.id]
            equal(payload, message.payload, "payload")
            equal(key, message.key, "key")
            equal(headers, message.headers, "headers")
            equal(("whole", 1), (message.topic, message.attempt), "topic and attempt")

    @law("MS-002", "Every published message is delivered, and without a failure once.")
    async def each_is_delivered_once(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        listener = Listener(world, await self.portable(world), "many", concurrency=8)
        async with listener:
            await listener_ready(world, messaging, "many")
            for number in range(150):
                await messaging.publish("many", b"same", headers={"n": str(number)})
            await asyncio.gather(
                *(
                    messaging.publish("many", b"same", headers={"n": str(n)})
                    for n in range(150, 220)
                )
            )
            await listener.exactly(220, 20.0)
        numbers = sorted(int(message.headers["n"]) for message in listener.seen)
        equal(list(range(220)), numbers, "the messages delivered")

    @law("MS-003", "A large payload arrives whole; one over payload_max_bytes is refused.")
    async def the_payload_limit_is_true(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        limit = messaging.pipeline.driver.limits.payload_max_bytes
        size = min(limit, 2 << 20)
        large = bytes(range(256)) * (size // 256)
        async with Listener(world, await self.portable(world), "large") as listener:
            await listener_ready(world, messaging, "large")
            await messaging.publish("large", large)
            await listener.exactly(1)
            that(listener.payloads == [large], f"a payload of {len(large)} bytes came changed")
            with refused(InvalidArgumentError, "a payload over the limit"):
                await messaging.publish("large", b"x" * (limit + 1))
            await listener.exactly(1)

    @law("MS-004", "A group that subscribed gets what is published before it receives.")
    async def subscribed_is_enough(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("early", "default"))
        await messaging.pipeline.send(Subscribe("early", "default"))
        await messaging.publish("early", b"first")
        await messaging.pipeline.send(Subscribe("early", "default"))
        await world.sleep(0.3)
        async with Listener(world, await self.portable(world), "early") as listener:
            await listener.exactly(1)
        await messaging.publish("early", b"while nobody listens")
        async with Listener(world, await self.portable(world), "early") as again:
            await again.exactly(1)
        equal([b"while nobody listens"], again.payloads, "what came after the pause")

    @law("MS-005", "Two groups both get every message; consumers of one group share them.")
    async def groups_share_and_groups_get_all(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        three = await self.portable(world)

        async def slowly(_: Message) -> ProcessingOutcome:
            await world.sleep(0.01)
            return SUCCESS

        async with (
            Listener(world, one, "shared", slowly, group="g") as first,
            Listener(world, two, "shared", slowly, group="g") as second,
            Listener(world, three, "shared", group="G") as other,
        ):
            await listener_ready(world, one, "shared", "g", "G")
            for number in range(40):
                await one.publish("shared", b"%d" % number)
            await other.exactly(40)
            await world.sleep(1.0)
        expected = sorted(b"%d" % number for number in range(40))
        equal(expected, sorted(other.payloads), "what the other group got")
        equal(expected, sorted(first.payloads + second.payloads), "what the group's two got")
        that(first.payloads and second.payloads, "one of the group's two consumers got nothing")

    @law("MS-006", "Topics do not mix, nor do messages of one topic displace each other's.")
    async def topics_do_not_mix(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        topics = ("t", "T", "t/", "t.dead", "t/default", "t-retry")
        for topic in topics:
            await messaging.pipeline.send(Subscribe(topic, "default"))
            await messaging.publish(topic, topic.encode(), key="k")
        for topic in topics:
            async with Listener(world, await self.portable(world), topic) as listener:
                await listener.exactly(1, quiet=0.1)
            equal([topic.encode()], listener.payloads, f"messages of topic {topic!r}")

    @law(
        "MS-007",
        "Messages of one key arrive in the order of publishing, also with concurrency.",
        needs=[MessagingFeature.ORDERED],
    )
    async def keys_keep_their_order(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def uneven(message: Message) -> ProcessingOutcome:
            await world.sleep(0.02 if int(message.payload) % 3 == 0 else 0.0)
            return SUCCESS

        two = [
            Listener(world, await self.portable(world), "order", uneven, concurrency=8, prefetch=4)
            for _ in range(2)
        ]
        both: list[Message] = []
        async with two[0] as one, two[1] as other:
            one.seen = other.seen = both
            await listener_ready(world, messaging, "order")
            for number in range(90):
                await messaging.publish("order", b"%d" % number, key=f"key-{number % 5}")
            await one.exactly(90, 15.0)
        for key in range(5):
            numbers = [int(m.payload) for m in both if m.key == f"key-{key}"]
            equal(list(range(key, 90, 5)), numbers, f"order of key {key}")

    @law(
        "MS-008",
        "A message that is tried again holds back its own key, so that nothing overtakes it.",
        needs=[MessagingFeature.ORDERED],
    )
    async def nothing_overtakes_a_retry(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def third_time(message: Message) -> ProcessingOutcome:
            return RETRY if message.payload == b"a0" and message.attempt < 3 else SUCCESS

        listener = Listener(
            world, await self.portable(world), "retry", third_time, concurrency=4, backoff=0.3
        )
        async with listener:
            await listener_ready(world, messaging, "retry")
            for number in range(4):
                await messaging.publish("retry", b"a%d" % number, key="a")
                await messaging.publish("retry", b"b%d" % number, key="b")
            await listener.exactly(10)
        of_a = [p for p in listener.payloads if p.startswith(b"a")]
        equal([b"a0", b"a0", b"a0", b"a1", b"a2", b"a3"], of_a, "deliveries of the key")
        late = listener.payloads.index(b"b3") > listener.payloads.index(b"a1")
        that(not late, "another key had to wait for the one that was tried again")

    @law("MS-009", "A slow key does not block another one.")
    async def a_slow_key_blocks_no_other(self, world: World[Any]) -> None:
        messaging = await self.portable(world)

        async def slow(message: Message) -> ProcessingOutcome:
            await world.sleep(1.5 if message.key == "slow" else 0.0)
            return SUCCESS

        listener = Listener(world, await self.portable(world), "slow", slow, concurrency=2)
        async with listener:
            await listener_ready(world, messaging, "slow")
            for number in range(10):
                if number == 0:
                    await messaging.publish("slow", b"s", key="slow")
                await messaging.publish("slow", b"%d" % number, key=f"fast-{number % 2}")
            await listener.until(11, 1.2)

    # Outcomes

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
            first = await messaging.publish("tired", b"\xff\0", key="k", headers=_HEADERS)
            await listener.exactly(3)
            await messaging.publish("tired", b"")
            await listener.exactly(6)
        letters = await _dead(messaging, "tired", 2)
        equal({b"\xff\0", b""}, {letter.payload for letter in letters}, "payloads of dead letters")
        (letter,) = (one for one in letters if one.id == first)
        equal((b"\xff\0", "k", _HEADERS), _whole(letter), "the dead letter")
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
            ids = [await messaging.publish("heal", b"%d" % n, headers=_HEADERS) for n in range(3)]
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
        equal([_HEADERS] * 3, [message.headers for message in again], "their headers")
        equal([], await _dead(messaging, "heal"), "dead letters that are left")

    # Faults

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
