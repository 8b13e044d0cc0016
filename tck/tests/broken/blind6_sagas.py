"""Sagas drivers that are wrong as those over documents, rows and indexes would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.sagas import MemorySagas, _Row
from omnicloud_tck.sagas import SagaContract


def sagas(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, SagaContract)


@sagas("B6-SA-01", "T0", "keep answers that the lease stands, whoever asks")
class AlwaysKeeps(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await super().keep(op)
        return True


@sagas("B6-SA-02", "T1", "history entries are inserted and never deleted: it does not get shorter")
class OnlyAddsHistory(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row: _Row | None = self._rows(op.space).get(op.state.saga_id)
        if row is not None:
            longer = op.state.history + row.record.history[len(op.state.history) :]
            op = replace(op, state=replace(op.state, history=longer))
        return await super().update(op)


@sagas("B6-SA-03", "T1", "the number of a step is kept as a double")
class StepIsDouble(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, state=_rounded(op.state)))

    async def update(self, op: Update, /) -> int:
        return await super().update(replace(op, state=_rounded(op.state)))


def _rounded(state: SagaRecord) -> SagaRecord:
    step = state.current_step
    return replace(state, current_step=int(float(step))) if isinstance(step, int) else state


@sagas("B6-SA-04", "T2", "a saga asked for by its id is claimed whoever has it")
class ClaimsByKey(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        rows = self._rows(op.space)
        row: _Row | None = rows.get(op.saga_id)
        if row is not None:
            rows[op.saga_id] = replace(row, leased_until=0.0)
        return await super().claim(op)


@sagas("B6-SA-05", "T2", "an update that changes the status gives the lease free")
class FreesOnStatus(MemorySagas):
    async def update(self, op: Update, /) -> int:
        before: _Row | None = self._rows(op.space).get(op.state.saga_id)
        version = await super().update(op)
        rows = self._rows(op.space)
        row: _Row = rows[op.state.saga_id]
        if before is not None and before.record.status != op.state.status:
            rows[op.state.saga_id] = replace(row, owner="", leased_until=0.0)
        return version


@sagas("B6-SA-06", "T2", "a new saga is not leased: its owner has to claim it")
class CreatesFree(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, owner=None, lease=0.0))


@sagas("B6-SA-07", "T3", "keep never lets a lease end earlier, so it does not give it free")
class NeverShortens(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        row: _Row | None = self._rows(op.space).get(op.saga_id)
        left = 0.0 if row is None else row.leased_until - self._now()
        return await super().keep(replace(op, lease=max(op.lease, left)))


@sagas("B6-SA-08", "T3", "the index of statuses follows updates two seconds later")
class IndexIsBehind(MemorySagas):
    async def update(self, op: Update, /) -> int:
        before: _Row | None = self._rows(op.space).get(op.state.saga_id)
        version = await super().update(op)
        if before is not None and before.record.status != op.state.status:
            until = self._now() + 2.0
            self._behind()[op.space, op.state.saga_id] = (until, before.record.status)
        return version

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        await self._store.reading()
        indexed = (
            row.record
            for saga_id, row in sorted(self._rows(op.space).items())
            if self._indexed(op.space, row) == op.status
            and (op.after is None or saga_id > op.after)
        )
        return tuple(indexed)[: op.limit]

    def _indexed(self, space: str, row: _Row) -> str:
        now, status = self._now(), row.record.status
        until, before = self._behind().get((space, row.record.saga_id), (now, status))
        return str(before if now < until else status)

    def _behind(self) -> dict[Any, Any]:
        return self._store.rows(("behind", self._namespace))


@sagas("B6-SA-09", "T4", "a status is claimed that is a part of one that was asked for")
class StatusIsPart(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        asked, rows = ",".join(op.statuses), self._rows(op.space)
        there = {row.record.status for row in rows.values()}
        return await super().claim(
            replace(op, statuses=tuple(sorted(one for one in there if one in asked)))
        )
