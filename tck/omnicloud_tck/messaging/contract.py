"""The laws of the messaging contract: what is published, delivered, and given up."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.messaging import (
    Message,
    Messaging,
    MessagingFeature,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.driver import Ack, Nack, Receive, Subscribe
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.law import Rung, law
from omnicloud_tck.listening import Listener
from omnicloud_tck.messaging.crowds import CrowdLaws
from omnicloud_tck.messaging.delays import DelayLaws
from omnicloud_tck.messaging.dues import DueLaws
from omnicloud_tck.messaging.edges import EdgeLaws
from omnicloud_tck.messaging.fractions import FractionLaws
from omnicloud_tck.messaging.hands import HandLaws
from omnicloud_tck.messaging.headed import HeadedLaws
from omnicloud_tck.messaging.histories import MessagingHistories
from omnicloud_tck.messaging.interrupted import InterruptionLaws
from omnicloud_tck.messaging.joined import JoinedLaws
from omnicloud_tck.messaging.lasting import LastingLaws
from omnicloud_tck.messaging.loans import LoanLaws
from omnicloud_tck.messaging.once import OnceLaws
from omnicloud_tck.messaging.outcomes import HEADERS, OutcomeLaws, listener_ready
from omnicloud_tck.messaging.programs import MessagingPrograms
from omnicloud_tck.messaging.repeats import RepeatLaws
from omnicloud_tck.messaging.retries import RetryLaws
from omnicloud_tck.messaging.returns import ReturnLaws
from omnicloud_tck.messaging.stamps import StampLaws
from omnicloud_tck.messaging.strangers import MessagingStrangers
from omnicloud_tck.messaging.tenants import ApartLaws
from omnicloud_tck.messaging.wakings import WakingLaws
from omnicloud_tck.messaging.wholes import WholesLaws
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.world import World

__all__ = ["MessagingContract"]

SUCCESS, RETRY = ProcessingOutcome.SUCCESS, ProcessingOutcome.RETRY

_GROUP = "kept"


class MessagingContract(
    OutcomeLaws,
    LoanLaws,
    DelayLaws,
    EdgeLaws,
    DueLaws,
    RetryLaws,
    WholesLaws,
    HandLaws,
    InterruptionLaws,
    JoinedLaws,
    OnceLaws,
    CrowdLaws,
    ReturnLaws,
    LastingLaws,
    FractionLaws,
    HeadedLaws,
    RepeatLaws,
    MessagingHistories,
    MessagingPrograms,
    MessagingStrangers,
    StampLaws,
    WakingLaws,
    Silences,
    ApartLaws,
):
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

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.payload_max_bytes
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    # Delivery

    @law(
        "MS-001",
        "A message arrives whole: payload byte for byte, key or None, every header.",
        rung=Rung.SHAPE,
    )
    async def messages_arrive_whole(self, world: World[Any]) -> None:
        messaging = await self.portable(world)
        payloads = self.payloads(messaging.pipeline)
        sent: dict[str, tuple[bytes, str | None, dict[str, str]]] = {}
        async with Listener(world, await self.portable(world), "whole") as listener:
            await listener_ready(world, messaging, "whole")
            for number, payload in enumerate(payloads):
                key = (None, "k", "None", "K/é")[number % 4]
                headers = {} if number % 3 == 0 else {**HEADERS, f"own-{number}": "x"}
                message_id = await messaging.publish("whole", payload, key=key, headers=headers)
                sent[message_id] = (payload, key, headers)
            await listener.exactly(len(sent))
        equal(len(payloads), len(sent), "unlike ids of published messages")
        for message in listener.seen:
            that(message.id in sent, "a message arrived with an id that publish did not return")
            payload, key, headers = sent[message.id]
            equal(payload, message.payload, "payload")
            equal(key, message.key, "key")
            equal(headers, message.headers, "headers")
            equal(("whole", 1), (message.topic, message.attempt), "topic and attempt")

    @law(
        "MS-002",
        "Every published message is delivered, and without a failure once.",
        rung=Rung.SHAPE,
    )
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

    @law(
        "MS-003",
        "A large payload arrives whole; one over payload_max_bytes is refused.",
        rung=Rung.SHAPE,
    )
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

    @law(
        "MS-004",
        "A group that subscribed gets what is published before it receives.",
        rung=Rung.SHAPE,
    )
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

    @law(
        "MS-005",
        "Two groups both get every message; consumers of one group share them.",
        rung=Rung.CONCURRENCY,
    )
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
        rung=Rung.CONCURRENCY,
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
        rung=Rung.CONCURRENCY,
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

    @law("MS-009", "A slow key does not block another one.", rung=Rung.CONCURRENCY)
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
