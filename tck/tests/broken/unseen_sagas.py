"""sagas drivers, wrong in ways that no law was written for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError, UnavailableError
from omnicloud.memory.sagas import MemorySagas, _is_free, _Row
from omnicloud_tck.sagas import SagaContract


def sagas(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, SagaContract)


class _Reads(MemorySagas):
    """Reads something else than it was given."""

    def read(self, record: SagaRecord) -> SagaRecord:
        return record

    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await super().get(op)
        return found and self.read(found)

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        return tuple(map(self.read, await super().list_sagas(op)))

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        return tuple(map(self.read, await super().claim(op)))


@sagas("U-SG-01", "T0", "keeping answers True, whoever asks")
class KeepsAll(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await super().keep(op)
        return True


@sagas("U-SG-02", "T1", "a step that is a number comes back as text")
class StepText(_Reads):
    def read(self, record: SagaRecord) -> SagaRecord:
        step = record.current_step
        return replace(record, current_step=step if step is None else str(step))


@sagas("U-SG-03", "T1", "step 0 is no step")
class StepZero(_Reads):
    def read(self, record: SagaRecord) -> SagaRecord:
        return replace(record, current_step=record.current_step or None)


@sagas("U-SG-04", "T1", "an entry of the history that repeats the one before is dropped")
class HistorySet(_Reads):
    def read(self, record: SagaRecord) -> SagaRecord:
        return replace(record, history=tuple(dict.fromkeys(record.history)))


@sagas("U-SG-05", "T1", "a step that is a text of digits comes back as a number")
class StepNumber(_Reads):
    def read(self, record: SagaRecord) -> SagaRecord:
        step = record.current_step
        if isinstance(step, str) and step.isascii() and step.isdigit():
            return replace(record, current_step=int(step))
        return record


@sagas("U-SG-06", "T1", "numbers of the payload go through a double")
class Doubles(_Reads):
    def read(self, record: SagaRecord) -> SagaRecord:
        try:
            data = json.loads(record.payload, parse_int=lambda text: int(float(text)))
        except ValueError:
            return record
        return replace(record, payload=json.dumps(data, ensure_ascii=False).encode())


@sagas("U-SG-07", "T1", "only the last thousand entries of the history are kept")
class HistoryCut(_Reads):
    def read(self, record: SagaRecord) -> SagaRecord:
        return replace(record, history=record.history[-1000:])


@sagas("U-SG-08", "T1", "a saga in its last status may be created again")
class CreatesOverDone(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        row = self._rows(op.space).get(op.state.saga_id)
        if row is not None and row.record.status.lower() in ("completed", "compensated"):
            del self._rows(op.space)[op.state.saga_id]
        await super().create(op)


@sagas("U-SG-09", "T1", "an update of a saga that is not there creates it")
class Upserts(MemorySagas):
    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        if op.state.saga_id not in self._rows(op.space):
            row = _Row(replace(op.state, version=op.state.version + 1), self._store.number())
            self._rows(op.space)[op.state.saga_id] = row
            return op.state.version + 1
        return await super().update(op)


@sagas("U-SG-10", "T2", "an update ends the lease")
class UpdateFrees(MemorySagas):
    async def update(self, op: Update, /) -> int:
        version = await super().update(op)
        rows = self._rows(op.space)
        rows[op.state.saga_id] = replace(rows[op.state.saga_id], owner="", leased_until=0.0)
        return version


@sagas("U-SG-11", "T2", "leasing changes the version")
class ClaimBumps(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        found = await super().claim(op)
        rows = self._rows(op.space)
        for one in found:
            row = rows[one.saga_id]
            record = replace(row.record, version=row.record.version + 1)
            rows[one.saga_id] = replace(row, record=record)
        return tuple(replace(one, version=one.version + 1) for one in found)


@sagas("U-SG-12", "T1", "only the first of the excluded is left out")
class ExcludesOne(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        return await super().claim(replace(op, excluded=op.excluded[:1]))


@sagas("U-SG-13", "T1", "only the first of the statuses is looked for")
class OneStatus(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        return await super().claim(replace(op, statuses=op.statuses[:1]))


@sagas("U-SG-14", "T2", "claims are given by id, not to those that waited longest")
class ClaimsById(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows = self._rows(op.space)
        for place, name in enumerate(sorted(rows)):
            rows[name] = replace(rows[name], written=place)
        return await super().claim(op)


@sagas("U-SG-15", "T3", "keeping revives a lease that has ended")
class KeepsEnded(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        rows = self._rows(op.space)
        row = rows.get(op.saga_id)
        if row is None or row.owner != op.owner:
            return False
        rows[op.saga_id] = replace(row, leased_until=self._now() + op.lease)
        return True


@sagas("U-SG-16", "T3", "a lease of 0 does not give free")
class KeepsZero(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        return await super().keep(replace(op, lease=op.lease or 30.0))


@sagas("U-SG-17", "T3", "leases end by the wall clock")
class WallLeases(MemorySagas):
    def _now(self) -> float:
        return self._store.clock.wall()


@sagas("U-SG-18", "T2", "choosing and leasing are two steps")
class TwoSteps(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        chosen = [row for row in rows.values() if _is_free(row, op, now)]
        chosen = sorted(chosen, key=lambda row: row.written)[: op.most]
        await asyncio.sleep(0)
        for row in chosen:
            leased = replace(row, owner=op.owner, leased_until=now + op.lease)
            rows[row.record.saga_id] = leased
        return tuple(row.record for row in chosen)


@sagas("U-SG-19", "T4", "claiming looks in every space, and so at every tenant's sagas")
class ClaimsAnywhere(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        found = list(await super().claim(op))
        for place in list(self._store._tables):
            if isinstance(place, tuple) and place[:2] == ("sagas", self._namespace):
                left = op.most - len(found)
                if left > 0 and place[2] != op.space:
                    found += await super().claim(replace(op, space=place[2], most=left))
        return tuple(found)


@sagas("U-SG-20", "T1", "a saga is created without the lease that was asked")
class CreatesFree(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, owner=None))


@sagas("U-SG-21", "T1", "ids that differ in case or in blanks behind them are one")
class Collation(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        for name in self._rows(op.space):
            if name.rstrip().casefold() == op.state.saga_id.rstrip().casefold():
                raise SagaStateConflictError("there is a saga of that id")
        await super().create(op)


@sagas("U-SG-22", "T2", "a stale update writes its status before it is refused")
class WritesThenRefuses(MemorySagas):
    async def update(self, op: Update, /) -> int:
        try:
            return await super().update(op)
        except SagaStateConflictError:
            rows = self._rows(op.space)
            row = rows.get(op.state.saga_id)
            if row is not None and op.state.version < row.record.version:
                record = replace(row.record, current_step=op.state.current_step)
                rows[op.state.saga_id] = replace(row, record=record)
            raise


@sagas("U-SG-23", "T3", "an outage is read as no such saga")
class OutageIsNone(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        try:
            return await super().get(op)
        except UnavailableError:
            return None


@sagas("U-SG-24", "T1", "a page begins anew when the saga it goes on after has another status now")
class PageByPlace(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        found = await super().list_sagas(replace(op, after=None, limit=1 << 30))
        ids = [one.saga_id for one in found]
        start = ids.index(op.after) + 1 if op.after in ids else 0
        return found[start : start + op.limit]


@sagas("U-SG-25", "T1", "sagas are listed in the order of UTF-16")
class Utf16Order(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        found = await super().list_sagas(replace(op, after=None, limit=1 << 30))
        found = tuple(sorted(found, key=lambda one: one.saga_id.encode("utf-16-be")))
        low = (op.after or "").encode("utf-16-be")
        return tuple(one for one in found if one.saga_id.encode("utf-16-be") > low)[: op.limit]


@sagas("U-SG-26", "T2", "one saga more is leased than is given")
class LeasesOneMore(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        return (await super().claim(replace(op, most=op.most + 1)))[: op.most]


@sagas("U-SG-27", "T1", "the status is looked for without its case")
class CaselessStatus(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        await self._store.reading()
        rows = self._rows(op.space).values()
        found = [row.record for row in rows if row.record.status.lower() == op.status.lower()]
        found.sort(key=lambda one: one.saga_id)
        return tuple(one for one in found if one.saga_id > (op.after or ""))[: op.limit]


@sagas("U-SG-28", "T3", "keeping never shortens a lease")
class LeaseNotRenewed(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        row = self._rows(op.space).get(op.saga_id)
        until = row.leased_until if row is not None else 0.0
        done = await super().keep(op)
        if done and op.lease > 0:
            rows = self._rows(op.space)
            longest = max(until, self._now() + op.lease)
            rows[op.saga_id] = replace(rows[op.saga_id], leased_until=longest)
        return done
