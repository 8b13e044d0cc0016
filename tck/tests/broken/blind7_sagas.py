"""Sagas drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError
from omnicloud.memory.sagas import MemorySagas, _is_free
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.sagas import SagaContract


def sagas(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-SA-{number:02}", tier, summary, SagaContract)


# clause: Update "Answers the new version, one more"
# app: every second update
@sagas(1, "T0", "an update answers the version that it replaced")
class AnswersTheOldVersion(MemorySagas):
    async def update(self, op: Update, /) -> int:
        return await super().update(op) - 1


class _Rewriting(MemorySagas):
    """Stores another payload than it is given."""

    def rewritten(self, payload: bytes) -> bytes:
        return payload

    async def create(self, op: Create, /) -> None:
        state = replace(op.state, payload=self.rewritten(op.state.payload))
        await super().create(replace(op, state=state))

    async def update(self, op: Update, /) -> int:
        state = replace(op.state, payload=self.rewritten(op.state.payload))
        return await super().update(replace(op, state=state))


# clause: payloads are byte-exact; "The payload is a dict of JSON"
# app: ids of 64 bits in a payload (a document database that holds doubles)
@sagas(2, "T1", "whole numbers of a payload are kept as doubles")
class KeepsDoubles(_Rewriting):
    def rewritten(self, payload: bytes) -> bytes:
        try:
            held = json.loads(payload, parse_int=lambda text: int(float(text)))
        except (ValueError, OverflowError):
            return payload
        return json.dumps(held, ensure_ascii=False).encode()


# clause: payloads are byte-exact
# app: text of a form that holds a NUL (jsonb refuses it, so the driver strips it)
@sagas(3, "T1", "NUL characters in the texts of a payload are left out")
class StripsNul(_Rewriting):
    def rewritten(self, payload: bytes) -> bytes:
        return payload.replace(b"\\u0000", b"")


# clause: SagaState.current_step: str | int | None comes back as it was stored
# app: a saga whose steps are called "1", "2"
@sagas(4, "T1", "a step that is called by a number comes back as a number")
class GuessesNumbers(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        record = await super().get(op)
        if record is None or not isinstance(record.current_step, str):
            return record
        step = record.current_step
        return replace(record, current_step=int(step) if step.isdigit() else step)


# clause: Claim "leased by nobody else"
# app: two workers poll at once
@sagas(5, "T2", "claim looks for free sagas, awaits, and leases them")
class ClaimsLate(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        free = sorted(
            (row for row in rows.values() if _is_free(row, op, now)), key=lambda row: row.written
        )
        chosen = free[: op.most]
        await pause()
        for row in chosen:
            held = rows[row.record.saga_id]
            leased = replace(held, owner=op.owner, leased_until=now + op.lease)
            rows[row.record.saga_id] = leased
        return tuple(row.record for row in chosen)


# clause: "leasing changes no version"; an acknowledged write is read
# app: an update (retry of a stuck saga) while a worker claims
@sagas(6, "T2", "claim writes back the whole row that it has read")
class ClaimsWriteBack(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows = self._rows(op.space)
        before = {saga_id: row.record for saga_id, row in rows.items()}
        await pause()
        found = await super().claim(op)
        for record in found:
            old = before.get(record.saga_id, record)
            rows[record.saga_id] = replace(rows[record.saga_id], record=old)
        return found


# clause: Update "nothing was written" on a conflict
# app: two workers after a lost lease; the loser's history stays
@sagas(7, "T2", "a conflicting update has written its history before it looks at the version")
class WritesHistoryFirst(MemorySagas):
    async def update(self, op: Update, /) -> int:
        try:
            return await super().update(op)
        except SagaStateConflictError:
            rows = self._rows(op.space)
            row = rows.get(op.state.saga_id)
            if row is not None:
                record = replace(row.record, history=op.state.history)
                rows[op.state.saga_id] = replace(row, record=record)
            raise


# clause: Keep "one that has ended ... stays as it is", answers whether the owner had it
# app: a worker that was paused (garbage collection, laptop lid) beyond its lease
@sagas(8, "T3", "a lease that has ended is renewed")
class RenewsTheEnded(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        row = rows.get(op.saga_id)
        if row is None or row.owner != op.owner:
            return False
        rows[op.saga_id] = replace(row, leased_until=now + op.lease)
        return True


# clause: Claim "those that waited longest first"
# app: a busy engine: an old saga is never resumed
@sagas(9, "T3", "claim gives those first that were written last")
class ClaimsTheNewest(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        free = [row for row in rows.values() if _is_free(row, op, now)]
        chosen = sorted(free, key=lambda row: -row.written)[: op.most]
        for row in chosen:
            leased = replace(row, owner=op.owner, leased_until=now + op.lease)
            rows[row.record.saga_id] = leased
        return tuple(row.record for row in chosen)


# clause: general law "read-your-writes after an acknowledged write", two clients
# app: the web process polls a saga that a worker moves on
@sagas(10, "T3", "a client answers from what it read within the last second")
class RemembersReads(MemorySagas):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._seen: dict[tuple[str, str], tuple[float, SagaRecord]] = {}

    async def get(self, op: Get, /) -> SagaRecord | None:
        at, record = self._seen.get((op.space, op.saga_id), (-1.0, None))
        if record is not None and self._now() < at + 1.0:
            await self._store.reading()
            return record
        found = await super().get(op)
        if found is not None:
            self._seen[op.space, op.saga_id] = (self._now(), found)
        return found

    async def update(self, op: Update, /) -> int:
        self._seen.pop((op.space, op.state.saga_id), None)
        return await super().update(op)


# clause: "sagas of one space are unseen in another; a tenant has its own"
# app: list(status) of any tenant: a secondary index by status alone
@sagas(11, "T4", "sagas are listed by their status alone, whosever they are")
class ListsAllSpaces(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        await self._store.reading()
        found = [
            row.record
            for table, rows in list(self._store._tables.items())
            if isinstance(table, tuple) and table[:2] == ("sagas", self._namespace)
            for row in rows.values()
            if row.record.status == op.status
            and (op.after is None or row.record.saga_id > op.after)
        ]
        return tuple(sorted(found, key=lambda record: record.saga_id)[: op.limit])
