"""kv drivers whose conditions are wrong inside transactions."""

from __future__ import annotations

from broken.registry import broken
from omnicloud.contracts.kv.driver import Set
from omnicloud.memory.kv import MemoryKV
from omnicloud_tck.kv import KVContract


class _LooksOutside(MemoryKV):
    async def set(self, op: Set, /) -> str:
        committed = MemoryKV(self._store, self._namespace)
        self._expect(op.if_version, committed._live(op.key))
        return await super().set(Set(op.key, op.value, op.ttl, None, op.if_absent))


@broken("XKV60", "T1", "inside a transaction versions are those from before it", KVContract)
class VersionsFromOutside(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _LooksOutside(self._store, self._namespace, transaction=joined)
