"""Saga drivers whose claims are cut before they are chosen from."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Keep, ListSagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.sagas import MemorySagas, _is_free
from omnicloud_tck.sagas import SagaContract

_WINDOW = 100


@broken("B8-SA10", "T2", "a claim is cut before the excluded are left out", SagaContract)
class CutsTooEarly(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        wide, now, rows = replace(op, excluded=()), self._now(), self._rows(op.space)
        free = [row for row in rows.values() if _is_free(row, wide, now)]
        first = sorted(free, key=lambda row: row.written)[: op.most]
        seen = {row.record.saga_id for row in first}
        unseen = (name for name in rows if name not in seen)
        return await super().claim(replace(op, excluded=(*op.excluded, *unseen)))


@broken("B8-SA11", "T2", "a claim looks at the 100 oldest sagas only, ended or not", SagaContract)
class LooksAtAHundred(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        rows = self._rows(op.space)
        oldest = sorted(rows.values(), key=lambda row: row.written)
        late = (row.record.saga_id for row in oldest[_WINDOW:])
        return await super().claim(replace(op, excluded=(*op.excluded, *late)))


@broken("B8-SA04", "T2", "the owner's own are given in spite of being excluded", SagaContract)
class OwnInSpite(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        rows, now = self._rows(op.space), self._now()
        own = {name for name, row in rows.items() if row.owner == op.owner}
        held = {name for name in own if rows[name].leased_until > now}
        left = tuple(name for name in op.excluded if name not in held)
        return await super().claim(replace(op, excluded=left))


@broken("B8-SA12", "T1", "of more than 100 excluded the rest is given", SagaContract)
class ExcludesAHundred(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        return await super().claim(replace(op, excluded=op.excluded[:_WINDOW]))


@broken("B8-SA13", "T3", "a lease can be kept ten times", SagaContract)
class KeepsTenTimes(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        times = self._store.rows(("kept", self._namespace, op.space))
        times[op.saga_id] = times.get(op.saga_id, 0) + 1
        if times[op.saga_id] > 10:
            await self._store.turn()
            return False
        return await super().keep(op)


@broken("B8-SA14", "T1", "a page of sagas ends at 1 MiB", SagaContract)
class SagasOfAMegabyte(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        found = await super().list_sagas(op)
        sizes = accumulate(len(record.payload) for record in found)
        return found[: max(1, sum(size <= 1 << 20 for size in sizes))]


@broken("B8-SA15", "T1", "a claim leaves out payloads of more than 64 KiB", SagaContract)
class ClaimsLight(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        found = await super().claim(op)
        return tuple(
            record if len(record.payload) <= 1 << 16 else replace(record, payload=b"{}")
            for record in found
        )
