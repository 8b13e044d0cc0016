"""The laws of time and identity: delays, cancelling, batches, known ids, replaying."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Message, Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Nack, Publish, Subscribe
from omnicloud.contracts.messaging.models import WEEK, Outgoing
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Level, law
from omnicloud_tck.listening import Listener
from omnicloud_tck.messaging.receiving import received
from omnicloud_tck.world import World

__all__ = ["DelayLaws"]

_DELAYED = [MessagingFeature.DELAYED]
_EARLY = 0.01  # seconds that clocks of two places may differ
_LATE = 1.0
_LONG = (950.0, 14 * 3600.0, 40 * 3600.0, 6.5 * 86_400.0)  # seconds
_REAL_LONG = (2.5,)


class DelayLaws(Contract):
    """Features beyond plain delivery."""

    async def _delivered(
        self, world: World[Any], delays: tuple[float | None, ...], *, step: float = 0.0
    ) -> list[tuple[float, float]]:
        """The delay that each message was given, and the seconds after which it came."""
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("delays", "default"))
        sent: dict[str, tuple[float, float]] = {}
        async with Listener(world, await self.portable(world), "delays") as listener:
            for number, delay in enumerate(delays):
                now = world.clock.monotonic()
                headers = {"N": str(number)}
                message_id = await messaging.publish(
                    "delays", b"same", key=f"k-{number}", headers=headers, delay_seconds=delay
                )
                sent[message_id] = (delay or 0.0, now)
            if step:
                world.step_wall(step)
            longest = max(delay or 0.0 for delay in delays)
            await listener.exactly(len(delays), longest + 2.0, quiet=0.2)
        numbers = [(m.headers.get("N"), m.key) for m in listener.seen]
        expected = {(str(number), f"k-{number}") for number in range(len(delays))}
        equal(expected, set(numbers), "headers and keys of delayed messages")
        came = dict(zip((m.id for m in listener.seen), listener.times, strict=True))
        return [(delay, came[one] - start) for one, (delay, start) in sent.items()]

    @law("MS-050", "A delay is kept: never early, at most a second late.", needs=_DELAYED)
    async def delays_are_kept(self, world: World[Any]) -> None:
        for delay, waited in await self._delivered(world, (2.9, 0.5, 0.0, None, 1.2, 0.5, 0.05)):
            that(waited >= delay - _EARLY, f"a delay of {delay} s took only {waited:.2f} s")
            that(waited <= delay + _LATE, f"a delay of {delay} s took {waited:.2f} s")

    @law(
        "MS-051",
        "A delayed message is at most a quarter of a second late.",
        needs=_DELAYED,
        level=Level.SHOULD,
    )
    async def delays_are_kept_well(self, world: World[Any]) -> None:
        # A busy machine is late at times, whoever delivers; one that is late by itself always is.
        best: dict[float | None, float] = {}
        for _ in range(5):
            for delay, took in await self._delivered(world, (1.1, 0.3, 0.7, 0.0, 0.45)):
                best[delay] = min(took, best.get(delay, took))
            if all(took <= (delay or 0.0) + 0.25 for delay, took in best.items()):
                return
        that(False, f"delays took at best {best}")

    @law(
        "MS-052",
        "A step of the wall clock delivers nothing early and nothing late.",
        needs=_DELAYED,
        abilities=[Ability.STEP_WALL],
    )
    async def a_clock_step_moves_no_delay(self, world: World[Any]) -> None:
        for step in (-7200.0, 7200.0):
            for delay, waited in await self._delivered(world, (1.0, 2.0), step=step):
                that(waited >= delay - _EARLY, f"{delay} s took {waited:.2f} s after a step")
                that(waited <= delay + _LATE, f"{delay} s took {waited:.2f} s after a step")

    @law(
        "MS-210",
        "A message that is given back for a time comes after it, and not before (tried with days "
        "where time is virtual).",
        patience=1e8,
    )
    async def what_is_put_off_for_days_waits(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await pipe.send(Subscribe("t", "g"))
        near = 20.0 if world.virtual else 1.2
        for number, seconds in enumerate(_LONG if world.virtual else _REAL_LONG):
            await pipe.send(Publish("t", (Outgoing(f"put off {number}", b"x"),)))
            (lent,) = await received(pipe, "t", "g", 1, wait=5.0, lease=60.0)
            given_back: bool = await pipe.send(Nack("t", "g", lent.receipt, seconds))
            that(given_back, "what was lent could not be given back")
            await world.sleep(seconds - near)
            early = await received(pipe, "t", "g", 1, wait=0.5, lease=60.0)
            equal([], early, f"what comes {near:g} s before {seconds:g} s are over")
            await world.sleep(near)
            came = await received(pipe, "t", "g", 1, wait=5.0, lease=60.0)
            equal([lent.id], [one.id for one in came], f"what comes after {seconds:g} s")
            await pipe.send(Ack("t", "g", came[0].receipt))

    @law(
        "MS-053",
        "Scheduled messages survive a crash of the broker and come on time.",
        needs=[MessagingFeature.DELAYED, MessagingFeature.DURABLE],
        abilities=[Ability.RESTART],
    )
    async def delays_survive_a_crash(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("later", "default"))
        start = world.clock.monotonic()
        await messaging.publish("later", b"x", headers={"A": "1"}, delay_seconds=2.0)
        await messaging.publish("later", b"y", delay_seconds=0.1)
        await world.restart()
        back = world.clock.monotonic() - start
        async with Listener(world, await self.portable(world), "later") as listener:
            await listener.exactly(2, 5.0)
        # What was due while there was no broker comes in any order.
        came = listener.payloads if back < 2.0 - _LATE else sorted(listener.payloads)[::-1]
        equal([b"y", b"x"], came, "what came after the crash")
        later = listener.payloads.index(b"x")
        equal({"A": "1"}, listener.seen[later].headers, "its headers")
        waited = listener.times[later] - start
        latest = max(2.0, back) + _LATE  # a broker that was not there delivers once it is
        that(2.0 - _EARLY <= waited <= latest, f"a delay of 2 s took {waited:.2f} s")

    @law(
        "MS-054",
        "Delays of up to seven days are taken, longer and negative ones refused.",
        needs=_DELAYED,
    )
    async def a_week_is_taken(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        async with Listener(world, await self.portable(world), "week") as listener:
            for delay in (WEEK, 86400.0, 3600.0):
                await messaging.publish("week", b"x", delay_seconds=delay)
            for delay in (WEEK + 1, -1.0, float("nan")):
                with refused(InvalidArgumentError, f"a delay of {delay} s"):
                    await messaging.publish("week", b"x", delay_seconds=delay)
            equal(3, (await messaging.depth("week")).scheduled, "scheduled messages")
            await listener.exactly(0, quiet=0.5)

    @law(
        "MS-055",
        "Delayed messages come in the order in which they are due, one key's as well.",
        needs=_DELAYED,
    )
    async def due_is_the_order(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("due", "default"))
        for delay in (1.4, 0.6, 1.0):
            await messaging.publish("due", str(delay).encode(), key="k", delay_seconds=delay)
        await messaging.publish("due", b"now", key="k")
        async with Listener(world, await self.portable(world), "due") as listener:
            await listener.exactly(4, 4.0, quiet=0.1)
        equal([b"now", b"0.6", b"1.0", b"1.4"], listener.payloads, "order of delivery")

    @law(
        "MS-056",
        "A cancelled message is not delivered, and its neighbours are.",
        needs=[MessagingFeature.DELAYED, MessagingFeature.CANCEL],
    )
    async def cancelled_messages_do_not_come(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        other: Messaging = await self.portable(world)
        async with Listener(world, await self.portable(world), "cancel") as listener:
            await messaging.pipeline.send(Subscribe("cancel", "default"))
            ids = [await messaging.publish("cancel", b"same", delay_seconds=0.8) for _ in range(3)]
            equal(False, await other.cancel("elsewhere", ids[1]), "cancel in another topic")
            equal(True, await other.cancel("cancel", ids[1]), "cancel")
            equal(False, await other.cancel("cancel", ids[1]), "cancel twice")
            equal(False, await other.cancel("cancel", "unknown"), "cancel of an unknown one")
            await listener.exactly(2, 3.0, quiet=1.0)
            equal(False, await other.cancel("cancel", ids[0]), "cancel of a delivered one")
        equal({ids[0], ids[2]}, {message.id for message in listener.seen}, "what came")

    @law(
        "MS-060",
        "A batch is delivered whole, each key in order, without another publish pushing it.",
        needs=[MessagingFeature.BATCH],
    )
    async def batches_arrive_whole(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("batch", "default"))
        expected: list[bytes] = []
        async with Listener(world, await self.portable(world), "batch") as listener:
            for turn, wanted in enumerate((1, 3, 10, 101, 7)):
                size = min(wanted, messaging.pipeline.driver.limits.batch_max_items)
                batch = [
                    Message(b"%d-%d" % (turn, n), key="k", headers={"N": str(n)})
                    for n in range(size)
                ]
                ids = await messaging.publish_many("batch", batch)
                equal(size, len(set(ids)), "ids of a batch")
                expected += [one.payload for one in batch]
                await listener.exactly(len(expected), 5.0, quiet=0.05)
        if MessagingFeature.ORDERED in messaging.pipeline.driver.features:
            equal(expected, listener.payloads, "what came")
        equal(sorted(expected), sorted(listener.payloads), "what came")
        numbers = {(m.payload.split(b"-")[1].decode(), m.headers["N"]) for m in listener.seen}
        that(all(one == other for one, other in numbers), "headers went to another message")

    @law(
        "MS-061",
        "A batch over a limit is refused, and nothing of it delivered.",
        needs=[MessagingFeature.BATCH],
    )
    async def batches_are_all_or_nothing(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        await messaging.pipeline.send(Subscribe("none", "default"))
        limits = messaging.pipeline.driver.limits
        large = Message(b"x" * (limits.payload_max_bytes + 1))
        with refused(InvalidArgumentError, "a batch with a payload over the limit"):
            await messaging.publish_many("none", [Message(b"fine"), large])
        with refused(InvalidArgumentError, "a batch over batch_max_items"):
            await messaging.publish_many("none", [Message(b"x")] * (limits.batch_max_items + 1))
        async with Listener(world, await self.portable(world), "none") as listener:
            await listener.exactly(0, quiet=0.5)

    @law(
        "MS-062",
        "A message id that was published is not delivered again; unlike ids always are.",
        needs=[MessagingFeature.DEDUPE],
    )
    async def known_ids_are_delivered_once(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        two: Messaging = await self.portable(world)
        await one.pipeline.send(Subscribe("dedupe", "default"))
        async with Listener(world, await self.portable(world), "dedupe") as listener:
            for messaging in (one, two, one):
                equal("i", await messaging.publish("dedupe", b"x", message_id="i"), "the id")
                await messaging.publish("dedupe", b"x", message_id="I")
                await messaging.publish("dedupe", b"x")
            await listener.exactly(5)
            await two.publish("dedupe", b"late", message_id="i")
            await two.publish("elsewhere", b"x", message_id="i")
            await listener.exactly(5)
        equal(1, [message.id for message in listener.seen].count("i"), "deliveries of one id")

    @law(
        "MS-063",
        "Replaying delivers to that group again what was published since, in order.",
        needs=[MessagingFeature.REPLAY],
    )
    async def replay_delivers_again(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        ears = await self.portable(world), await self.portable(world)
        async with (
            Listener(world, ears[0], "replay", group="g") as listener,
            Listener(world, ears[1], "replay", group="other") as other,
        ):
            await messaging.pipeline.send(Subscribe("replay", "g"))
            await messaging.pipeline.send(Subscribe("replay", "other"))
            await messaging.publish("replay", b"old", key="k")
            await world.sleep(0.5)
            since = world.clock.wall()
            await world.sleep(0.1)
            for number in range(4):
                await messaging.publish("replay", b"%d" % number, key="k", headers={"A": "1"})
            await listener.exactly(5)
            equal(4, await messaging.replay("replay", "g", since=since), "messages that come back")
            await listener.exactly(9)
            await other.exactly(5)
        again = listener.seen[5:]
        equal([b"0", b"1", b"2", b"3"], [message.payload for message in again], "what came again")
        that(all(m.attempt == 1 and m.headers == {"A": "1"} for m in again), "they came changed")

    @law(
        "MS-064",
        "A new group gets what the topic retains, in order.",
        needs=[MessagingFeature.REPLAY],
    )
    async def a_new_group_gets_what_is_retained(self, world: World[Any]) -> None:
        messaging: Messaging = await self.portable(world)
        for number in range(5):
            await messaging.publish("retained", b"%d" % number, key="k")
        for group in ("first", "second"):
            client = await self.portable(world)
            async with Listener(world, client, "retained", group=group) as listener:
                await listener.exactly(5)
            equal([b"%d" % n for n in range(5)], listener.payloads, f"what group {group} got")
