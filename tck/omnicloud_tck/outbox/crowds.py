"""The laws of the outbox about requests that name many events, and about saving once more."""

from __future__ import annotations

import contextlib
from typing import Any

from omnicloud.contracts.outbox import Outbox, OutboxEvent, OutboxFeature
from omnicloud.contracts.outbox.driver import Begin, Fail, Keep, ListEvents, Mark, Save
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.core.transactions import ended
from omnicloud.errors import InvalidArgumentError, OmniCloudError, UnsupportedError
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.outbox.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["OutboxCrowds"]

_MANY = 130  # more than those know who ask a server for a hundred at a time
_OFTEN = 32
_LARGE, _SOME = 300_000, 5  # more than a megabyte together, which ends a page of some stores
_LEASE = 60.0


class _RolledBack(Exception):  # noqa: N818 - ends a transaction on purpose
    pass


class OutboxCrowds(Contract):
    """A request does all that it names."""

    @law("OX-155", "However many events one request keeps, frees or marks, it does so to each.")
    async def each_of_many_is_kept(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        saved = {await one.save_event(OutboxEvent("t", b"%d" % n)) for n in range(_MANY)}
        held = await claimed(one, "one", _MANY, lease=_LEASE)
        equal(saved, {event.event_id for event in held}, "events claimed")
        ids = tuple(event.event_id for event in held)
        await one.pipeline.send(Keep(SPACE, "one", ids, 0.0))
        again = await claimed(one, "two", _MANY, lease=_LEASE)
        equal(_MANY, len(again), "events that are free when all were given back at once")
        await one.pipeline.send(Mark(SPACE, ids))
        equal(0, (await one.lag()).pending, "events that are pending when all were marked at once")

    @law(
        "OX-156",
        "What a transaction that was rolled back did to an event can be done again.",
        needs=[OutboxFeature.TRANSACTION],
    )
    async def rolled_back_is_not_done(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        event = NewEvent("event", "t", b"x", None, "agg")
        for op, after in ((Save(SPACE, event), ["event"]), (Mark(SPACE, ("event",)), [])):
            before = await self._pending(one)
            for done in (False, False, True):
                await self._in_transaction(one, op, done=done)
                about = f"pending after {op.name} in a transaction, committed: {done}"
                equal(after if done else before, await self._pending(one), about)

    @law(
        "OX-157", "However many aggregates there are, each is listed; all their events are purged."
    )
    async def each_of_many_is_listed(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        keys = [f"agg-{number:03}" for number in range(_MANY)]
        ids = [await one.save_event(OutboxEvent("t", b"x", aggregate_key=key)) for key in keys]
        equal(keys, await one.get_pending_aggregate_keys(), "aggregates listed")
        await one.pipeline.send(Mark(SPACE, tuple(ids)))
        equal([], await one.get_pending_aggregate_keys(), "aggregates after all is processed")
        equal(_MANY, await one.purge(0), "processed events purged")

    @law(
        "OX-158",
        "However often an event fails or is requeued, it comes again, and each is counted.",
    )
    async def failures_have_no_end(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        name = await one.save_event(OutboxEvent("t", b"x", aggregate_key="agg"))
        for turn in range(3):
            for attempts in range(_OFTEN if turn == 0 else 1):
                found = await claimed(one, "one", 1, lease=_LEASE, wait=2.0)
                told = [(event.event_id, event.attempts) for event in found]
                equal([(name, attempts)], told, f"claimed after {attempts} failures")
                await one.pipeline.send(Keep(SPACE, "one", (name,), _LEASE))
                await one.pipeline.send(Fail(SPACE, "one", name))
            equal(
                1, len(await claimed(one, "one", 1, lease=_LEASE, wait=2.0)), "claimed to be parked"
            )
            await one.pipeline.send(Fail(SPACE, "one", name, park=True))
            equal(True, await one.requeue(name), f"requeued {turn} times before")

    @law("OX-159", "A claim can be kept however often.")
    async def claims_are_kept_for_ever(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        name = await one.save_event(OutboxEvent("t", b"x"))
        equal(1, len(await claimed(one, "one", 1, lease=_LEASE)), "events claimed")
        for lease in (*[_LEASE] * _OFTEN, 0.0):
            equal((), await claimed(one, "two", 1, lease=_LEASE), "claimed by another meanwhile")
            await one.pipeline.send(Keep(SPACE, "one", (name,), lease))
        equal(1, len(await claimed(one, "two", 1, lease=_LEASE)), "claimed once it was given back")

    @law(
        "OX-160",
        "However many events a transaction saves, all are there, or it says that none is.",
        needs=[OutboxFeature.TRANSACTION],
    )
    async def transactions_save_all(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        done = True
        try:
            async with one.transaction() as inside:
                for number in range(_MANY):
                    await inside.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="agg"))
        except OmniCloudError:
            done = False
        found = await one.get_pending_events_for_aggregate("agg")
        expected = [b"%d" % number for number in range(_MANY)] if done else []
        equal(expected, [event["payload"] for event in found], "events of one transaction")

    @law(
        "OX-207",
        "Events that several parts of an application save in one transaction are numbered as one.",
        needs=[OutboxFeature.TRANSACTION],
    )
    async def a_transaction_numbers_for_all(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        await one.save_event(OutboxEvent("t", b"before", aggregate_key="agg"))
        transaction = await one.pipeline.send(Begin())
        views = [
            Outbox(one.pipeline.around(one.pipeline.driver.within(transaction))) for _ in range(3)
        ]
        async with ended(transaction):
            for number, view in enumerate((*views, *views)):
                await view.save_event(OutboxEvent("t", b"%d" % number, aggregate_key="agg"))
            seen = await views[1].get_pending_events_for_aggregate("agg")
            equal(7, len(seen), "events that a view sees of all")
        found = await one.get_pending_events_for_aggregate("agg")
        told = [(event["sequence_id"], event["payload"]) for event in found]
        saved = [b"before", *(b"%d" % number for number in range(6))]
        equal(list(enumerate(saved, 1)), told, "numbers and events of three views of one")

    @law(
        "OX-161",
        "What a transaction requeues and purges is done with it, or not at all; it may be refused.",
        needs=[OutboxFeature.TRANSACTION],
    )
    async def transactions_requeue_and_purge(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        parked = await one.save_event(OutboxEvent("t", b"parked"))
        done = await one.save_event(OutboxEvent("t", b"done"))
        await claimed(one, "one", 2, lease=_LEASE)
        await one.pipeline.send(Fail(SPACE, "one", parked, park=True))
        await one.mark_as_processed(done)
        for commits in (False, True):
            done_so = await self._requeued_and_purged(one, parked, commits=commits) and commits
            left = [event["event_id"] async for event in one.parked()]
            equal([] if done_so else [parked], left, f"parked, done: {done_so}")
            op = ListEvents(SPACE, EventStatus.PROCESSED, every=True)
            kept = [record.event_id for record in await one.pipeline.send(op)]
            equal([] if done_so else [done], kept, f"processed, done: {done_so}")

    async def _requeued_and_purged(self, one: Outbox, parked: str, *, commits: bool) -> bool:
        """Whether the provider does so in transactions; it may refuse to."""
        try:
            async with one.transaction() as inside:
                equal(True, await inside.requeue(parked), "requeued inside")
                equal(1, await inside.purge(0), "purged inside")
                if not commits:
                    raise _RolledBack
        except _RolledBack:
            return True
        except (InvalidArgumentError, UnsupportedError):
            return False
        return True

    @law("OX-162", "However large events are together, each is listed and claimed.")
    async def large_events_are_listed(self, world: World[Any]) -> None:
        one: Outbox = await self.portable(world)
        size = min(_LARGE, one.pipeline.driver.limits.payload_max_bytes)
        payloads = [bytes([65 + number]) * size for number in range(_SOME)]
        for payload in payloads:
            await one.save_event(OutboxEvent("t", payload, aggregate_key="agg"))
        listed = await one.get_pending_events_for_aggregate("agg")
        equal(payloads, [event["payload"] for event in listed], f"events of {size} bytes listed")
        found: list[bytes] = []
        for _ in payloads:  # a claim may give one of an aggregate only
            some = await claimed(one, "one", _SOME, lease=_LEASE)
            await one.pipeline.send(Mark(SPACE, tuple(event.event_id for event in some)))
            found += [event.payload for event in some]
        equal(payloads, found, f"events of {size} bytes claimed")

    async def _in_transaction(self, one: Outbox, op: Save | Mark, *, done: bool) -> None:
        transaction = await one.pipeline.send(Begin())
        with contextlib.suppress(_RolledBack):
            async with ended(transaction):
                await one.within(transaction).pipeline.send(op)
                if not done:
                    raise _RolledBack

    async def _pending(self, one: Outbox) -> list[str]:
        events = await one.get_pending_events_for_aggregate("agg")
        equal([1] * len(events), [event["sequence_id"] for event in events], "its number")
        return [event["event_id"] for event in events]
