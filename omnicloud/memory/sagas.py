"""The sagas contract in memory: every feature but durability."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.operation import Feature
from omnicloud.errors import SagaStateConflictError
from omnicloud.memory.store import MemoryStore, Rows

__all__ = ["FEATURES", "MemorySagas"]

FEATURES: frozenset[Feature] = frozenset(SagaFeature) - {SagaFeature.DURABLE}


@dataclass(frozen=True, slots=True)
class _Row:
    """A saga and its lease; ``written`` orders sagas by their last write."""

    record: SagaRecord
    written: int
    owner: str = ""
    leased_until: float = 0.0


class MemorySagas:
    """A sagas driver over rows of a :class:`MemoryStore`."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._namespace = namespace

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> SagaLimits:
        return SagaLimits(payload_max_bytes=16 << 20)

    async def create(self, op: Create, /) -> None:
        await self._store.turn()
        rows = self._rows(op.space)
        if op.state.saga_id in rows:
            raise SagaStateConflictError("there is a saga of that id")
        row = _Row(replace(op.state, version=1), self._store.number())
        if op.owner is not None:
            row = replace(row, owner=op.owner, leased_until=self._now() + op.lease)
        rows[op.state.saga_id] = row
        self._store.tell()

    async def get(self, op: Get, /) -> SagaRecord | None:
        await self._store.reading()
        row: _Row | None = self._rows(op.space).get(op.saga_id)
        return None if row is None else row.record

    async def update(self, op: Update, /) -> int:
        await self._store.turn()
        rows = self._rows(op.space)
        row: _Row | None = rows.get(op.state.saga_id)
        if row is None:
            raise SagaStateConflictError("there is no saga of that id")
        if row.record.version != op.state.version:
            raise SagaStateConflictError(
                f"the saga has version {row.record.version}, not {op.state.version}",
                hint="get it again, and decide again",
            )
        record = replace(op.state, version=op.state.version + 1)
        rows[op.state.saga_id] = replace(row, record=record, written=self._store.number())
        self._store.tell()
        return record.version

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        await self._store.reading()
        rows = self._rows(op.space)
        ids = sorted(
            saga_id
            for saga_id, row in rows.items()
            if row.record.status == op.status and (op.after is None or saga_id > op.after)
        )
        return tuple(rows[saga_id].record for saga_id in ids[: op.limit])

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        free: list[_Row] = [row for row in rows.values() if _is_free(row, op, now)]
        chosen = sorted(free, key=lambda row: row.written)[: op.most]
        for row in chosen:
            leased = replace(row, owner=op.owner, leased_until=now + op.lease)
            rows[row.record.saga_id] = leased
        return tuple(row.record for row in chosen)

    async def keep(self, op: Keep, /) -> bool:
        await self._store.turn()
        rows, now = self._rows(op.space), self._now()
        row: _Row | None = rows.get(op.saga_id)
        if row is None or row.owner != op.owner or row.leased_until <= now:
            return False
        rows[op.saga_id] = replace(row, leased_until=now + op.lease)
        return True

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    def _rows(self, space: str) -> Rows:
        return self._store.rows(("sagas", self._namespace, space))

    def _now(self) -> float:
        return self._store.clock.monotonic()


def _is_free(row: _Row, op: Claim, now: float) -> bool:
    record = row.record
    if op.saga_id is not None and record.saga_id != op.saga_id:
        return False
    if record.status not in op.statuses or record.saga_id in op.excluded:
        return False
    return row.leased_until <= now or row.owner == op.owner
