"""Right kv drivers that are not like the reference."""

from __future__ import annotations

from dataclasses import replace

from correct.common import correct, cut, meant, slowed, told
from omnicloud.contracts.kv.driver import Changes, Delete, Get, GetMany, Scan, Set
from omnicloud.contracts.kv.models import Change, ChangePage, KVFeature, KVLimits, Page, Record
from omnicloud.core.operation import Feature
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore, MemoryTransaction


@correct("kv")
class Other(MemoryKV):
    """Narrow limits, pages of three and empty ones, versions of another form, slow."""

    def __init__(
        self,
        store: MemoryStore,
        namespace: str = "",
        *,
        transaction: MemoryTransaction | None = None,
    ) -> None:
        super().__init__(slowed(store), namespace, transaction=transaction)

    @property
    def limits(self) -> KVLimits:
        return KVLimits(
            name_max_bytes=1500, value_max_bytes=4096, batch_max_items=5, batch_max_bytes=9000
        )

    def within(self, transaction: object, /) -> Other:
        joined = self._store.joined(transaction)
        return Other(self._store, self._namespace, transaction=joined)

    async def get(self, op: Get, /) -> Record | None:
        return _told(await super().get(op))

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return tuple(map(_told, await super().get_many(op)))

    async def set(self, op: Set, /) -> str:
        return told(await super().set(replace(op, if_version=meant(op.if_version))))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, if_version=meant(op.if_version)))

    async def scan(self, op: Scan, /) -> Page:
        keys = (await super().scan(Scan(op.prefix, limit=1_000_000))).keys
        found, cursor = cut(list(keys), op.cursor, op.limit, 3)
        return Page(tuple(found), cursor)

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        return ChangePage(tuple(map(_retold, page.changes)), page.cursor)


def _told(record: Record | None) -> Record | None:
    return record and replace(record, version=told(record.version))


def _retold(change: Change) -> Change:
    return replace(change, version=told(change.version)) if change.version else change


@correct("kv")
class Plain(MemoryKV):
    """Times to live and conditional writes, and nothing else."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset({KVFeature.TTL, KVFeature.COMPARE_AND_SET})


@correct("kv")
class Bare(MemoryKV):
    """Gets, sets and deletes; and lists, counts and writes in batches, but keeps no times."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset({KVFeature.BATCH, KVFeature.SCAN, KVFeature.COUNTER, KVFeature.WATCH})
