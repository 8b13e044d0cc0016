"""Histories of topics: what is published, lent, settled, and by whom."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.driver import Ack, Nack, Receive, Subscribe
from omnicloud_tck.histories.deliveries import Deliveries
from omnicloud_tck.histories.events import Action, Call
from omnicloud_tck.histories.recorder import Recorder
from omnicloud_tck.histories.subjects import Client, Finding, Session

__all__ = ["Topics"]

_GROUPS = ("g", "h")
_PATIENCE = 16  # receives without an answer after which what is missing is lost
_ROUNDS = 500
_REAL_PAUSE_SECONDS = 0.2


class Topics:
    """Publishing with and without keys, two groups, lending, settling, giving back.

    Args:
        virtual: Whether waiting costs nothing. Where it does, leases outlast the history, so
            only publishing is cut short: what a receive was lent, or what an acknowledgement
            was about, would be missing to its end.
        ordered: Whether messages of a key keep their order.
    """

    def __init__(self, *, virtual: bool, ordered: bool) -> None:
        self._lease = 5.0 if virtual else 600.0
        self._virtual, self._ordered = virtual, ordered
        self.uncut = frozenset[str]() if virtual else frozenset({"receive", "ack", "nack"})

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("publish", "publish", "receive", "receive", "ack", "ack", "nack"))
        if verb == "publish":
            return Action(verb, chance.choice(("k", "k", "l", "")), (fresh,))
        return Action(verb, "", (chance.choice((1, 1, 2, 3)),) if verb == "receive" else ())

    def open(self, client: Client) -> Session:
        group = _GROUPS["ABCDEFGH".index(client.name) // 2 % 2]
        return _Member(client, group, self._lease)

    async def prepare(self, sessions: Sequence[Session]) -> None:
        """The groups are there before anything is published."""
        for group in _GROUPS:
            member = sessions[0]
            if isinstance(member, _Member):
                await member.subscribe(group)

    async def finish(self, sessions: Sequence[Session], recorder: Recorder) -> None:
        """Settle what is left, until nothing is missing or patience ends."""
        members = [one for one in sessions if isinstance(one, _Member)]
        for number, member in enumerate(members):
            await member.settle(number, recorder)
        for group in _GROUPS:
            await _Drain(members[0], group, recorder, self._lease, self._virtual).run()

    def judge(self, calls: Sequence[Call]) -> Finding | None:
        return Deliveries(
            calls, self._lease, ordered=self._ordered, blind=not self._virtual
        ).wrong()


class _Member:
    """A client that publishes, and consumes for one group."""

    def __init__(self, client: Client, group: str, lease: float) -> None:
        self.clock = client.clock
        self.group = group
        self._messaging = Messaging(client.pipeline, client.clock)
        self._topic = f"{client.space}topic"
        self._lease = lease
        self._held: dict[Hashable, str] = {}

    async def subscribe(self, group: str) -> None:
        await self._messaging.pipeline.send(Subscribe(self._topic, group))

    def resolve(self, action: Action) -> Action:
        """Settles what it holds longest; who holds nothing receives."""
        if action.verb == "receive":
            return Action("receive", self.group, action.args)
        if action.verb == "publish":
            return action
        if not self._held:
            return Action("receive", self.group, (1,))
        return Action(action.verb, self.group, (next(iter(self._held)),))

    async def perform(self, action: Action) -> Hashable:
        match action.verb:
            case "publish":
                payload = str(action.args[0]).encode()
                await self._messaging.publish(self._topic, payload, action.key or None)
                return None
            case "receive":
                return await self._receive(action.key, int(str(action.args[0])))
            case _:
                receipt = self._held.pop(action.args[0])
                kind = Ack if action.verb == "ack" else Nack
                return await self._messaging.pipeline.send(kind(self._topic, action.key, receipt))

    async def _receive(self, group: str, most: int) -> Hashable:
        op = Receive(self._topic, group, most, 0.0, self._lease)
        found = await self._messaging.pipeline.send(op)
        for one in found:
            self._held[one.payload.decode(errors="replace")] = one.receipt
        return tuple((one.payload.decode(errors="replace"), one.key or "") for one in found)

    async def settle(self, number: int, recorder: Recorder) -> int:
        """Acknowledge all it holds; how many that were."""
        tags = list(self._held)
        for tag in tags:
            await recorder.record(number, Action("ack", self.group, (tag,)), self.perform)
        return len(tags)


class _Drain:
    """Receives and settles the rest of a group by one member."""

    def __init__(
        self, member: _Member, group: str, recorder: Recorder, lease: float, virtual: bool
    ) -> None:
        self._member, self._group, self._recorder = member, group, recorder
        self._pause = lease / 4 if virtual else _REAL_PAUSE_SECONDS
        self._virtual = virtual

    async def run(self) -> None:
        self._member.group = self._group
        patience = _PATIENCE
        for _ in range(_ROUNDS):
            if await self._some():
                continue
            patience -= 1
            if not patience or not Deliveries(self._recorder.calls, 0.0).missing(self._group):
                break
            await self._member.clock.sleep(self._pause)
        if self._virtual:  # what was settled does not come back with the end of its lease
            await self._member.clock.sleep(5 * self._pause)
            await self._some()

    async def _some(self) -> int:
        action = Action("receive", self._group, (100,))
        await self._recorder.record(0, action, self._member.perform)
        return await self._member.settle(0, self._recorder)
