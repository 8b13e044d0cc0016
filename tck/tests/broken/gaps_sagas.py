"""sagas drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim as ClaimSaga
from omnicloud.contracts.sagas.driver import Create, Get, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import NotFoundError, SagaStateConflictError
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract


def sagas(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, SagaContract)


@sagas("SA02", "T0", "a missing saga raises instead of None")
class MissingRaises(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await super().get(op)
        if found is None:
            raise NotFoundError("there is no such saga")
        return found


@sagas("SA04", "T1", "a new saga has version 0")
class FromZero(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(op)
        rows = self._rows(op.space)
        row = rows[op.state.saga_id]
        rows[op.state.saga_id] = replace(row, record=replace(row.record, version=0))


@sagas("SA06", "T1", "a current step that is a number comes back as text")
class StepIsText(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await super().get(op)
        if found is None or found.current_step is None:
            return found
        return replace(found, current_step=str(found.current_step))


@sagas("SA10", "T1", "updating a saga that is not there creates it")
class UpdateCreates(MemorySagas):
    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        if op.state.saga_id not in self._rows(op.space):
            await super().create(Create(op.space, op.state))
            return 1
        return await super().update(op)


@sagas("SA12", "T2", "an update that conflicts has written its payload all the same")
class WritesAnyway(MemorySagas):
    async def update(self, op: Update, /) -> int:
        try:
            return await super().update(op)
        except SagaStateConflictError:
            rows = self._rows(op.space)
            row = rows.get(op.state.saga_id)
            if row is not None:
                kept = replace(row.record, payload=op.state.payload)
                rows[op.state.saga_id] = replace(row, record=kept)
            raise


@sagas("SA13", "T3", "the lease of a process that died never ends")
class LeaseForEver(MemorySagas):
    async def claim(self, op: ClaimSaga, /) -> tuple[SagaRecord, ...]:
        return await super().claim(replace(op, lease=1e9) if op.lease else op)


@sagas("SA14", "T2", "an update gives the lease free, so that a second engine takes the saga")
class UpdateFrees(MemorySagas):
    async def update(self, op: Update, /) -> int:
        version = await super().update(op)
        rows = self._rows(op.space)
        rows[op.state.saga_id] = replace(rows[op.state.saga_id], owner="", leased_until=0.0)
        return version


@sagas("SA15", "T1", "a step's history entries that are equal are kept once")
class HistoryOnce(MemorySagas):
    async def update(self, op: Update, /) -> int:
        once = tuple(dict.fromkeys(op.state.history))
        return await super().update(replace(op, state=replace(op.state, history=once)))
