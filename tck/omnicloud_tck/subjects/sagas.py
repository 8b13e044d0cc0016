"""Sagas beside a plain reading of them: every verb, every option, and time that passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaRecord
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SagaStateConflictError
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.circumstances import wide
from omnicloud_tck.programs.times import LATE, Times
from omnicloud_tck.programs.twins import refused_or_over
from omnicloud_tck.subjects.states import Saga, Sagas

__all__ = ["SagasTwin", "SagasTwin"]

Pipe = Pipeline[Any]
State = tuple[str, str | int | None, tuple[tuple[str, str], ...], bytes]
"""Status, step, history and payload."""

_PAGES = 400
_LISTED = 3  # statuses, in the end
_TICK = 0.02


class SagasTwin:
    """Two clients of spaces of sagas, and the sagas as they should be."""

    def __init__(self, scene: Scene) -> None:
        self._pipes, self._features = scene.pipes, scene.features
        self._prefix, self._times = scene.space, Times(scene)
        self._spaces: dict[str, Sagas] = {}

    async def take(self, step: Step) -> None:
        """Do an operation on both and compare the answers."""
        await self._times.clear_of(
            row.until for space in self._spaces.values() for row in space.rows.values()
        )
        verb, client, *rest = step
        if verb == "edge":
            await self.edge(client, *rest)
        else:
            await getattr(self, verb)(self._pipes[client], *rest)

    def _sagas(self, room: str) -> Sagas:
        return self._spaces.setdefault(room, Sagas())

    async def create(
        self, pipe: Pipe, room: str, name: str, state: State, owner: str | None, lease: float
    ) -> None:
        """Make a saga, leased or not; one that is there is no other afterwards."""
        rows, lease = self._sagas(room).rows, self._times.span(lease)
        record = SagaRecord(name, *state, version=7)
        op = Create(self._prefix + room, record, owner, lease if owner else 0.0)
        if name in rows:
            with refused_or_over(SagaStateConflictError, "making a saga that is there"):
                await pipe.send(op)
            return await self.get(pipe, room, name)
        asked = self._times.now()
        await pipe.send(op)
        made = self._times.now()
        until = made + lease if owner else 0.0
        rows[name] = Saga(replace(record, version=1), asked, made, owner or "", until)
        return None

    async def update(
        self, pipe: Pipe, room: str, name: str, state: State, version: int, owner: str
    ) -> None:
        """Write over the version that is there; over any other nothing is written."""
        row = self._sagas(room).rows.get(name)
        held = 0 if row is None else row.record.version
        record = SagaRecord(name, *state, version=max(0, held + version))
        op = Update(self._prefix + room, record)
        if row is None or version:
            with refused_or_over(
                SagaStateConflictError, f"an update of {record.version} over {held}"
            ):
                await pipe.send(op)
            return await self.get(pipe, room, name)
        stored: int = await pipe.send(op)
        equal(held + 1, stored, "the version after an update")
        row.record = replace(record, version=held + 1)
        return None

    async def get(self, pipe: Pipe, room: str, name: str) -> None:
        """Look at a saga."""
        row = self._sagas(room).rows.get(name)
        found = await pipe.send(Get(self._prefix + room, name))
        _same([] if row is None else [row.record], [] if found is None else [found], "get")

    async def listing(
        self, pipe: Pipe, room: str, status: str, after: str | None, limit: int
    ) -> None:
        """List those of a status, page by page."""
        expected = self._sagas(room).of(status, after)
        limit, found, last = wide(limit, len(expected)), list[SagaRecord](), after
        for _ in range(_PAGES):
            page = await pipe.send(ListSagas(self._prefix + room, status, last, limit))
            that(len(page) <= limit, f"a page of {limit} has {len(page)} sagas")
            found += page
            if len(page) < limit:
                break
            last = found[-1].saga_id
        _same(expected, found, "sagas of a status")

    async def claim(
        self,
        pipe: Pipe,
        room: str,
        statuses: Sequence[str],
        owner: str,
        lease: float,
        most: int,
        name: str | None,
        excluded: Sequence[str],
    ) -> None:
        """Lease some; what the owner has already it may be given again, or not."""
        lease = self._times.span(lease)
        op = Claim(self._prefix + room, tuple(statuses), owner, lease, most, name, tuple(excluded))
        free, own = self._sagas(room).asked(op, self._times.now())
        found = await pipe.send(op)
        that(len(found) <= most, f"{most} sagas were asked for, {len(found)} came")
        asked = {row.record.saga_id: row for row in (*free, *own)}
        ids = [one.saga_id for one in found]
        that(len(set(ids)) == len(ids), "a claim gives one saga twice")
        that(asked.keys() >= set(ids), "a saga is given that is not asked for, or is not free")
        given = [asked[saga_id] for saga_id in ids]
        _same([row.record for row in given], list(found), "sagas claimed")
        that(found or not free, "a saga is free, and none was given")
        left = [row for row in free if row not in given] if len(found) == most else []
        that(_in_turn(given, left), "a saga is given before one that waits longer")
        for row in given:
            row.owner, row.until = owner, self._times.now() + lease

    async def keep(self, pipe: Pipe, room: str, name: str, owner: str, lease: float) -> None:
        """Prolong a lease, shorten it, or give it free: mostly by who has it."""
        lease, row = self._times.span(lease), self._sagas(room).rows.get(name)
        if row is not None and row.owner and len(owner) % 2:
            owner = row.owner
        now = self._times.now()
        held = row is not None and row.is_leased(now) and row.owner == owner
        answer = await pipe.send(Keep(self._prefix + room, name, owner, lease))
        equal(held, answer, "whether the owner had the lease that it keeps")
        if row is not None and held:
            row.until = now + lease if lease else 0.0

    async def crowd(self, pipe: Pipe, room: str, state: State, count: int) -> None:
        """Make many."""
        for number in range(count):
            await self.create(pipe, room, f"many-{number}", state, None, 0.0)

    async def edge(self, client: int, which: int, call: Step) -> None:
        """See that a lease ends when it is said to, and not before."""
        before = [moment for moment, *_ in self._coming()]
        await self.take((call[0], client, *call[1:]))
        coming = self._coming()
        if coming:
            new = [one for one in coming if one[0] not in before]
            _, room, row = new[0] if new else coming[which % len(coming)]
            async for _ in self._times.around(row.until):
                one = row.record
                asked = (room, (one.status,), "a stranger", 5.0, 1, one.saga_id, ())
                await self.take(("claim", client, *asked))

    def _coming(self) -> list[tuple[float, str, Saga]]:
        """Leases that end by themselves."""
        known = ((room, row) for room, space in self._spaces.items() for row in space.rows.values())
        soon = self._times.now() + LATE
        coming = [(row.until, room, row) for room, row in known if row.until > soon]
        return sorted(coming, key=lambda one: one[:2])

    async def wait(self, pipe: Pipe, seconds: float) -> None:
        """Let time pass."""
        await self._times.let_pass(seconds)

    async def end(self) -> None:
        """Compare all that is there."""
        for room, space in list(self._spaces.items()):
            for name in sorted(space.rows)[:40]:
                await self.take(("get", 1, room, name))
            statuses = sorted({row.record.status for row in space.rows.values()})
            for status in statuses[:_LISTED] if SagaFeature.LIST in self._features else ():
                await self.take(("listing", 1, room, status, None, 2))
            await self._claimed(room, statuses)

    async def _claimed(self, room: str, statuses: Sequence[str]) -> None:
        """See that all that is free is given, in the end, however few at a time."""
        for turn, _ in enumerate(self._sagas(room).rows):
            free = [row for row in self._sagas(room).rows.values() if row.until < self._times.now()]
            if turn and not free:
                return
            owner = f"the last {turn}"
            await self.take(("claim", turn % 2, room, statuses, owner, 360_000.0, 1000, None, ()))


def _in_turn(given: Sequence[Saga], left: Sequence[Saga]) -> bool:
    """Whether nobody is given before one that was made earlier.

    Whether an update begins the waiting anew is for the driver to say, and so is the order of
    those that were made at one tick of its clock.
    """
    new = [row for row in (*given, *left) if row.record.version == 1]
    firsts = new[: len(new) - sum(row.record.version == 1 for row in left)]
    return all(
        later.made > earlier.asked - _TICK
        for place, earlier in enumerate(firsts)
        for later in new[place + 1 :]
    )


def _same(expected: Sequence[SagaRecord], found: Sequence[SagaRecord], about: str) -> None:
    equal([_told(one) for one in expected], [_told(one) for one in found], about)


def _told(one: SagaRecord) -> tuple[object, ...]:
    step = (type(one.current_step).__name__, one.current_step)
    history = tuple(tuple(entry) for entry in one.history)
    return (one.saga_id, one.version, one.status, step, history, one.payload)
