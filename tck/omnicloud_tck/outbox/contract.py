"""The laws of the outbox contract: what is saved, in which order, and who may publish it."""

from __future__ import annotations

import uuid
from typing import Any

from omnicloud.contracts.outbox import (
    Outbox,
    OutboxEvent,
    OutboxFeature,
)
from omnicloud.contracts.outbox.driver import Save
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that, together
from omnicloud_tck.general.faults import Faults
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.outbox.apart import OutboxApart
from omnicloud_tck.outbox.claims import ClaimLaws
from omnicloud_tck.outbox.crowds import OutboxCrowds
from omnicloud_tck.outbox.edges import OutboxEdges
from omnicloud_tck.outbox.fractions import FractionLaws
from omnicloud_tck.outbox.hands import HandLaws
from omnicloud_tck.outbox.histories import OutboxHistories
from omnicloud_tck.outbox.interrupted import InterruptionLaws
from omnicloud_tck.outbox.joined import JoinedLaws
from omnicloud_tck.outbox.kin import KinLaws
from omnicloud_tck.outbox.lasting import LastingLaws
from omnicloud_tck.outbox.model import OutboxModel, outbox_steps
from omnicloud_tck.outbox.orders import OrderLaws
from omnicloud_tck.outbox.programs import OutboxPrograms
from omnicloud_tck.outbox.silences import SilenceLaws
from omnicloud_tck.outbox.strangers import OutboxStrangers
from omnicloud_tck.outbox.together import TogetherLaws
from omnicloud_tck.outbox.wakings import WakingLaws
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.world import World

__all__ = ["OutboxContract"]

_TX = [OutboxFeature.TRANSACTION]


