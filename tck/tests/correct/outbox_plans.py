"""A right outbox driver over a table, whose transactions are plans that are done at their end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from correct import outbox_tables as tables
from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.outbox.driver import (
    Begin,
    Claim,
    Fail,
    Keep,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, OutboxFeature, OutboxLag, OutboxLimits
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud.memory.store import MemoryStore

_MOST_CLAIMED = 5
_LONGEST_WAIT = 18.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 9.0
_TRANSACTION_SECONDS = 30.0

R = TypeVar("R")
Step = Callable[[sqlite3.Connection], Any]


class _Table(Backend):
    """The table of one store, for all namespaces of it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.db.executescript(tables.SCHEMA)
        self.written = 0

    def __del__(self) -> None:
        self.db.close()

    def do(self, steps: list[Step]) -> Any:
        """Do all steps; the answer of the last."""
        answer = None
        for step in steps:
            answer = step(self.db)
        self.written += 1
        self.tell()
        return answer

    def imagine(self, steps: list[Step]) -> Any:
        """The answer of the last step, and nothing done."""
        answer = None
        self.db.execute("savepoint thought")
        try:
            for step in steps:
                answer = step(self.db)
        finally:
            self.db.execute("rollback to thought")
            self.db.execute("release thought")
        return answer


class _Plan:
    """A transaction: what it will do, unless anybody else writes before."""

    def __init__(self, client: Apart, table: _Table) -> None:
        self._client, self._table = client, table
        self.steps: list[Step] = []
        self._written = table.written
        self._expires = table.now() + _TRANSACTION_SECONDS
        self._is_over = False

    @property
    def store(self) -> object:
        return self._table

    def check_open(self) -> None:
        """Refuse what comes after its end, or after another writer."""
        if self._is_over or self._table.now() >= self._expires:
            self._is_over = True
            raise ConflictError("the transaction has ended")
        if self._table.written != self._written:
            raise ConflictError("another writer came", hint="run it again")

    async def commit(self) -> None:
        await self._client.arrive()
        self.check_open()
        self._is_over = True
        if self.steps:
            self._table.do(self.steps)
        await self._client.linger()

    async def rollback(self) -> None:
        self._is_over = True
        await self._client.linger()


@correct("outbox")
class PlannedOutbox(Apart):
    """A claim gives five at most, looks in vain now and then, and waits 18 seconds at most."""

    backend_class = _Table
    _backend: _Table
    features: frozenset[Feature] = frozenset({OutboxFeature.TRANSACTION})
    limits = OutboxLimits(
        name_max_bytes=1410, payload_max_bytes=4096, claim_max_events=_MOST_CLAIMED
    )

    def __init__(
        self, store: MemoryStore, namespace: str = "", *, transaction: _Plan | None = None
    ) -> None:
        super().__init__(store)
        self._namespace, self._transaction = namespace, transaction

    async def save(self, op: Save, /) -> None:
        await self.arrive()
        space, stamp, now = self._space(op.space), self._store.clock.wall(), self._backend.now()
        await self._done(lambda db: tables.save(db, space, op.event, stamp, now))

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        await self.arrive()
        return self._look(lambda db: tables.events(db, self._here(op)))

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        await self.arrive()
        return self._look(lambda db: tables.aggregates(db, self._here(op)))

    async def mark(self, op: Mark, /) -> None:
        await self.arrive()
        now = self._backend.now()
        await self._done(lambda db: tables.mark(db, self._here(op), now))

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        space, most = self._space(op.space), min(op.most, _MOST_CLAIMED)
        until, pause = self._backend.now() + min(op.wait, _LONGEST_WAIT), _FIRST_PAUSE
        while True:
            await self.arrive()
            now = self._backend.now()
            if self._look(lambda db: tables.claimable(db, space, 1, now)):  # noqa: B023 - at once
                end = now + op.lease
                # No await between the claim and the answer: whoever is cancelled holds nothing.
                return self._do(lambda db: tables.claim(db, space, op.owner, most, now, end))  # noqa: B023
            if now >= until:
                return ()
            moment = self._look(lambda db: tables.next_moment(db, space, now))  # noqa: B023
            await self._backend.until(min(until, moment, now + pause))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def keep(self, op: Keep, /) -> None:
        await self.arrive()
        now = self._backend.now()
        await self._done(lambda db: tables.keep(db, self._here(op), now))

    async def fail(self, op: Fail, /) -> None:
        await self.arrive()
        now = self._backend.now()
        await self._done(lambda db: tables.fail(db, self._here(op), now))

    async def requeue(self, op: Requeue, /) -> bool:
        await self.arrive()
        space = self._space(op.space)
        return await self._done(lambda db: tables.requeue(db, space, op.event_id))

    async def lag(self, op: Lag, /) -> OutboxLag:
        await self.arrive()
        space, now = self._space(op.space), self._backend.now()
        return self._look(lambda db: tables.lag(db, space, now))

    async def purge(self, op: Purge, /) -> int:
        await self.arrive()
        now = self._backend.now()
        return await self._done(lambda db: tables.purge(db, self._here(op), now))

    async def begin(self, op: Begin, /) -> _Plan:
        await self.arrive()
        return _Plan(Apart(self._store), self._backend)

    def within(self, transaction: object, /) -> PlannedOutbox:
        if not isinstance(transaction, _Plan) or transaction.store is not self._backend:
            raise InvalidArgumentError("the transaction belongs to another store")
        return type(self)(self._store, self._namespace, transaction=transaction)

    async def arrive(self) -> None:
        await super().arrive()
        if self._transaction is not None:
            self._transaction.check_open()

    def _space(self, space: str) -> str:
        return f"{len(self._namespace)}:{self._namespace}{space}"

    def _here(self, op: Any) -> Any:
        """The request, about the space of this namespace."""
        return replace(op, space=self._space(op.space))

    def _look(self, step: Callable[[sqlite3.Connection], R]) -> R:
        plan = [] if self._transaction is None else self._transaction.steps
        found: R = self._backend.imagine([*plan, step]) if plan else step(self._backend.db)
        return found

    def _do(self, step: Callable[[sqlite3.Connection], R]) -> R:
        """Do it now or, inside a transaction, at its end."""
        if self._transaction is None:
            answer: R = self._backend.do([step])
            return answer
        self._transaction.steps.append(step)
        thought: R = self._backend.imagine(self._transaction.steps)
        return thought

    async def _done(self, step: Callable[[sqlite3.Connection], R]) -> R:
        answer = self._do(step)
        await self.linger()
        return answer
