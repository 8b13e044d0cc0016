"""sagas drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.operation import Feature
from omnicloud.errors import InternalError, NotFoundError, SagaStateConflictError
from omnicloud.memory.sagas import FEATURES, MemorySagas, _Row
from omnicloud_tck.sagas import SagaContract

Records = tuple[SagaRecord, ...]


def sagas(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, SagaContract)


class _Unchecked(MemorySagas):
    """Updates without comparing as it should."""

    def fits(self, stored: int, given: int) -> bool:
        return True

    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        row = self._rows(op.space).get(op.state.saga_id)
        if row is not None and self.fits(row.record.version, op.state.version):
            op = replace(op, state=replace(op.state, version=row.record.version))
        return await super().update(op)


class _Forgetting(MemorySagas):
    """Stores another state than it is given at an update."""

    def kept(self, old: SagaRecord, new: SagaRecord) -> SagaRecord:
        return new

    async def update(self, op: Update, /) -> int:
        old = await super().get(Get(op.space, op.state.saga_id))
        if old is not None:
            op = replace(op, state=self.kept(old, op.state))
        return await super().update(op)


@sagas("SA01", "T0", "the version is never checked")
class LastWins(_Unchecked):
    pass


@sagas("SA02", "T0", "get of a missing saga raises")
class MissingRaises(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await super().get(op)
        if found is None:
            raise NotFoundError("missing")
        return found


@sagas("SA03", "T1", "create overwrites a saga of the same id")
class CreateOverwrites(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        self._rows(op.space).pop(op.state.saga_id, None)
        await super().create(op)


@sagas("SA04", "T1", "create overwrites a saga that has ended")
class CreateOverEnded(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        row = self._rows(op.space).get(op.state.saga_id)
        if row is not None and row.record.status == "COMPLETED":
            del self._rows(op.space)[op.state.saga_id]
        await super().create(op)


@sagas("SA05", "T1", "only the last history entry is kept")
class LastEntry(_Forgetting):
    def kept(self, old: SagaRecord, new: SagaRecord) -> SagaRecord:
        return replace(new, history=new.history[-1:])


@sagas("SA06", "T1", "history is cut at 256 entries")
class HistoryCut(_Forgetting):
    def kept(self, old: SagaRecord, new: SagaRecord) -> SagaRecord:
        return replace(new, history=new.history[:256])


@sagas("SA07", "T1", "an update does not store the payload")
class PayloadStays(_Forgetting):
    def kept(self, old: SagaRecord, new: SagaRecord) -> SagaRecord:
        return replace(new, payload=old.payload)


@sagas("SA08", "T1", "an update does not store the status")
class StatusStays(_Forgetting):
    def kept(self, old: SagaRecord, new: SagaRecord) -> SagaRecord:
        return replace(new, status=old.status)


@sagas("SA09", "T1", "a version from the future is accepted")
class FutureFits(_Unchecked):
    def fits(self, stored: int, given: int) -> bool:
        return given >= stored


@sagas("SA10", "T1", "a stale version is accepted")
class StaleFits(_Unchecked):
    def fits(self, stored: int, given: int) -> bool:
        return given <= stored


@sagas("SA11", "T2", "comparing and writing are two steps")
class TwoSteps(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        if row is None or row.record.version != op.state.version:
            raise SagaStateConflictError("another version")
        await asyncio.sleep(0.001)
        await self._store.turn()
        record = replace(op.state, version=op.state.version + 1)
        self._rows(op.space)[record.saga_id] = replace(row, record=record)
        return record.version


@sagas("SA12", "T2", "looking and creating are two steps")
class CreateInTwoSteps(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        if op.state.saga_id in self._rows(op.space):
            raise SagaStateConflictError("there is one")
        await asyncio.sleep(0.001)
        record = replace(op.state, version=1)
        self._rows(op.space)[record.saga_id] = _Row(record, self._store.number())


@sagas("SA13", "T1", "the current step becomes text")
class StepAsText(MemorySagas):
    async def create(self, op: Create, /) -> None:
        text = replace(op.state, current_step=str(op.state.current_step))
        await super().create(replace(op, state=text))


@sagas("SA14", "T1", "a created saga has version 0")
class FromZero(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(op)
        rows = self._rows(op.space)
        row = rows[op.state.saga_id]
        rows[op.state.saga_id] = replace(row, record=replace(row.record, version=0))


@sagas("SA15", "T1", "an update of an unknown saga creates it")
class Upsert(MemorySagas):
    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        if op.state.saga_id not in self._rows(op.space):
            record = replace(op.state, version=op.state.version + 1)
            self._rows(op.space)[record.saga_id] = _Row(record, self._store.number())
            return record.version
        return await super().update(op)


@sagas("SA16", "T1", "an update does not store the current step")
class StepStays(_Forgetting):
    def kept(self, old: SagaRecord, new: SagaRecord) -> SagaRecord:
        return replace(new, current_step=old.current_step)


@sagas("SA17", "T1", "it says a limit that it does not keep")
class FalseLimit(MemorySagas):
    @property
    def limits(self) -> SagaLimits:
        return SagaLimits(payload_max_bytes=1 << 20)

    async def update(self, op: Update, /) -> int:
        if len(op.state.payload) > 256 << 10:
            raise InternalError("row too large")
        return await super().update(op)


@sagas("SA18", "T1", "only the first page is listed")
class FirstPage(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> Records:
        return () if op.after is not None else await super().list_sagas(op)


@sagas("SA19", "T1", "listing goes by the first status of a saga")
class OldStatus(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(op)
        self._store.rows("first")[op.space, op.state.saga_id] = op.state.status

    async def list_sagas(self, op: ListSagas, /) -> Records:
        await self._store.reading()
        first = self._store.rows("first")
        rows = self._rows(op.space)
        ids = sorted(one for space, one in first if space == op.space)
        chosen = [one for one in ids if first[op.space, one] == op.status]
        return tuple(rows[one].record for one in chosen if one > (op.after or ""))[: op.limit]


@sagas("XSA01", "T2", "two workers are given one saga")
class NoLease(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        found = await super().claim(op)
        rows = self._rows(op.space)
        for one in found:
            rows[one.saga_id] = replace(rows[one.saga_id], leased_until=0.0)
        return found


@sagas("XSA02", "T3", "a lease never ends")
class LeasedForEver(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(replace(op, lease=1e9))


@sagas("XSA03", "T3", "anyone may keep a lease")
class AnyoneKeeps(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        row = self._rows(op.space).get(op.saga_id)
        return await super().keep(op if row is None else replace(op, owner=row.owner))


@sagas("XSA04", "T3", "a lease that has ended can be kept")
class KeepsTheEnded(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        rows = self._rows(op.space)
        row = rows.get(op.saga_id)
        if row is None or row.owner != op.owner:
            return False
        rows[op.saga_id] = replace(row, leased_until=self._now() + op.lease)
        return True


@sagas("XSA05", "T2", "an update gives the lease free")
class UpdateFrees(MemorySagas):
    async def update(self, op: Update, /) -> int:
        version = await super().update(op)
        rows = self._rows(op.space)
        rows[op.state.saga_id] = replace(rows[op.state.saga_id], leased_until=0.0)
        return version


@sagas("XSA06", "T1", "a claim changes the version")
class ClaimCounts(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        found = await super().claim(op)
        rows = self._rows(op.space)
        for one in found:
            record = replace(one, version=one.version + 1)
            rows[one.saga_id] = replace(rows[one.saga_id], record=record)
        return tuple(rows[one.saga_id].record for one in found)


@sagas("XSA07", "T1", "a claim ignores what is excluded")
class IgnoresExcluded(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        return await super().claim(replace(op, excluded=()))


@sagas("XSA08", "T1", "a claim ignores the status")
class AnyStatus(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        rows = self._rows(op.space).values()
        statuses = tuple({row.record.status for row in rows})
        return await super().claim(replace(op, statuses=statuses))


@sagas("XSA09", "T2", "a lease cannot be given free")
class NeverFrees(MemorySagas):
    async def keep(self, op: Keep, /) -> bool:
        return await super().keep(replace(op, lease=max(op.lease, 5.0)))


@sagas("XSA10", "T4", "a worker is given the sagas of all tenants")
class AllTenants(MemorySagas):
    async def claim(self, op: Claim, /) -> Records:
        found = list(await super().claim(op))
        for table in list(self._store._tables):
            if table[0] == "sagas" and table[2] != op.space:
                found += await super().claim(replace(op, space=table[2]))
        return tuple(found[: op.most])


@sagas("XSA11", "T3", "it says durable, and a crash takes what a client wrote")
class LostInCrash(MemorySagas):
    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES | {SagaFeature.DURABLE}

    def _rows(self, space: str) -> Any:
        return self._store.rows(("sagas", id(self), space))


@sagas("SA20", "T2", "every call blocks the event loop for 20 ms")
class Blocks(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        time.sleep(0.02)
        return await super().get(op)


@sagas("SA21", "T3", "leaks one task per call")
class LeaksTasks(MemorySagas):
    leaked: list[asyncio.Task[None]] = []

    async def get(self, op: Get, /) -> SagaRecord | None:
        self.leaked.append(asyncio.ensure_future(asyncio.sleep(1e6)))
        return await super().get(op)

    async def aclose(self) -> None:
        while self.leaked:
            self.leaked.pop().cancel()
