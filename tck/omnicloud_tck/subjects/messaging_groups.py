"""Messages out of topics: lent to groups, settled, given back."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    Extend,
    Kill,
    Nack,
    Receive,
)
from omnicloud.contracts.messaging.models import Delivery
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Step
from omnicloud_tck.programs.twins import Idle
from omnicloud_tck.subjects.messaging_publishing import Publishing
from omnicloud_tck.subjects.topics import Entry, Group, Letter, State

__all__ = ["Grouping"]

_BRINGS = {"publish_later": MessagingFeature.DELAYED, "replay": MessagingFeature.REPLAY}
"""Of what may bring a message, what not every provider has."""
_SLACK = 5.0  # seconds by which a stamp may differ from the kit's own look at the clock
_WAITS, _SOON = 400.0, 1.2  # seconds that a group waits, and in which it is woken
_PATIENCE = 8  # how often a group asks for what nothing holds back


class Grouping(Publishing):
    """Operations of groups and of what they are lent."""

    async def receive(
        self, client: int, room: str, name: str, most: int, lease: float, wait: float
    ) -> None:
        """Be lent what is ready."""
        group = await self._group(client, room, name)
        if group is None:
            return
        lease, wait = self._times.span(lease), wait if self._times.virtual else 0.0
        ready = len(group.free())
        for turn in range(_PATIENCE):
            found = await self._ask(client, room, name, most, lease, wait)
            await self._lend(client, group, found, most, lease)
            if found or not ready:
                return
            wait = 0.3 if turn else 0.0
        that(False, f"{ready} messages that nothing holds back are not lent")

    async def _ask(
        self, client: int, room: str, name: str, most: int, lease: float, wait: float
    ) -> tuple[Delivery, ...]:
        op = Receive(self._space + room, name, most, wait, lease)
        found: tuple[Delivery, ...] = await self._pipes[client].send(op)
        return found

    async def _lend(
        self,
        client: int,
        group: Group,
        found: tuple[Delivery, ...],
        most: int,
        lease: float,
        answered: float | None = None,
    ) -> None:
        that(len(found) <= most, f"{most} messages were asked for, {len(found)} came")
        now = self._times.now() if answered is None else answered
        await self._times.clear_of(self._moments())  # what came due meanwhile may be among them
        self._tick()
        for one in found:
            entry = group.lendable().get(one.id)
            if entry is None:
                self._explain(group, one)
            else:
                entry.lend(one.receipt, now + lease)
                group.lenders[one.receipt] = client
                self._whole(entry, one)

    def _explain(self, group: Group, one: Delivery) -> None:
        entry = next((e for e in group.entries if e.message.id == one.id), None)
        if entry is None:
            that(False, "a message was lent that the group has not before it")
        elif entry.state is State.READY:
            that(False, "a message was lent before an older one of its key was settled")
        else:
            that(False, f"a message was lent that is {entry.state.name.lower()}")

    def _whole(self, entry: Entry, one: Delivery) -> None:
        message = entry.message
        equal(message.payload, one.payload, "payload")
        equal(message.key, one.key, "key")
        equal(message.headers, dict(one.headers), "headers")
        equal(entry.attempts, one.attempt, "attempt")
        that(not one.damaged, "a delivery is told to be damaged")
        self._stamped(message.stamp, one.published_at, "publishing")
        if one.published_at == message.stamp:
            self._stamps.append(one.published_at)

    def _stamped(self, expected: float, got: float, about: str) -> None:
        if self._times.virtual:
            that(abs(expected - got) < _SLACK, f"the moment of {about}: {expected}, got {got}")

    async def woken(
        self, client: int, room: str, name: str, step: Step, lease: float, idle: float
    ) -> None:
        """Wait for a message, first in vain, while something is done that may bring one."""
        group = await self._group(client, room, name)
        needed = _BRINGS.get(step[0])
        if group is None or group.lendable() or not self._times.virtual:
            return
        if needed is not None and needed not in self._features:
            return
        soonest = min(self._moments(), default=math.inf)
        if soonest < self._times.now() + idle + _SLACK:
            idle = 0.0  # who waits is given what becomes due meanwhile
        waiter = asyncio.ensure_future(self._answered(client, room, name, lease))
        try:
            await self._times.rest()
            await self._times.let_pass(idle)
            with suppress(Idle):
                await self.take((step[0], 1 - client, room, *step[1:]))
            self._tick()
            due = bool(group.free())
            await self._times.let_pass(_SOON)
            that(waiter.done() or not due, f"who waits is not woken by {step[0]}")
            found, moment = await waiter
            await self._lend(client, group, found, 1, lease, moment)
        finally:
            waiter.cancel()

    async def _answered(
        self, client: int, room: str, name: str, lease: float
    ) -> tuple[tuple[Delivery, ...], float]:
        """What a group that waits is given, and when."""
        return await self._ask(client, room, name, 1, lease, _WAITS), self._times.now()

    async def ack(self, client: int, room: str, name: str, which: int) -> None:
        """Settle a delivery, or with an old receipt nothing."""
        await self._settle(client, room, name, which, "ack")

    async def kill(self, client: int, room: str, name: str, which: int, reason: str) -> None:
        """Make a delivery a dead letter."""
        room, name = self._busy(room, name)
        entry = await self._settle(client, room, name, which, "kill", reason)
        if entry is not None:
            letter = Letter(entry.message, reason, entry.attempts, self._times.wall())
            self._topic(room).groups[name].letters.append(letter)

    async def _settle(
        self, client: int, room: str, name: str, which: int, verb: str, reason: str = ""
    ) -> Entry | None:
        room, name = self._busy(room, name)
        group = await self._group(client, room, name)
        entry, receipt = _picked(group, which)
        if group is None or not receipt:
            return None
        place = (self._space + room, name, receipt)
        op = Ack(*place) if verb == "ack" else Kill(*place, reason)
        done = await self._pipes[group.lenders[receipt]].send(op)
        equal(entry is not None, done, f"{verb} with a receipt that is {_called(entry)}")
        if entry is not None:
            group.settle(entry, State.DONE if verb == "ack" else State.DEAD)
        return entry

    async def nack(
        self, client: int, room: str, name: str, which: int, delay: float, counted: bool
    ) -> None:
        """Give a delivery back, for now or for later."""
        room, name = self._busy(room, name)
        group = await self._group(client, room, name)
        entry, receipt = _picked(group, which)
        if group is None or not receipt:
            return
        delay = self._times.span(delay)
        op = Nack(self._space + room, name, receipt, delay, counted)
        done = await self._pipes[group.lenders[receipt]].send(op)
        equal(entry is not None, done, f"nack with a receipt that is {_called(entry)}")
        if entry is not None:
            group.stale.append(entry.receipt)
            until = self._times.now() + delay if delay else None
            entry.give_back(until, counted=counted)

    async def extend(self, client: int, room: str, name: str, count: int, lease: float) -> None:
        """Prolong some leases, or shorten them; old receipts stay old."""
        room, name = self._busy(room, name)
        group = await self._group(client, room, name)
        if group is None:
            return
        lease, out = self._times.span(lease), group.lent()
        client = group.lenders[out[0].receipt] if out else client
        held = [one for one in out if group.lenders[one.receipt] == client][:count]
        receipts = [entry.receipt for entry in held]
        mixed = [*group.stale[-1:], *receipts, *group.stale[:1]]
        op = Extend(self._space + room, name, tuple(mixed), lease)
        good = await self._pipes[client].send(op)
        equal(sorted(receipts), sorted(good), "receipts that are still good")
        for entry in held:
            entry.until = self._times.now() + lease

    async def toil(self, client: int, room: str, name: str, lease: float, times: int) -> None:
        """Work for long on what is lent, and keep it by prolonging its lease again and again."""
        await self.take(("receive", client, room, name, 2, lease, 0.0))
        for _ in range(times if self._times.virtual else 1):
            await self.take(("extend", client, room, name, 9, lease))
            await self.take(("wait", client, lease * 0.6))
            await self.take(("receive", 1 - client, room, name, 1, 3600.0, 0.0))

    async def measure(self, client: int, room: str, name: str) -> None:
        """Count what a group has before it."""
        topic = self._topic(room)
        if name not in topic.groups or not self._times.virtual:
            return
        depth = await self._clients[client].depth(self._space + room, name)
        got = (depth.ready, depth.in_flight, depth.waiting, depth.dead)
        equal(topic.groups[name].counts(), got, "ready, in flight, waiting, dead")
        equal(len(topic.scheduled), depth.scheduled, "scheduled")


def _picked(group: Group | None, which: int) -> tuple[Entry | None, str]:
    """A delivery that is out and its receipt; of every few, a receipt of one that is over."""
    if group is None:
        return None, ""
    out = group.lent()
    if group.stale and (which % 4 == 3 or not out):
        return None, group.stale[which % len(group.stale)]
    if not out:
        return None, ""
    entry = out[which % len(out)]
    return entry, entry.receipt


def _called(entry: Entry | None) -> str:
    return "old" if entry is None else "good"