class OutboxContract(
    ClaimLaws,
    OutboxEdges,
    OutboxApart,
    OutboxCrowds,
    LastingLaws,
    SilenceLaws,
    HandLaws,
    InterruptionLaws,
    JoinedLaws,
    FractionLaws,
    KinLaws,
    TogetherLaws,
    OutboxStrangers,
    OrderLaws,
    WakingLaws,
    OutboxHistories,
    OutboxPrograms,
    Silences,
    Faults,
):
    """Every promise of ``Outbox``, and of its relay as far as drivers carry it."""

    contract = "outbox"

    async def portable(self, world: World[Any]) -> Outbox:
        return Outbox(await world.pipeline())

    # Names, tenants, seals: an aggregate's newest pending event stands for its payload.

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await Outbox(pipeline).save_event(OutboxEvent("t", payload, name, name))

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        events = await Outbox(pipeline).get_pending_events_for_aggregate(name)
        return events[-1]["payload"] if events else None

    async def remove(self, pipeline: Pipe, name: str) -> None:
        outbox = Outbox(pipeline)
        for event in await outbox.get_pending_events_for_aggregate(name):
            await outbox.mark_as_processed(event)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        return set(await Outbox(pipeline).get_pending_aggregate_keys())

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.payload_max_bytes
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    # Saving and reading

    @law("OX-001", "An event comes back whole, in all its fields, byte for byte.", rung=Rung.SHAPE)
    async def events_come_back_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        payloads = self.payloads(one.pipeline)
        for number, payload in enumerate(payloads):
            await one.save_event(OutboxEvent(f"topic-{number}", payload, f"key-{number}", "agg"))
        await one.save_event(OutboxEvent("bare", b"x"))
        events = await two.get_pending_events_for_aggregate("agg")
        equal(list(payloads), [event["payload"] for event in events], "payloads in order")
        for number, event in enumerate(events):
            said = (event["destination_topic"], event["message_key"], event["aggregate_key"])
            equal((f"topic-{number}", f"key-{number}", "agg"), said, "topic and keys")
            equal(number + 1, event["sequence_id"], "sequence_id")
            equal("pending", event["status"], "status")
        (bare,) = await two.get_pending_unordered_events(10)
        said_bare = (bare["destination_topic"], bare["message_key"], bare["aggregate_key"])
        equal(("bare", None, None), said_bare, "an event without keys")
        equal(None, bare["sequence_id"], "sequence_id of an event without an aggregate")
        ids = {event["event_id"] for event in (*events, bare)}
        equal(len(payloads) + 1, len(ids), "unlike event ids")

    @law("OX-002", "Each aggregate counts 1, 2, 3 for itself, and goes on after all is processed.")
    async def aggregates_count_for_themselves(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for round_ in range(3):
            for number in range(2):
                for key in ("a", "b", "A"):
                    outbox = one if number else two
                    await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))
            for key in ("a", "b", "A"):
                events = await one.get_pending_events_for_aggregate(key)
                expected = [2 * round_ + 1, 2 * round_ + 2]
                equal(expected, [event["sequence_id"] for event in events], f"numbers of {key}")
                for event in events:
                    await two.mark_as_processed(event)
            await one.purge(0)

    @law("OX-003", "Unordered events are served oldest first, and no aggregate's are among them.")
    async def unordered_events_are_oldest_first(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for number in range(12):
            key = "agg" if number % 3 == 0 else None
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key=key))
        found = await outbox.get_pending_unordered_events(5)
        equal([b"1", b"2", b"4", b"5", b"7"], [e["payload"] for e in found], "the oldest five")
        for event in found[:2]:
            await outbox.mark_as_processed(event)
        found = await outbox.get_pending_unordered_events(100)
        expected = [b"4", b"5", b"7", b"8", b"10", b"11"]
        equal(expected, [event["payload"] for event in found], "all that is left")

    @law("OX-004", "Aggregate keys are listed once each, and only those with a pending event.")
    async def aggregate_keys_are_listed_once(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        equal([], await outbox.get_pending_aggregate_keys(), "keys of an empty outbox")
        await outbox.save_event(OutboxEvent("t", b"x"))
        for key in ("b", "a", "b", "c", "a", "c"):
            await outbox.save_event(OutboxEvent("t", b"x", aggregate_key=key))
        equal(["a", "b", "c"], sorted(await outbox.get_pending_aggregate_keys()), "keys")
        for event in await outbox.get_pending_events_for_aggregate("b"):
            await outbox.mark_as_processed(event)
        (first, _) = await outbox.get_pending_events_for_aggregate("c")
        await outbox.mark_as_processed(first)
        equal(["a", "c"], sorted(await outbox.get_pending_aggregate_keys()), "keys after marking")

    @law(
        "OX-005",
        "Marking marks that one event, twice is silent, an unknown one is no error.",
        rung=Rung.SHAPE,
    )
    async def marking_marks_one(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for _ in range(3):
            await outbox.save_event(OutboxEvent("t", b"same", "k", "agg"))
            await outbox.save_event(OutboxEvent("t", b"same", "k"))
        _, second, _ = await outbox.get_pending_events_for_aggregate("agg")
        for _ in range(2):
            await outbox.mark_as_processed(second)
        await outbox.mark_as_processed("unknown")
        left = await outbox.get_pending_events_for_aggregate("agg")
        equal([1, 3], [event["sequence_id"] for event in left], "the aggregate's other events")
        unordered = await outbox.get_pending_unordered_events(10)
        equal(3, len(unordered), "unordered events of the same payload")
        await outbox.mark_as_processed(unordered[1])
        found = {event["event_id"] for event in await outbox.get_pending_unordered_events(10)}
        equal({unordered[0]["event_id"], unordered[2]["event_id"]}, found, "the others")

    @law("OX-006", "Many events, of one aggregate or none, are all there.")
    async def many_events_are_all_there(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for number in range(1100):
            await outbox.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="big"))
        events = await outbox.get_pending_events_for_aggregate("big")
        equal(list(range(1, 1101)), [event["sequence_id"] for event in events], "numbers")

    @law(
        "OX-007",
        "Concurrent writers of one aggregate get numbers without gap or repetition.",
        rung=Rung.CONCURRENCY,
    )
    async def concurrent_writers_number_without_gaps(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(4)]

        async def write(outbox: Outbox) -> None:
            for _ in range(10):
                await outbox.save_event(OutboxEvent("t", b"x", aggregate_key="agg"))

        for result in await together(*(write(outbox) for outbox in clients)):
            that(result is None, f"a concurrent save failed ({type(result).__name__})")
        events = await clients[0].get_pending_events_for_aggregate("agg")
        equal(list(range(1, 41)), [event["sequence_id"] for event in events], "numbers")

    @law("OX-008", "Saving an event again by its id changes nothing.")
    async def saving_again_changes_nothing(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        op = Save(SPACE, NewEvent(uuid.uuid4().hex, "t", b"x", None, "agg"))
        await outbox.pipeline.send(op)
        await outbox.pipeline.send(op)
        await outbox.save_event(OutboxEvent("t", b"y", aggregate_key="agg"))
        events = await outbox.get_pending_events_for_aggregate("agg")
        equal([1, 2], [event["sequence_id"] for event in events], "numbers")
        await outbox.mark_as_processed(events[0])
        await outbox.pipeline.send(op)
        events = await outbox.get_pending_events_for_aggregate("agg")
        equal([2], [event["sequence_id"] for event in events], "pending after a late repetition")

    @law(
        "OX-009", "A payload over payload_max_bytes is refused, and nothing saved.", rung=Rung.SHAPE
    )
    async def the_payload_limit_is_true(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        limit = outbox.pipeline.driver.limits.payload_max_bytes
        with refused(InvalidArgumentError, "a payload over the limit"):
            await outbox.save_event(OutboxEvent("t", b"x" * (limit + 1), aggregate_key="agg"))
        large = b"x" * min(limit, 2 << 20)
        await outbox.save_event(OutboxEvent("t", large, aggregate_key="agg"))
        (event,) = await outbox.get_pending_events_for_aggregate("agg")
        that(event["payload"] == large, "a large payload came back changed")
        equal(1, event["sequence_id"], "the number after a refused event")

    # Transactions

    @law(
        "OX-010",
        "Events of a transaction are saved together, seen inside at once.",
        needs=_TX,
        rung=Rung.CONCURRENCY,
    )
    async def transactions_are_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        async with one.transaction() as inside:
            for number in range(3):
                await inside.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="agg"))
            seen = await inside.get_pending_events_for_aggregate("agg")
            equal([1, 2, 3], [event["sequence_id"] for event in seen], "numbers inside")
            outside = await two.get_pending_events_for_aggregate("agg")
            equal([], outside, "events seen outside before the commit")
        seen = await two.get_pending_events_for_aggregate("agg")
        equal([1, 2, 3], [event["sequence_id"] for event in seen], "numbers after the commit")

    @law(
        "OX-011",
        "A transaction that fails leaves no event and no gap in the numbers.",
        needs=_TX,
        rung=Rung.RESILIENCE,
    )
    async def a_rollback_leaves_nothing(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await one.save_event(OutboxEvent("t", b"before", aggregate_key="agg"))
        with refused(ArithmeticError, "a transaction whose body raised"):
            async with one.transaction() as inside:
                await inside.save_event(OutboxEvent("t", b"lost", aggregate_key="agg"))
                await inside.save_event(OutboxEvent("t", b"lost"))
                raise ArithmeticError
        await two.save_event(OutboxEvent("t", b"after", aggregate_key="agg"))
        events = await one.get_pending_events_for_aggregate("agg")
        found = [(event["sequence_id"], event["payload"]) for event in events]
        equal([(1, b"before"), (2, b"after")], found, "events")
        equal([], await two.get_pending_unordered_events(10), "unordered events")

    @law(
        "OX-012",
        "Concurrent transactions number one aggregate without gaps.",
        needs=_TX,
        rung=Rung.CONCURRENCY,
    )
    async def transactions_number_without_gaps(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]

        async def write(outbox: Outbox, number: int) -> None:
            async with outbox.transaction() as inside:
                for _ in range(3):
                    await inside.save_event(OutboxEvent("t", b"x", aggregate_key="agg"))
                    await world.sleep(0.01)
                if number == 1:
                    raise ArithmeticError

        await together(*(write(outbox, number) for number, outbox in enumerate(clients)))
        events = await clients[0].get_pending_events_for_aggregate("agg")
        expected = list(range(1, len(events) + 1))
        equal(expected, [event["sequence_id"] for event in events], "numbers")
        that(len(events) % 3 == 0 and 0 < len(events) <= 6, "a transaction was written in part")

    @law("OX-013", "What is no transaction of the store is refused.", needs=_TX, rung=Rung.SHAPE)
    async def foreign_transactions_are_refused(self, world: World[Any]) -> None:
        outbox = await self.portable(world)
        for foreign in (object(), None, "transaction"):
            with refused(InvalidArgumentError, f"a {type(foreign).__name__} as transaction"):
                outbox.within(foreign)

    @law(
        "OX-090",
        "Whatever is done in whatever order, by two clients, the outbox follows its model.",
        machine=True,
    )
    def it_follows_the_model(self, lab: Lab) -> None:
        from hypothesis import given

        clients = lab.run(_two(self, lab.world))
        number = 0

        @drawn(lab)
        @given(steps=outbox_steps())
        def follow(steps: list[tuple[Any, ...]]) -> None:
            nonlocal number
            number += 1
            lab.run(OutboxModel(f"space-{number}").follow(steps, clients))

        follow()


async def _two(contract: OutboxContract, world: World[Any]) -> tuple[Pipe, Pipe]:
    return await world.pipeline(), await world.pipeline()
